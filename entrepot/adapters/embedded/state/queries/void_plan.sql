-- void_plan: close an open plan that can never be done.
-- Parameters: flow, sequence, version, note, settled_at.
UPDATE plans SET status = 'voided', version = :version, note = :note, settled_at = :settled_at
WHERE flow = :flow AND sequence = :sequence AND status = 'open'
