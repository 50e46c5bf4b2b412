"""Whether a model, run anew, gave the asked rows again, and with the same values: if not, its lists are not to be trusted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from entrepot.app.explaining.identities import Identity, same_rows
from entrepot.app.explaining.narrow import narrow
from entrepot.kernel.rows import SYSTEM_COLUMNS
from entrepot.ports.workbench import Workbench
from entrepot.sql.expressions import quote_name


@dataclass(frozen=True, slots=True)
class Again:
    """Rows that were computed anew, beside those that were asked for; names are those on the workbench."""

    dataset: str
    kept: str
    asked: str
    identity: Identity
    stored: str | None
    """The relation that holds the rows; None for a view."""
    columns: frozenset[str] | None
    """The columns that were computed, in lower case; None: all."""


def compare(bench: Workbench, again: Again, most: int) -> Iterator[str]:
    """What differs, in words; values are compared of at most so many rows."""
    types = {name.lower(): type_ for name, type_ in bench.columns(f"SELECT * FROM {again.kept}")}
    known = Identity(tuple(pair for pair in again.identity.columns if pair[0].lower() in types))
    same = same_rows("_q", "_a", known, types) or "true"
    asked_rows = _number(bench, f"SELECT count(*) FROM {again.asked}")
    lost = _number(bench, f"SELECT count(*) FROM {again.asked} AS _a ANTI JOIN {again.kept} AS _q ON {same}")
    if lost:
        yield (
            f"{lost:,} of {asked_rows:,} rows of {again.dataset} did not come out again when it was computed anew: "
            "a rule or a merge put another row in their place, or the model does not always give the same."
        )
    came = _number(bench, f"SELECT count(*) FROM {again.kept}")
    if came > asked_rows - lost:
        yield f"{came:,} rows of {again.dataset} have the {asked_rows - lost:,} asked keys: all of them are explained."
    if again.stored is not None and asked_rows <= most:
        shown = {name: type_ for name, type_ in types.items() if again.columns is None or name in again.columns}
        yield from _compare_values(bench, again, again.stored, shown)


def _compare_values(bench: Workbench, again: Again, stored: str, computed: dict[str, str]) -> Iterator[str]:
    """Columns of the same type but floating numbers, whose last digits may depend on the order of rows."""
    held = bench.columns(f"SELECT * FROM {stored}")
    names = [
        quote_name(name)
        for name, type_ in held
        if computed.get(name.lower()) == type_
        and name not in SYSTEM_COLUMNS
        and not type_.startswith(("DOUBLE", "FLOAT"))
    ]
    if not names:
        return
    own = {name.lower(): type_ for name, type_ in held}
    rows = (
        f"SELECT _q.* FROM {stored} AS _q SEMI JOIN {again.asked} AS _a ON {same_rows('_q', '_a', again.identity, own)} "
        f"WHERE {narrow(bench, again.asked, again.identity, own, '_q')}"
    )
    listed = ", ".join(names)
    other = _number(
        bench, f"SELECT count(*) FROM (SELECT {listed} FROM ({rows}) EXCEPT SELECT {listed} FROM {again.kept})"
    )
    if other:
        yield (
            f"{other:,} rows of {again.dataset} have other values when they are computed anew: what is listed made the new "
            "values, and perhaps not those that the table holds."
        )


def _number(bench: Workbench, sql: str) -> int:
    return int(bench.rows(sql).column(0)[0].as_py())
