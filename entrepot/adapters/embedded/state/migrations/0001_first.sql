-- First schema: leases, plans with their contents, marks of tables, releases, pins, runs.
-- Instants are text, ISO 8601 in UTC with six digits of a second: they sort as text.

CREATE TABLE leases (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,              -- empty: given back
    epoch INTEGER NOT NULL CHECK (epoch >= 1),
    until TEXT NOT NULL
);

CREATE TABLE plans (
    flow TEXT NOT NULL,
    sequence INTEGER NOT NULL CHECK (sequence >= 1),
    target TEXT NOT NULL,
    batch INTEGER NOT NULL CHECK (batch >= 1),
    position TEXT NOT NULL,            -- JSON of kernel.positions
    position_kind TEXT NOT NULL,       -- its tag: a retry ('rejects') does not move the flow
    contract_hash TEXT NOT NULL,
    transform_hash TEXT NOT NULL,
    received_at TEXT NOT NULL,
    pins TEXT NOT NULL,
    mode TEXT NOT NULL,
    contents TEXT NOT NULL,
    supersedes TEXT NOT NULL,
    reason TEXT,
    planned_at TEXT,
    status TEXT NOT NULL CHECK (status IN ('open', 'settled', 'voided')),
    attempts INTEGER NOT NULL DEFAULT 0,
    received INTEGER,
    accepted INTEGER,
    rejected INTEGER,
    duplicate INTEGER,
    superseded_rows INTEGER NOT NULL DEFAULT 0,
    version INTEGER,
    note TEXT,
    settled_at TEXT,
    details TEXT NOT NULL DEFAULT '{}',
    acknowledged INTEGER NOT NULL DEFAULT 0 CHECK (acknowledged IN (0, 1)),
    PRIMARY KEY (flow, sequence),
    UNIQUE (target, batch),
    CHECK (received IS NULL OR received = accepted + rejected + duplicate)
);

CREATE UNIQUE INDEX plans_one_open ON plans (flow) WHERE status = 'open';
CREATE INDEX plans_unacknowledged ON plans (flow, sequence) WHERE acknowledged = 0;

CREATE TRIGGER plans_are_immutable
BEFORE UPDATE OF flow, sequence, target, batch, position, position_kind, contract_hash, transform_hash,
    received_at, pins, mode, contents, supersedes, reason, planned_at ON plans
BEGIN
    SELECT RAISE(ABORT, 'a plan is immutable');
END;

CREATE TRIGGER plans_stay_closed
BEFORE UPDATE OF status ON plans
WHEN OLD.status <> 'open' AND NEW.status <> OLD.status
BEGIN
    SELECT RAISE(ABORT, 'a closed plan stays closed');
END;

CREATE TRIGGER plans_are_kept
BEFORE DELETE ON plans
BEGIN
    SELECT RAISE(ABORT, 'a plan is kept: its numbers are never used again');
END;

-- One row for each content of each plan. Live: its plan is not voided and no later plan supersedes it.
CREATE TABLE contents (
    flow TEXT NOT NULL,
    content TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    live INTEGER NOT NULL CHECK (live IN (0, 1)),
    superseded_by INTEGER,             -- sequence of the plan that replaced it
    PRIMARY KEY (flow, content, sequence),
    FOREIGN KEY (flow, sequence) REFERENCES plans (flow, sequence),
    CHECK (live = 0 OR superseded_by IS NULL)
);

CREATE UNIQUE INDEX contents_live ON contents (flow, content) WHERE live = 1;
CREATE INDEX contents_of_plan ON contents (flow, sequence);
CREATE INDEX contents_superseded ON contents (flow, superseded_by) WHERE superseded_by IS NOT NULL;

CREATE TABLE supersessions (
    flow TEXT NOT NULL,
    content TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (flow, content, sequence),
    FOREIGN KEY (flow, sequence) REFERENCES plans (flow, sequence)
);

CREATE TABLE tables (
    name TEXT PRIMARY KEY,
    durable_version INTEGER NOT NULL,
    table_id TEXT
);

CREATE TABLE releases (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    run TEXT NOT NULL,
    tables TEXT NOT NULL,
    views TEXT NOT NULL,
    held TEXT NOT NULL
);

CREATE INDEX releases_at ON releases (at);

CREATE TABLE pins (
    holder TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    until TEXT NOT NULL,
    PRIMARY KEY (holder, name, version)
);

CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    started_at TEXT NOT NULL,
    ended_at TEXT,
    status TEXT NOT NULL,
    summary TEXT NOT NULL
);

CREATE INDEX runs_started_at ON runs (started_at);
