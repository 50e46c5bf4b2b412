-- First schema: topics, their partitions and messages, what producers put last, groups with members and what they committed.
-- Instants are microseconds since 1970, UTC.

CREATE TABLE topics (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    partitions INTEGER NOT NULL,
    keep_us INTEGER,
    keep_bytes INTEGER                 -- of each partition
);

CREATE TABLE partitions (
    topic INTEGER NOT NULL,
    partition INTEGER NOT NULL,
    first INTEGER NOT NULL,            -- offset of the oldest message kept
    next INTEGER NOT NULL,             -- offset of the message to come
    bytes INTEGER NOT NULL,
    PRIMARY KEY (topic, partition)
) WITHOUT ROWID;

-- place = topic << 51 | partition << 41 | offset: a partition's messages stand together, in order, without another index.
CREATE TABLE messages (
    place INTEGER PRIMARY KEY,
    put_us INTEGER NOT NULL,           -- when the bus took it; age counts from here, whatever its producer says
    size INTEGER NOT NULL,
    timestamp_us INTEGER NOT NULL,
    id TEXT NOT NULL,
    key BLOB,
    headers TEXT NOT NULL,             -- JSON: [[name, value as Latin-1], …]
    value BLOB NOT NULL
);

CREATE TABLE producers (
    topic INTEGER NOT NULL,
    producer TEXT NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (topic, producer)
) WITHOUT ROWID;

CREATE TABLE groups (
    topic INTEGER NOT NULL,
    name TEXT NOT NULL,
    generation INTEGER NOT NULL,
    PRIMARY KEY (topic, name)
) WITHOUT ROWID;

CREATE TABLE committed (
    topic INTEGER NOT NULL,
    name TEXT NOT NULL,                -- the group's
    partition INTEGER NOT NULL,
    began INTEGER,                     -- null: the partition came after the group, which begins with its first message
    next INTEGER NOT NULL,
    PRIMARY KEY (topic, name, partition)
) WITHOUT ROWID;

CREATE TABLE members (
    topic INTEGER NOT NULL,
    name TEXT NOT NULL,                -- the group's
    member TEXT NOT NULL,
    renewed_us INTEGER NOT NULL,
    until_us INTEGER NOT NULL,
    PRIMARY KEY (topic, name, member)
) WITHOUT ROWID;

CREATE TABLE assigned (
    topic INTEGER NOT NULL,
    name TEXT NOT NULL,                -- the group's
    partition INTEGER NOT NULL,
    member TEXT NOT NULL,
    PRIMARY KEY (topic, name, partition)
) WITHOUT ROWID;
