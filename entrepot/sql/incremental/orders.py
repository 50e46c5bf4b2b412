"""Orders that leave rows tied: a refresh in full and one by touched keys may then choose differently, and neither is wrong."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from sqlglot import exp

from entrepot.kernel.errors import Place
from entrepot.kernel.rows import RECORD_ID
from entrepot.sql.incremental.aggregates import is_aggregate
from entrepot.sql.incremental.shape import find_windows, group_keys, normal, own_nodes, partition_of, read_shape
from entrepot.sql.query import DIALECT, Query, find_offset

_BY_VALUE = frozenset({"arg_max", "arg_min", "max_by", "min_by", "argmax", "argmin"})
_CHOOSING = _BY_VALUE | frozenset(
    """
    row_number first last first_value last_value nth_value lag lead ntile any_value arbitrary mode list array_agg string_agg
    listagg group_concat
    """.split()  # noqa: SIM905
)
"""Functions whose answer depends on which of several rows comes first."""


@dataclass(frozen=True, slots=True)
class OrderWarning:
    """A place whose answer may depend on the order in which rows happen to be read."""

    text: str
    place: Place | None
    line: int
    hint: str


def order_warnings(query: Query, unique: Collection[str] = ()) -> tuple[OrderWarning, ...]:
    """Everything in a SELECT that chooses one of several rows without an ORDER BY that ends with something unique.

    Args: unique: columns that are unique in their table besides the record id, such as a primary key of one column.
    """
    return tuple(dict.fromkeys(_Check(query, frozenset(name.lower() for name in unique) | {RECORD_ID}).find()))


@dataclass(frozen=True, slots=True)
class _Check:
    query: Query
    unique: frozenset[str]

    def find(self) -> Iterator[OrderWarning]:
        for select in self.query.tree.find_all(exp.Select):
            for window in find_windows(select):
                yield from self._window(select, window)
            for part in (*select.expressions, select.args.get("having")):
                for node in own_nodes(part) if part is not None else ():
                    if _name(node) in _CHOOSING and is_aggregate(node) and not _is_sorted(node):
                        yield from self._aggregate(node)
            distinct, order = select.args.get("distinct"), select.args.get("order")
            if distinct is not None and distinct.args.get("on") is not None:
                yield from self._order("DISTINCT ON", distinct, order, ())
            if select.args.get("limit") is not None and not _sorts_groups(select, order, ()):
                yield from self._order("LIMIT", select, order, ())

    def _window(self, select: exp.Select, window: exp.Window) -> Iterator[OrderWarning]:
        name = _name(window.this)
        spec = window.args.get("spec")
        by_rows = spec is not None and str(spec.args.get("kind") or "").upper() == "ROWS"
        order, partition = _window_order(select, window), partition_of(select, window)
        if (name not in _CHOOSING and not by_rows) or (order is None and _is_whole_partition(spec)):
            return
        if not _sorts_groups(select, order, partition):
            what = f"{name}()" if name in _CHOOSING else f"{name}() over a frame of ROWS"
            yield from self._order(what, window, order, partition)

    def _aggregate(self, node: exp.Expr) -> Iterator[OrderWarning]:
        name = _name(node)
        order = node.this if isinstance(node.this, exp.Order) else node.find(exp.Order)
        if isinstance(node.parent, exp.WithinGroup):
            order = node.parent.expression
        if name in _BY_VALUE:
            by = node.args.get("expression") or next(iter(node.expressions[1:2]), None)
            if by is None or not self._is_unique(by):
                text = f"{name}() does not say which row wins when several are equal"
                yield self._warning(node, text, f"Compare by a pair that ends with it: {name}(x, (y, {RECORD_ID})).")
        elif name in ("any_value", "arbitrary", "mode") and order is None:
            text = f"{name}() may take another value when rows are read in another order"
            yield self._warning(node, text, f"Write min(…), or first(… ORDER BY …, {RECORD_ID}).")
        else:
            yield from self._order(f"{name}()", node, order, ())

    def _order(
        self, what: str, node: exp.Expr, order: exp.Expr | None, partition: Sequence[exp.Expr]
    ) -> Iterator[OrderWarning]:
        if order is None:
            text = f"{what} has no ORDER BY: which rows come first is chance"
            yield self._warning(node, text, f"Add ORDER BY …, {RECORD_ID}.")
        elif not any(self._is_unique(key) for key in [*partition, *(o.this for o in order.expressions)]):
            text = f"{what} does not say which row comes first when several are equal in ORDER BY"
            yield self._warning(node, text, f"Add {RECORD_ID} as the last column of ORDER BY.")

    def _is_unique(self, key: exp.Expr) -> bool:
        """True for a unique column, alone or in a pair."""
        parts = key.expressions if isinstance(key, exp.Tuple | exp.Struct) else [key.unnest()]
        return any(isinstance(part, exp.Column) and part.name.lower() in self.unique for part in parts)

    def _warning(self, node: exp.Expr, text: str, hint: str) -> OrderWarning:
        line = self.query.text.count("\n", 0, find_offset(node) or 0) + 1
        return OrderWarning(text, self.query.place(node), line, hint)


def _sorts_groups(select: exp.Select, order: exp.Expr | None, partition: Sequence[exp.Expr]) -> bool:
    """True when a grouped SELECT is sorted by all that its groups are told apart by, so that no two are equal."""
    if select.args.get("group") is None:
        return order is not None and read_shape(select).keys == () and read_shape(select).is_grouped
    keys = {normal(key) for key in [*partition, *(o.this for o in (order.expressions if order is not None else []))]}
    named = {p.alias.lower(): normal(p.this) for p in select.expressions if isinstance(p, exp.Alias)}
    keys |= {named[name.strip('"')] for name in keys if name.strip('"') in named}
    return all(normal(key) in keys for key in group_keys(select))


def _is_sorted(node: exp.Expr) -> bool:
    """True when the list that an aggregate makes is sorted at once."""
    above = node.parent
    return isinstance(above, exp.Func) and above.sql(DIALECT).lower().startswith(("list_sort(", "array_sort("))


def _window_order(select: exp.Select, window: exp.Window) -> exp.Expr | None:
    order = window.args.get("order")
    named = window.args.get("alias")
    if order is not None or named is None:
        return order
    others = [o for o in select.args.get("windows") or [] if o.name.lower() == named.name.lower()]
    return _window_order(select, others[0]) if others else None


def _is_whole_partition(spec: exp.Expr | None) -> bool:
    if spec is None:
        return False
    return spec.args.get("start") == spec.args.get("end") == "UNBOUNDED"


def _name(node: exp.Expr) -> str:
    """The function's name as DuckDB calls it."""
    while isinstance(node, exp.IgnoreNulls | exp.RespectNulls | exp.Filter):
        node = node.this
    if isinstance(node, exp.Anonymous):
        return node.name.lower()
    if isinstance(node, exp.RowNumber):
        return "row_number"
    if isinstance(node, exp.ArrayAgg):
        return "list"
    return node.sql_name().lower() if isinstance(node, exp.Func) else ""
