-- Rules over whole datasets: what they measured, and what people accepted all the same.

CREATE TABLE judgements (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    dataset TEXT NOT NULL,
    version INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('rules', 'rejects')),
    basis TEXT NOT NULL,               -- hash of all that the judgement depended on
    run TEXT NOT NULL,
    first_at TEXT NOT NULL,
    at TEXT NOT NULL,
    results TEXT NOT NULL,             -- JSON list, one object for each rule
    UNIQUE (dataset, version, kind, basis)
);

CREATE INDEX judgements_newest ON judgements (dataset, at);

CREATE TABLE acceptances (
    dataset TEXT NOT NULL,
    rule TEXT NOT NULL,
    version INTEGER NOT NULL,
    basis TEXT NOT NULL,               -- of the judgement that was accepted: another rule or other data are another question
    accepted_by TEXT NOT NULL,
    at TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (dataset, rule, version, basis)
);
