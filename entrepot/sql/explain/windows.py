"""Windows: the rows of the same frame are collected, or of the frame that a ranking looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from entrepot.kernel.names import Dataset
from entrepot.sql.explain.inputs import Input
from entrepot.sql.explain.shapes import (
    ADDING,
    OVER_ALL,
    RANKING,
    SHIFTING,
    best_of,
    called,
    function_name,
    window_calls,
)
from entrepot.sql.query import DIALECT

if TYPE_CHECKING:
    from entrepot.sql.explain.rewrite import QueryWriter


def window_terms(writer: QueryWriter, select: exp.Select, table: Dataset, row: str, single: str | None) -> list[str]:
    """What the windows of a SELECT look at, of one table; `row` is what each of their rows carries."""
    found: dict[str, None] = {}
    for window, in_qualify in window_calls(select):
        name = function_name(called(window.this))
        if in_qualify and name in RANKING:
            writer.remarks.wins((table,), f"QUALIFY {name}()", window)
            continue
        term = _term(writer, select, window, table, row, single, in_qualify=in_qualify)
        if term is not None:
            found[term] = None
    return list(found)


def _term(
    writer: QueryWriter,
    select: exp.Select,
    window: exp.Window,
    table: Dataset,
    row: str,
    single: str | None,
    *,
    in_qualify: bool,
) -> str | None:
    given, carrier = writer.inputs[table], writer.carrier
    name = function_name(called(window.this))
    partition, order = _spec(select, window)
    if name in SHIFTING and _is_next(window.this):
        return _shifted(writer, window, given, row)
    best = best_of(called(window.this))
    if best is not None and not in_qualify and not isinstance(called(window.this), exp.ArgMax | exp.ArgMin):
        text = _over(window, "max", partition, order, f"{best[0]}({row}, {best[1].sql(DIALECT)})")
        return f"coalesce({text}, {carrier.empty(given)})"
    _remark(writer, window, table, name, in_qualify=in_qualify)
    if not carrier.lists_window(is_partitioned=bool(partition)):
        where = "its PARTITION BY" if partition else "a window without PARTITION BY"
        writer.remarks.leaves_out(f"{name}() OVER: rows of {where} are not listed", window)
        return None
    return carrier.collected(given, row, single, lambda call: _over(window, name, partition, order, call))


def _is_next(call: exp.Expr) -> bool:
    """True for the row right before or after: with a greater distance, the rows between count too."""
    if not isinstance(call, exp.Lag | exp.Lead) or call.find(exp.Order) is not None:
        return False
    offset = call.args.get("offset")
    return offset is None or (isinstance(offset, exp.Literal) and offset.name == "1")


def _shifted(writer: QueryWriter, window: exp.Window, given: Input, row: str) -> str:
    """`lag` and `lead`: what the other row carries."""
    copy = window.copy()
    copy.set("this", exp.Var(this=f"{function_name(window.this)}({row})"))
    return f"coalesce({copy.sql(DIALECT)}, {writer.carrier.empty(given)})"


def _over(window: exp.Window, name: str, partition: list[exp.Expr], order: exp.Order | None, call: str) -> str:
    if name in ADDING or not _needs_other_frame(window, name):
        copy = window.copy()
        new: exp.Expr = exp.Var(this=call)
        if isinstance(window.this, exp.Filter):
            new = exp.Filter(this=new, expression=window.this.expression.copy())
        copy.set("this", new)
        return copy.sql(DIALECT)
    spec = None
    if name in RANKING and order is not None:
        kind = "ROWS" if name == "row_number" else "RANGE"
        spec = exp.WindowSpec(kind=kind, start="UNBOUNDED", start_side="PRECEDING", end="CURRENT ROW")
    made = exp.Window(
        this=exp.Var(this=call),
        partition_by=[part.copy() for part in partition],
        order=order.copy() if spec is not None and order is not None else None,
        spec=spec,
        over="OVER",
    )
    return made.sql(DIALECT)


def _needs_other_frame(window: exp.Window, name: str) -> bool:
    """True where the call looks at other rows than those of the frame."""
    return name in RANKING | OVER_ALL | SHIFTING | {"fill"} or isinstance(called(window.this), exp.Order)


def _spec(select: exp.Select, window: exp.Window) -> tuple[list[exp.Expr], exp.Order | None]:
    """PARTITION BY and ORDER BY of a window, also where it goes by a name that WINDOW defines."""
    partition: list[exp.Expr] = list(window.args.get("partition_by") or ())
    order: exp.Order | None = window.args.get("order")
    name = window.alias.lower() if window.args.get("alias") is not None else None
    for named in select.args.get("windows") or ():
        if name and named.name.lower() == name:
            below = _spec(select, named) if named is not window else ([], None)
            partition = partition or below[0]
            order = order or below[1]
    return partition, order


def _remark(writer: QueryWriter, window: exp.Window, table: Dataset, name: str, *, in_qualify: bool) -> None:
    if in_qualify:
        writer.remarks.longer_by((table,), f"QUALIFY {name}() OVER: every row of the window is listed", window)
    elif name in RANKING:
        writer.remarks.longer_by((table,), f"{name}(): the rows before it are listed", window)
    elif name in OVER_ALL or name in SHIFTING:
        writer.remarks.longer_by((table,), f"{name}(): every row of the partition is listed", window)
    elif name not in ADDING or isinstance(window.this, exp.Filter):
        writer.remarks.longer_by((table,), f"{name}() OVER: every row of the window is listed", window)
