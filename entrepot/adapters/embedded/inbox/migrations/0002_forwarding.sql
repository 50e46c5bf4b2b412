-- Outputs also go to a topic: they and their records stay until both bronze and the topic have them.

ALTER TABLE integrations ADD COLUMN forwarded INTEGER;   -- outputs up to this one stand on the topic; null: none is wanted there
