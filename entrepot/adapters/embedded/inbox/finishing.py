"""What processing gave: statuses, errors, and the outputs that stand in place of those given before."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence

from entrepot.adapters.embedded.inbox.bulk import cut, insert_rows, marks
from entrepot.adapters.embedded.inbox.counting import change_counts, last_output, new_changes
from entrepot.adapters.embedded.inbox.rows import (
    ERROR,
    JUST_IN,
    PROCESSED,
    details_to_json,
    digest_rows,
    instant_to_us,
)
from entrepot.ports.inbox import Processed

_OUTPUTS = "INSERT INTO outputs (integration, seq, record, revision, number, row)"
_HISTORY = "INSERT INTO history (seq, revision, status, at_us, code, reason, who, digest, last_output)"
_ERRORS = "INSERT INTO errors (seq, integration, code, message, details)"

Due = tuple[Processed, int]
"""A result that counts, and its integration."""


def finish(connection: sqlite3.Connection, results: Sequence[Processed]) -> None:
    """Take results in one transaction; those of records that are not `just_in` at that revision are ignored."""
    due = _select_due(connection, results)
    if not due:
        return
    good = [one for one in due if one[0].error is None]
    bad = [one for one in due if one[0].error is not None]
    _note_processed(connection, good)
    _note_errors(connection, bad)
    _set_status(connection, due)
    changes = new_changes()
    for result, integration in due:
        changes[integration, JUST_IN, ""] -= 1
        changes[integration, *_status_of(result)] += 1
    change_counts(connection, changes)


def _select_due(connection: sqlite3.Connection, results: Sequence[Processed]) -> list[Due]:
    waiting: dict[int, tuple[int, int]] = {}
    for chunk in cut([result.seq for result in results]):
        rows = connection.execute(
            f"SELECT seq, revision, integration FROM records WHERE status = 0 AND seq IN ({marks(len(chunk))})",
            list(chunk),
        )
        waiting.update({row[0]: (row[1], row[2]) for row in rows.fetchall()})
    due: dict[int, Due] = {}
    for result in results:
        found = waiting.get(result.seq)
        if found is not None and found[0] == result.revision and result.seq not in due:
            due[result.seq] = (result, found[1])
    return list(due.values())


def _note_processed(connection: sqlite3.Connection, good: Sequence[Due]) -> None:
    given = _given_before(connection, [result.seq for result, _ in good if result.revision > 0])
    seq = last_output(connection)
    outputs: list[tuple[object, ...]] = []
    history: list[tuple[object, ...]] = []
    last_of: dict[int, int] = {}
    for result, integration in good:
        before, before_last = given.get(result.seq, (None, None))
        digest: bytes | None = digest_rows(result.rows)
        if digest == before or (before is None and not result.rows):
            digest, last = before, before_last
        else:
            for number, row in _number(result.rows):
                seq += 1
                outputs.append((integration, seq, result.seq, result.revision, number, row))
            last = last_of[integration] = seq
        history.append((result.seq, result.revision, PROCESSED, instant_to_us(result.at), "", "", "", digest, last))
    insert_rows(connection, _HISTORY, history)
    if outputs:
        insert_rows(connection, _OUTPUTS, outputs)
        connection.executemany(
            "UPDATE integrations SET last_output = ? WHERE number = ?",
            [(last, number) for number, last in last_of.items()],
        )


def _number(rows: Sequence[str]) -> Iterable[tuple[int, str]]:
    return enumerate(rows, 1) if rows else [(0, "")]


def _given_before(connection: sqlite3.Connection, seqs: Sequence[int]) -> dict[int, tuple[bytes, int]]:
    """What replayed records gave last: the digest of their rows and the last output of these."""
    found: dict[int, tuple[bytes, int]] = {}
    for chunk in cut(seqs):
        rows = connection.execute(
            "SELECT seq, digest, last_output FROM history WHERE digest IS NOT NULL "
            f"AND seq IN ({marks(len(chunk))}) ORDER BY seq, revision",
            list(chunk),
        ).fetchall()
        found.update({row[0]: (row[1], row[2]) for row in rows})
    return found


def _note_errors(connection: sqlite3.Connection, bad: Sequence[Due]) -> None:
    errors: list[tuple[object, ...]] = []
    history: list[tuple[object, ...]] = []
    for result, integration in bad:
        error = result.error
        assert error is not None
        errors.append((result.seq, integration, error.code, error.message, details_to_json(error)))
        at = instant_to_us(result.at)
        history.append((result.seq, result.revision, ERROR, at, error.code, error.message, "", None, None))
    insert_rows(connection, _ERRORS, errors)
    insert_rows(connection, _HISTORY, history)


def _set_status(connection: sqlite3.Connection, due: Sequence[Due]) -> None:
    alike: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for result, _ in due:
        alike[_status_of(result)[0], result.attempts].append(result.seq)
    for (status, attempts), seqs in alike.items():
        for chunk in cut(seqs):
            connection.execute(
                f"UPDATE records SET status = ?, attempts = attempts + ? WHERE seq IN ({marks(len(chunk))})",
                [status, attempts, *chunk],
            )


def _status_of(result: Processed) -> tuple[int, str]:
    return (PROCESSED, "") if result.error is None else (ERROR, result.error.code)
