-- First schema: messages, the references that are known, attempts, changes, integrations, batches of flows.
-- Instants are microseconds since 1970.

CREATE TABLE messages (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    integration TEXT NOT NULL,
    reference TEXT NOT NULL,
    digest BLOB NOT NULL,              -- of content type, type, key and body
    key TEXT,
    type TEXT NOT NULL,
    body BLOB NOT NULL,
    content_type TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('queued', 'acknowledged', 'dead')),
    delivery TEXT NOT NULL CHECK (delivery IN ('waiting', 'attempted', 'delivered')),
    holds INTEGER NOT NULL,            -- 1: later messages of its key wait for it
    head INTEGER NOT NULL,             -- 1: it holds, and nothing before it in its key does (or it has no key)
    attempts INTEGER NOT NULL DEFAULT 0,
    attempt INTEGER NOT NULL DEFAULT 0,
    next_us INTEGER,                   -- when it falls due, of one that is held: when the lease ends; null: settled
    holder TEXT,                       -- null: nobody has it
    code TEXT NOT NULL DEFAULT '',
    reason TEXT NOT NULL DEFAULT '',
    settled_us INTEGER
);

CREATE INDEX messages_due ON messages (integration, next_us) WHERE status = 'queued';
CREATE INDEX messages_heads ON messages (integration, next_us) WHERE status = 'queued' AND (head = 1 OR holds = 0);
CREATE INDEX messages_keys ON messages (integration, key, seq) WHERE holds = 1;
CREATE INDEX messages_first ON messages (integration, key) WHERE holds = 1 AND head = 1;
CREATE INDEX messages_held ON messages (integration, holder) WHERE holder IS NOT NULL;
CREATE INDEX messages_counts ON messages (integration, status, delivery, code, created_us);
CREATE INDEX messages_of ON messages (integration, status, seq);
CREATE INDEX messages_references ON messages (reference, integration, digest);
CREATE INDEX messages_settled ON messages (settled_us) WHERE settled_us IS NOT NULL;
CREATE INDEX messages_created ON messages (created_us);

-- What was ever handed in, also when the message is pruned: what comes again must not be sent again.
CREATE TABLE known (
    integration TEXT NOT NULL,
    reference TEXT NOT NULL,
    digest BLOB NOT NULL,
    id TEXT NOT NULL UNIQUE,
    PRIMARY KEY (integration, reference)
) WITHOUT ROWID;

CREATE TABLE attempts (
    id TEXT NOT NULL,
    number INTEGER NOT NULL,
    started_us INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    request_digest TEXT NOT NULL,
    target TEXT NOT NULL,
    status INTEGER,
    excerpt TEXT NOT NULL,
    error TEXT NOT NULL,
    PRIMARY KEY (id, number)
) WITHOUT ROWID;

CREATE TABLE changes (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    status TEXT NOT NULL,
    delivery TEXT NOT NULL,
    code TEXT NOT NULL,
    reason TEXT NOT NULL,
    who TEXT NOT NULL
);

CREATE INDEX changes_of ON changes (id, number);

CREATE TABLE integrations (
    integration TEXT PRIMARY KEY,
    paused INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '',
    who TEXT NOT NULL DEFAULT '',
    since_us INTEGER,
    failures INTEGER NOT NULL DEFAULT 0,
    failing_since_us INTEGER,
    hold_until_us INTEGER,
    next_slot_us INTEGER               -- when the rate allows the next message
) WITHOUT ROWID;

-- What flows of the lake have handed in: (flow, sequence) stands once their whole batch does.
CREATE TABLE batches (
    target TEXT NOT NULL,
    flow TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    added INTEGER NOT NULL,
    metadata TEXT NOT NULL,
    PRIMARY KEY (target, flow, sequence)
) WITHOUT ROWID;

CREATE TABLE targets (
    target TEXT PRIMARY KEY,
    identity TEXT NOT NULL
) WITHOUT ROWID;
