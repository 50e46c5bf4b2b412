-- First schema of the schedule. Instants are text, ISO 8601 in UTC with six digits of a second: they sort as text.

CREATE TABLE memories (
    trigger_name TEXT PRIMARY KEY,
    horizon TEXT NOT NULL,
    definition TEXT NOT NULL,
    met TEXT NOT NULL,                 -- JSON: place → [at, why]
    fired_at TEXT,
    count INTEGER NOT NULL
);

CREATE TABLE happenings (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    at TEXT NOT NULL,
    source TEXT NOT NULL,
    why TEXT NOT NULL,
    is_healthy INTEGER NOT NULL CHECK (is_healthy IN (0, 1))
);

CREATE TABLE marks (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE firings (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    trigger_name TEXT NOT NULL,
    at TEXT NOT NULL,
    reason TEXT NOT NULL,
    due TEXT,
    selection TEXT NOT NULL,           -- JSON list
    status TEXT NOT NULL CHECK (status IN ('waiting', 'running', 'succeeded', 'failed', 'cancelled')),
    attempt INTEGER NOT NULL,
    not_before TEXT,
    deadline TEXT,
    holder TEXT,
    started_at TEXT,
    ended_at TEXT,
    run TEXT,
    release INTEGER,
    note TEXT,
    cancel TEXT
);

-- A time fires once, whatever the clock does and however many processes look.
CREATE UNIQUE INDEX firings_due ON firings (trigger_name, due) WHERE due IS NOT NULL;
-- Two runs of one trigger never go side by side.
CREATE UNIQUE INDEX firings_one_running ON firings (trigger_name) WHERE status = 'running';
CREATE INDEX firings_open ON firings (status, number) WHERE status IN ('waiting', 'running');
CREATE INDEX firings_of_trigger ON firings (trigger_name, number);

CREATE TABLE pauses (
    trigger_name TEXT PRIMARY KEY,
    at TEXT NOT NULL,
    reason TEXT NOT NULL,
    by_whom TEXT NOT NULL,
    until TEXT
);

CREATE TABLE deadlines (
    trigger_name TEXT NOT NULL,
    deadline TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('at_risk', 'missed', 'met')),
    at TEXT NOT NULL,
    firing TEXT,
    why TEXT NOT NULL,
    PRIMARY KEY (trigger_name, deadline, state)
);

CREATE TABLE calls (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    trigger_name TEXT NOT NULL,
    event TEXT NOT NULL,
    target TEXT NOT NULL,              -- JSON
    body TEXT NOT NULL,                -- JSON
    at TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_at TEXT,
    done_at TEXT,
    error TEXT
);

CREATE INDEX calls_open ON calls (next_at) WHERE done_at IS NULL;

CREATE TABLE slots (
    system TEXT NOT NULL,
    number INTEGER NOT NULL,
    holder TEXT NOT NULL,
    PRIMARY KEY (system, number)
);
