"""Judgements over whole datasets and what people accepted: the port `QualityLog` on the state's file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict

from entrepot.adapters.embedded.state.database import Database
from entrepot.adapters.embedded.state.rows import instant_to_text, text_to_instant, to_json
from entrepot.contracts.row_rules import Severity
from entrepot.ports.quality import KINDS, Acceptance, Judgement, RuleResult

KEPT = 500
"""Judgements kept of one dataset."""

_SAVE = """
INSERT INTO judgements (dataset, version, kind, basis, run, first_at, at, results) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (dataset, version, kind, basis) DO UPDATE SET run = excluded.run, at = excluded.at, results = excluded.results
"""
_FORGET = """
DELETE FROM judgements WHERE dataset = ?1
AND id NOT IN (SELECT id FROM judgements WHERE dataset = ?1 ORDER BY at DESC, id DESC LIMIT ?2)
"""


class SqliteQuality:
    """Safe to call from several threads and processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, judgement: Judgement) -> None:
        """Keep a judgement; the oldest of the dataset go when there are too many."""
        at = instant_to_text(judgement.at)
        results = to_json([asdict(result) for result in judgement.results])
        key = (judgement.dataset, judgement.version, judgement.kind, judgement.basis)
        with self._database.write() as connection:
            connection.execute(_SAVE, (*key, judgement.run, at, at, results))
            connection.execute(_FORGET, (judgement.dataset, KEPT))

    def find(self, dataset: str, version: int, kind: str, basis: str) -> Judgement | None:
        """The judgement on that basis."""
        where = "dataset = ? AND version = ? AND kind = ? AND basis = ?"
        return next(iter(self._select(where, (dataset, version, kind, basis), 1)), None)

    def latest(self, dataset: str) -> Sequence[Judgement]:
        """The newest of each kind."""
        found = [self._select("dataset = ? AND kind = ?", (dataset, kind), 1) for kind in KINDS]
        return [judgement for each in found for judgement in each]

    def history(self, dataset: str, limit: int = 100) -> Sequence[Judgement]:
        """Newest first."""
        return self._select("dataset = ?", (dataset,), limit)

    def accept(self, acceptance: Acceptance) -> None:
        """Insert or replace."""
        values = (acceptance.dataset, acceptance.rule, acceptance.version, acceptance.basis, acceptance.by)
        with self._database.write() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO acceptances (dataset, rule, version, basis, accepted_by, at, reason) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*values, instant_to_text(acceptance.at), acceptance.reason),
            )

    def acceptances(self, dataset: str) -> Sequence[Acceptance]:
        """Oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT * FROM acceptances WHERE dataset = ? ORDER BY at, rule", (dataset,)
            ).fetchall()
        return [
            Acceptance(
                r["dataset"],
                r["rule"],
                r["version"],
                r["basis"],
                r["accepted_by"],
                text_to_instant(r["at"]),
                r["reason"],
            )
            for r in rows
        ]

    def _select(self, where: str, values: tuple[object, ...], limit: int) -> list[Judgement]:
        sql = f"SELECT * FROM judgements WHERE {where} ORDER BY at DESC, id DESC LIMIT ?"
        with self._database.read() as connection:
            return [_to_judgement(row) for row in connection.execute(sql, (*values, limit)).fetchall()]


def _to_judgement(row: sqlite3.Row) -> Judgement:
    results = tuple(
        RuleResult(**(values | {"severity": Severity(values["severity"])})) for values in json.loads(row["results"])
    )
    return Judgement(
        row["dataset"],
        row["version"],
        row["kind"],
        row["basis"],
        row["run"],
        text_to_instant(row["at"]),
        results,
        text_to_instant(row["first_at"]),
    )
