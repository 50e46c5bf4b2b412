-- A state as migration 0001 made it, dumped by sqlite3.Connection.iterdump: never edited, opened by every later program.
PRAGMA application_id = 1164866674;
PRAGMA user_version = 1;
PRAGMA foreign_keys = OFF;
BEGIN TRANSACTION;
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
INSERT INTO "contents" VALUES('files','w',1,0,2);
INSERT INTO "contents" VALUES('files','x',1,0,2);
INSERT INTO "contents" VALUES('files','x',2,1,NULL);
INSERT INTO "contents" VALUES('files','y',2,1,NULL);
CREATE TABLE leases (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,              -- empty: given back
    epoch INTEGER NOT NULL CHECK (epoch >= 1),
    until TEXT NOT NULL
);
INSERT INTO "leases" VALUES('flow:erp','a',1,'2026-01-01T12:01:00.000000+00:00');
INSERT INTO "leases" VALUES('flow:files','a',1,'2026-01-01T12:01:00.000000+00:00');
CREATE TABLE pins (
    holder TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    until TEXT NOT NULL,
    PRIMARY KEY (holder, name, version)
);
INSERT INTO "pins" VALUES('reader','bronze.erp',1,'2026-01-01T12:01:00.000000+00:00');
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
INSERT INTO "plans" VALUES('erp',1,'bronze.erp',1,'{"after":null,"kind":"cursor","upto":5}','cursor','c1','t1','2026-01-02T03:04:05.000006+00:00','{"bronze.sales":3}','{"kind":"replace","where":"day = DATE ''2026-01-01''"}','[]','[]','why','2026-01-01T12:00:00.000000+00:00','settled',0,10,7,2,1,0,1,NULL,'2026-01-02T03:04:05.000006+00:00','{}',1);
INSERT INTO "plans" VALUES('erp',2,'bronze.erp',2,'{"after":5,"kind":"cursor","upto":9}','cursor','c1','t1','2026-01-02T03:04:05.000006+00:00','{"bronze.sales":3}','{"kind":"replace","where":"day = DATE ''2026-01-01''"}','[]','[]','why','2026-01-01T12:00:00.000000+00:00','voided',0,NULL,NULL,NULL,NULL,0,2,'gone','2026-01-02T03:04:05.000006+00:00','{}',0);
INSERT INTO "plans" VALUES('erp',3,'bronze.erp',3,'{"after":5,"kind":"cursor","upto":12}','cursor','c1','t1','2026-01-02T03:04:05.000006+00:00','{"bronze.sales":3}','{"kind":"replace","where":"day = DATE ''2026-01-01''"}','[]','[]','why','2026-01-01T12:00:00.000000+00:00','open',0,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,'{}',0);
INSERT INTO "plans" VALUES('files',1,'bronze.files',1,'{"files":[{"claimed":"claimed/w.csv","name":"w.csv","sha256":"w","size_bytes":10},{"claimed":"claimed/x.csv","name":"x.csv","sha256":"x","size_bytes":10}],"kind":"files"}','files','c1','t1','2026-01-02T03:04:05.000006+00:00','{"bronze.sales":3}','{"kind":"replace","where":"day = DATE ''2026-01-01''"}','["w","x"]','[]','why','2026-01-01T12:00:00.000000+00:00','settled',0,10,7,2,1,0,1,NULL,'2026-01-02T03:04:05.000006+00:00','{}',0);
INSERT INTO "plans" VALUES('files',2,'bronze.files',2,'{"files":[{"claimed":"claimed/x.csv","name":"x.csv","sha256":"x","size_bytes":10},{"claimed":"claimed/y.csv","name":"y.csv","sha256":"y","size_bytes":10}],"kind":"files"}','files','c1','t1','2026-01-02T03:04:05.000006+00:00','{"bronze.sales":3}','{"kind":"replace","where":"day = DATE ''2026-01-01''"}','["x","y"]','["w","x"]','why','2026-01-01T12:00:00.000000+00:00','settled',0,10,7,2,1,0,2,NULL,'2026-01-02T03:04:05.000006+00:00','{}',0);
CREATE TABLE releases (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    run TEXT NOT NULL,
    tables TEXT NOT NULL,
    views TEXT NOT NULL,
    held TEXT NOT NULL
);
INSERT INTO "releases" VALUES(1,'2026-01-02T03:04:05.000006+00:00','r1','{"bronze.erp":1}','{"gold.v":"SELECT 1"}','{"gold.k":"why"}');
CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    started_at TEXT NOT NULL,
    ended_at TEXT,
    status TEXT NOT NULL,
    summary TEXT NOT NULL
);
INSERT INTO "runs" VALUES('r1','2026-01-02T03:04:05.000006+00:00','2026-01-02T03:04:05.000006+00:00','succeeded','{"rows":7}');
CREATE TABLE supersessions (
    flow TEXT NOT NULL,
    content TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (flow, content, sequence),
    FOREIGN KEY (flow, sequence) REFERENCES plans (flow, sequence)
);
INSERT INTO "supersessions" VALUES('files','w',2);
INSERT INTO "supersessions" VALUES('files','x',2);
CREATE TABLE tables (
    name TEXT PRIMARY KEY,
    durable_version INTEGER NOT NULL,
    table_id TEXT
);
INSERT INTO "tables" VALUES('bronze.erp',2,'id-1');
INSERT INTO "tables" VALUES('bronze.files',2,NULL);
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
CREATE UNIQUE INDEX contents_live ON contents (flow, content) WHERE live = 1;
CREATE INDEX contents_of_plan ON contents (flow, sequence);
CREATE INDEX contents_superseded ON contents (flow, superseded_by) WHERE superseded_by IS NOT NULL;
CREATE INDEX releases_at ON releases (at);
CREATE INDEX runs_started_at ON runs (started_at);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('releases',1);
COMMIT;
