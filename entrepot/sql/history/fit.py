"""Match a history's options to the columns that the SELECT gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import pyarrow as pa

from entrepot.kernel.errors import ProjectError
from entrepot.kernel.rows import RECORD_ID, SYSTEM_COLUMNS
from entrepot.sql.history.options import History, find_contradictions
from entrepot.sql.query import Query

OUTPUT_COLUMNS = ("valid_from", "valid_to", "is_current")
"""What a history adds. Half open: `valid_from` is in, `valid_to` is out; null in `valid_to`: still valid."""
INTERNAL = "__history_"
"""How the columns begin that the compiled SELECT works with."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """The options in the SELECT's own spelling, and what follows for its columns."""

    key: tuple[str, ...]
    time: str
    is_snapshot: bool
    deleted: str | None
    order: tuple[str, ...]
    compared: tuple[str, ...]
    """A change in one of these opens a version."""
    shown: tuple[str, ...]
    """The SELECT's columns that a version has, before those of `OUTPUT_COLUMNS`."""

    @property
    def uncompared(self) -> tuple[str, ...]:
        """Shown, but neither key nor compared."""
        return tuple(name for name in self.shown if name not in self.key and name not in self.compared)

    @property
    def used(self) -> tuple[str, ...]:
        """All columns that are read, each once."""
        own = (*self.key, self.time, *((self.deleted,) if self.deleted else ()), *self.order, *self.shown)
        return tuple(dict.fromkeys(own))


def fit_history(options: History, columns: Sequence[str], query: Query | None = None) -> Fitted:
    """Find the options' columns among those of the SELECT, without regard to case.

    System columns are neither compared nor shown; `_record_id` among them orders rows of one instant when `order` says nothing.
    Raises: ProjectError when a column is missing, given twice, or named like one that the history adds.
    """
    fail = _failing(query)
    for _, message in find_contradictions(options):
        raise fail(message, None)
    known = _know(columns, options, fail)

    def find(role: str, name: str) -> str:
        if name.lower() not in known:
            near = get_close_matches(name.lower(), known, n=1)
            meant = f"Did you mean {known[near[0]]}?" if near else f"It gives: {', '.join(columns)}."
            raise fail(f"history.{role} names {name}, which the SELECT does not give.", meant)
        return known[name.lower()]

    key = tuple(find("key", name) for name in options.key)
    time = find("snapshot" if options.snapshot else "valid_from", options.time)
    deleted = find("deleted", options.deleted) if options.deleted else None
    ignore = [find("ignore", name) for name in options.ignore]
    order = tuple(find("order", name) for name in options.order)
    if not order and RECORD_ID in known:
        order = (known[RECORD_ID],)
    shown = tuple(name for name in columns if name.lower() not in SYSTEM_COLUMNS and name not in (time, deleted))
    aside = {*key, *ignore, *order}
    compared = tuple(name for name in shown if name not in aside)
    return Fitted(key, time, options.snapshot is not None, deleted, order, compared, shown)


def check_history_types(options: History, schema: pa.Schema, query: Query | None = None) -> None:
    """Refuse columns whose type cannot do what they are named for; `schema` is the SELECT's.

    Raises: ProjectError. Texts would be put in order letter by letter, and 'N' is no false.
    """
    fitted = fit_history(options, schema.names, query)
    fail = _failing(query)
    kind = schema.field(fitted.time).type
    if not (pa.types.is_date(kind) or pa.types.is_timestamp(kind)):
        role = "snapshot" if fitted.is_snapshot else "valid_from"
        raise fail(
            f"history.{role} is {fitted.time}, of type {kind}; allowed are date and timestamp.",
            f"Write it so in the SELECT: CAST({fitted.time} AS DATE) AS {fitted.time}.",
        )
    if fitted.deleted is not None and not pa.types.is_boolean(schema.field(fitted.deleted).type):
        raise fail(
            f"history.deleted is {fitted.deleted}, of type {schema.field(fitted.deleted).type}; allowed is boolean.",
            f"Say in the SELECT which values mean it: {fitted.deleted} = 'X' AS {fitted.deleted}.",
        )


_Fail = Callable[[str, str | None], ProjectError]


def _failing(query: Query | None) -> _Fail:
    def fail(message: str, hint: str | None) -> ProjectError:
        return query.error(message, hint=hint) if query is not None else ProjectError(message, hint=hint)

    return fail


def _know(columns: Sequence[str], options: History, fail: _Fail) -> dict[str, str]:
    known: dict[str, str] = {}
    for name in columns:
        if name.lower() in known:
            raise fail(f"the SELECT gives {name} twice.", "Give one of them another name.")
        if name.lower().startswith(INTERNAL):
            raise fail(f"the SELECT gives {name}; names that begin with {INTERNAL} are the compiler's.", "Rename it.")
        known[name.lower()] = name
    for name in OUTPUT_COLUMNS:
        if name in known and not (name == "valid_from" and options.time.lower() == name):
            raise fail(f"the SELECT gives {name}, a column that the history adds.", "Give it another name.")
    return known
