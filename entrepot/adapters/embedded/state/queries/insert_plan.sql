-- insert_plan: write down a plan with its numbers.
-- Parameters: every column of a plan but `acknowledged`, which starts at 0.
INSERT INTO plans (
    flow, sequence, target, batch, position, position_kind, contract_hash, transform_hash,
    received_at, pins, mode, contents, supersedes, reason, planned_at, status, attempts,
    received, accepted, rejected, duplicate, superseded_rows, version, note, settled_at, details
) VALUES (
    :flow, :sequence, :target, :batch, :position, :position_kind, :contract_hash, :transform_hash,
    :received_at, :pins, :mode, :contents, :supersedes, :reason, :planned_at, :status, :attempts,
    :received, :accepted, :rejected, :duplicate, :superseded_rows, :version, :note, :settled_at, :details
)
