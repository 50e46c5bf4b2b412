-- revive_contents: a superseding plan was voided: what it had replaced is live again.
-- Parameters: flow, sequence (of the voided plan).
UPDATE contents SET live = 1, superseded_by = NULL
WHERE flow = :flow AND superseded_by = :sequence
