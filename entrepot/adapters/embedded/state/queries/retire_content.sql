-- retire_content: a plan supersedes a content: earlier plans' claim on it is no longer live. The first superseder counts.
-- Parameters: flow, content, sequence (of the superseding plan).
UPDATE contents SET live = 0, superseded_by = :sequence
WHERE flow = :flow AND content = :content AND sequence < :sequence AND (live = 1 OR superseded_by > :sequence)
