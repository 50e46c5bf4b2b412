-- Judgements of further kinds: `volume` and `freshness`, against history and clock.

CREATE TABLE judgements_of_all_kinds (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    dataset TEXT NOT NULL,
    version INTEGER NOT NULL,
    kind TEXT NOT NULL,
    basis TEXT NOT NULL,
    run TEXT NOT NULL,
    first_at TEXT NOT NULL,
    at TEXT NOT NULL,
    results TEXT NOT NULL,
    UNIQUE (dataset, version, kind, basis)
);

INSERT INTO judgements_of_all_kinds SELECT * FROM judgements;

DROP TABLE judgements;

ALTER TABLE judgements_of_all_kinds RENAME TO judgements;

CREATE INDEX judgements_newest ON judgements (dataset, at);
