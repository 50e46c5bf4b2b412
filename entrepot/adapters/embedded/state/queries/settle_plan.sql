-- settle_plan: freeze an open plan's figures.
-- Parameters: flow, sequence, received, accepted, rejected, duplicate, superseded_rows, version, settled_at, details.
UPDATE plans SET
    status = 'settled', received = :received, accepted = :accepted, rejected = :rejected, duplicate = :duplicate,
    superseded_rows = :superseded_rows, version = :version, settled_at = :settled_at, details = :details
WHERE flow = :flow AND sequence = :sequence AND status = 'open'
