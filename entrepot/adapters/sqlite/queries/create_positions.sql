-- create_positions: what each commit of each target did; stands in the same transaction as its rows.
-- Parameters: none.
CREATE TABLE IF NOT EXISTS _entrepot_positions (
    target TEXT NOT NULL,
    flow TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    version INTEGER NOT NULL,
    added INTEGER NOT NULL,
    removed INTEGER NOT NULL,
    metadata TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (target, flow, sequence),
    UNIQUE (target, version)
)
