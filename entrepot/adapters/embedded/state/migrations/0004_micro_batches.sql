-- Micro-batches: what is asked after each of them comes from indexes alone, and what they leave is thinned out.

CREATE INDEX plans_totals ON plans (
    target, status, position_kind, received, rejected, duplicate, superseded_rows, settled_at
);

CREATE INDEX plans_rejected ON plans (flow, sequence) WHERE rejected > 0;

CREATE INDEX plans_whole ON plans (flow, sequence) WHERE json_extract(mode, '$.kind') = 'replace';

CREATE INDEX plans_open ON plans (target) WHERE status = 'open';

CREATE INDEX plans_voided ON plans (flow) WHERE status = 'voided';

ALTER TABLE runs ADD COLUMN is_micro INTEGER NOT NULL DEFAULT 0 CHECK (is_micro IN (0, 1));

CREATE INDEX runs_micro ON runs (started_at) WHERE is_micro = 1;
