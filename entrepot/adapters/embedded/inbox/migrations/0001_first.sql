-- First schema: records, what they are known by, their errors, edits and history, outputs on their way to bronze.
-- Instants are microseconds since 1970, UTC. Status: 0 just_in, 1 processed, 2 error.

CREATE TABLE integrations (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    last_output INTEGER,               -- stays when outputs are removed
    taken INTEGER NOT NULL DEFAULT 0   -- outputs up to this one stand in bronze
);

-- Columns that change keep their size, so that a change never rewrites a long body; the body is last, so that looking reads none.
CREATE TABLE records (
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    integration INTEGER NOT NULL,
    reference TEXT NOT NULL,
    received_us INTEGER NOT NULL,
    status INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    key TEXT,
    content_type TEXT NOT NULL,
    headers TEXT NOT NULL,             -- JSON: [[name, value], …]
    body BLOB NOT NULL                 -- as received
);
CREATE INDEX by_status ON records (integration, status);

-- Who has a reference now; outlives its record for the window.
CREATE TABLE owners (
    integration INTEGER NOT NULL,
    reference TEXT NOT NULL,
    seq INTEGER NOT NULL,
    id BLOB NOT NULL,
    digest BLOB NOT NULL,              -- of the body
    received_us INTEGER NOT NULL,
    window_us INTEGER NOT NULL,
    PRIMARY KEY (integration, reference)
) WITHOUT ROWID;

-- The other records with the reference: conflicts, and owners of before the window.
CREATE TABLE others (
    integration INTEGER NOT NULL,
    reference TEXT NOT NULL,
    seq INTEGER NOT NULL,
    id BLOB NOT NULL,
    digest BLOB NOT NULL,
    received_us INTEGER NOT NULL,
    conflict INTEGER NOT NULL,
    PRIMARY KEY (integration, reference, seq)
) WITHOUT ROWID;

-- References of pruned records, to be forgotten after the window.
CREATE TABLE forgotten (
    until_us INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    integration INTEGER NOT NULL,
    reference TEXT NOT NULL,
    PRIMARY KEY (until_us, seq)
) WITHOUT ROWID;

-- Of records that are in error now.
CREATE TABLE errors (
    seq INTEGER PRIMARY KEY,
    integration INTEGER NOT NULL,
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    details TEXT NOT NULL              -- JSON
);
CREATE INDEX errors_by_code ON errors (integration, code);

CREATE TABLE edits (
    seq INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (seq, revision)
);

-- Every change but the receipt, which the record itself tells.
CREATE TABLE history (
    seq INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    status INTEGER NOT NULL,
    at_us INTEGER NOT NULL,
    code TEXT NOT NULL,
    reason TEXT NOT NULL,
    who TEXT NOT NULL,
    digest BLOB,                       -- of the rows given, when processed; empty: they were removed; null: none ever
    last_output INTEGER,
    PRIMARY KEY (seq, revision, status)
) WITHOUT ROWID;

CREATE TABLE outputs (
    integration INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    record INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    number INTEGER NOT NULL,           -- from 1; 0: the record gives no rows any more
    row TEXT NOT NULL,
    PRIMARY KEY (integration, seq)
) WITHOUT ROWID;

CREATE TABLE counts (
    integration INTEGER NOT NULL,
    status INTEGER NOT NULL,
    code TEXT NOT NULL,                -- of an error
    records INTEGER NOT NULL,
    PRIMARY KEY (integration, status, code)
) WITHOUT ROWID;

-- The times of receipt of about a thousand neighbours each: records by time without an index of them all.
-- They stay when records go: the last one says which seq was given out last.
CREATE TABLE spans (
    first INTEGER PRIMARY KEY,
    last INTEGER NOT NULL,
    least_us INTEGER NOT NULL,
    most_us INTEGER NOT NULL
);
