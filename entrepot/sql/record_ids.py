"""Carry a driving table's record ids through a SELECT, and keep system columns out of `*`.

The author's text is kept and only added to, at places found among its tokens. The same change is made
to the tree; when the new text does not parse to exactly the new tree, the query is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import cached_property

from sqlglot import exp

from entrepot.kernel.names import Dataset
from entrepot.kernel.rows import ORIGIN, RECORD_ID, SOURCE, SYSTEM_COLUMNS
from entrepot.sql.driving import Link, find_chain
from entrepot.sql.query import DIALECT, Query, parse_query
from entrepot.sql.spans import find_projection_end
from entrepot.sql.tables import find_cte

CARRIED = (RECORD_ID, SOURCE, ORIGIN)
"""The system columns that a model of kind append or merge hands on; the engine adds the others."""


class _Draft:
    """A query under change: the additions to its text, and a copy of its tree changed in the same way.

    The copy is made when it is first asked for: most queries stay as they are.
    """

    def __init__(self, query: Query) -> None:
        self.query = query
        self.edits: list[tuple[int, str]] = []

    @cached_property
    def tree(self) -> exp.Query:
        """The copy."""
        return self.query.tree.copy()

    @cached_property
    def _twins(self) -> dict[int, exp.Expr]:
        return {id(node): twin for node, twin in zip(self.query.tree.walk(), self.tree.walk(), strict=True)}

    def insert(self, offset: int, text: str) -> None:
        """Put text in before a character of the original."""
        self.edits.append((offset, text))

    def twin(self, node: exp.Expr) -> exp.Expr:
        """The node of the copy that stands where `node` stands in the original."""
        return self._twins[id(node)]

    def finish(self) -> str:
        """The statement with all additions. Raises: ProjectError when the text says something else than the tree."""
        tokens = self.query.tokens
        text, end = self.query.text, tokens[-1].end + 1
        for offset, addition in sorted(self.edits, reverse=True):
            text = text[:offset] + addition + text[offset:]
            end += len(addition)
        body = text[tokens[0].start : end]
        if self.edits and parse_query(body).tree != self.tree:
            raise self.query.error(
                "the system columns could not be added to this SELECT safely.",
                hint="Write it more plainly: SELECT columns FROM the driving table, with joins.",
            )
        return body


def carry_system_columns(query: Query | str, driving: Dataset, carrying: Collection[Dataset] | None = None) -> str:
    """Add `_record_id`, `_source` and `_origin` of the driving table to a SELECT that gives one row per record of it.

    Args: carrying: the datasets whose tables have system columns; None: all.
    Returns: the statement, without the file's head and comments around it.
    Raises: ProjectError saying why the rows of this SELECT are not records of the driving table.
    """
    query = parse_query(query) if isinstance(query, str) else query
    chain = find_chain(query, driving)
    draft = _Draft(query)
    _hide_in(draft, chain[0].select, carrying, added_to=chain[0].alias if len(chain) > 1 else None)
    _add_projections(draft, chain[0], CARRIED)
    for link in chain[1:]:
        if not _has_star(query, link):
            _add_projections(draft, link, _missing(query, link))
    return draft.finish()


def hide_system_columns(query: Query | str, carrying: Collection[Dataset] | None = None) -> str:
    """Take the system columns of the inputs out of every `*` of the outermost SELECT.

    Returns: the statement, without the file's head and comments around it.
    Raises: ProjectError when a system column is projected by name.
    """
    query = parse_query(query) if isinstance(query, str) else query
    draft = _Draft(query)
    for select in _outermost(query.tree):
        _hide_in(draft, select, carrying)
    return draft.finish()


def _add_projections(draft: _Draft, link: Link, names: Sequence[str]) -> None:
    columns = [f"{_quote(link.alias)}.{name} AS {name}" for name in names]
    if not columns:
        return
    offset, comma = find_projection_end(draft.query, link.anchor)
    draft.insert(offset, f"{'' if comma else ', '}{', '.join(columns)}\n")
    select = draft.twin(link.select)
    assert isinstance(select, exp.Select)  # a twin is of its original's class
    select.select(*columns, dialect=DIALECT, copy=False)


def _missing(query: Query, link: Link) -> list[str]:
    """The carried columns that an inner SELECT does not hand on by name already."""
    missing = list(CARRIED)
    for projection in link.select.expressions:
        name = projection.output_name.lower()
        if name not in CARRIED:
            continue
        plain = isinstance(projection, exp.Column) and projection.table.lower() in ("", link.alias.lower())
        if not plain:
            raise query.error(f"{name} is a system column; another value cannot take its name.", projection)
        missing.remove(name)
    return missing


def _outermost(tree: exp.Expr) -> Iterator[exp.Select]:
    """The SELECTs whose rows the query gives: several under UNION."""
    if isinstance(tree, exp.Select):
        yield tree
    elif isinstance(tree, exp.SetOperation):
        yield from _outermost(tree.left)
        yield from _outermost(tree.right)
    elif isinstance(tree, exp.Subquery):
        yield from _outermost(tree.this)


def _hide_in(
    draft: _Draft, select: exp.Select, carrying: Collection[Dataset] | None, *, added_to: str | None = None
) -> None:
    """Exclude what the stars bring; to the source named `added_to` the carried columns are being added."""
    query = draft.query
    for projection in select.expressions:
        name = projection.output_name.lower()
        if name in SYSTEM_COLUMNS:
            raise query.error(
                f"{name} is a system column, which the compiler adds where it belongs.",
                projection,
                hint=f"Leave it out, or give it a name of your own: {name} AS {name.strip('_')}.",
            )
        star = _star_of(projection)
        if star is None:
            continue
        hidden = set(_hidden_by(query, select, projection, star, carrying))
        if added_to is not None and (projection.table if isinstance(projection, exp.Column) else added_to) == added_to:
            hidden.update(CARRIED)
        if hidden:
            _exclude(draft, star, [name for name in SYSTEM_COLUMNS if name in hidden])


def _star_of(projection: exp.Expr) -> exp.Star | None:
    if isinstance(projection, exp.Star):
        return projection
    if isinstance(projection, exp.Column) and isinstance(projection.this, exp.Star):
        return projection.this
    return None


def _hidden_by(
    query: Query, select: exp.Select, projection: exp.Expr, star: exp.Star, carrying: Collection[Dataset] | None
) -> list[str]:
    """System columns that a star brings and that its author has not excluded already."""
    table = projection.table.lower() if isinstance(projection, exp.Column) else None
    sources = [s for s in _sources(select) if table is None or s.alias_or_name.lower() == table]
    present = {name for source in sources for name in _present(query, source, carrying)}
    excluded = {part.name.lower() for part in star.args.get("except_") or ()}
    return [name for name in SYSTEM_COLUMNS if name in present and name not in excluded]


def _sources(select: exp.Select) -> list[exp.Expr]:
    start = select.args.get("from_")
    joined = [join.this for join in select.args.get("joins") or () if join.kind not in ("SEMI", "ANTI")]
    return ([start.this] if start else []) + joined


def _present(query: Query, source: exp.Expr, carrying: Collection[Dataset] | None) -> set[str]:
    """System columns among the columns of a table, a CTE or a derived table."""
    if isinstance(source, exp.Subquery):
        inner = source.this
        if isinstance(inner, exp.Table):  # joins in parentheses
            joined = [inner, *(join.this for join in inner.args.get("joins") or ())]
            return {name for part in joined for name in _present(query, part, carrying)}
        return _output(query, inner, carrying)
    if not isinstance(source, exp.Table) or not isinstance(source.this, exp.Identifier):
        return set()
    cte = find_cte(source)
    if cte is not None:
        return _output(query, cte.this, carrying)
    dataset = Dataset(source.db.lower(), source.name.lower())
    return set(SYSTEM_COLUMNS) if carrying is None or dataset in carrying else set()


def _output(query: Query, tree: exp.Expr, carrying: Collection[Dataset] | None) -> set[str]:
    found: set[str] = set()
    for select in _outermost(tree):
        for projection in select.expressions:
            star = _star_of(projection)
            if star is not None:
                found.update(_hidden_by(query, select, projection, star, carrying))
            elif projection.output_name.lower() in SYSTEM_COLUMNS:
                found.add(projection.output_name.lower())
        break  # a UNION takes its names from the first
    return found


def _has_star(query: Query, link: Link) -> bool:
    """True when a SELECT below the outermost hands on everything of its source by a star.

    Raises: ProjectError when it hands on only another table's columns that way, or two tables' system columns at once.
    """
    stars = [p for p in link.select.expressions if _star_of(p) is not None]
    for star in stars:
        of = star.table.lower() if isinstance(star, exp.Column) else None
        if of == link.alias.lower() or (of is None and len(_sources(link.select)) == 1):
            return True
        raise query.error(
            f"this star could bring the system columns of another table than {link.alias}.",
            star,
            hint="Name the columns that are needed.",
        )
    return False


def _exclude(draft: _Draft, star: exp.Star, names: list[str]) -> None:
    """Add EXCLUDE after the star; into the author's own list when there is one."""
    tokens = draft.query.tokens
    position = next(i for i, token in enumerate(tokens) if token.start == star.meta["start"])
    own = star.args.get("except_") or []
    if own:
        bracket = tokens[position + 2]
        if bracket.text != "(":
            raise draft.query.error("write the excluded columns in parentheses: * EXCLUDE (a, b).", star)
        draft.insert(bracket.end + 1, ", ".join(names) + ", ")
    else:
        draft.insert(tokens[position].end + 1, f" EXCLUDE ({', '.join(names)})")
    draft.twin(star).set("except_", [exp.column(name) for name in names] + [column.copy() for column in own])


def _quote(name: str) -> str:
    return exp.to_identifier(name, quoted=True).sql(DIALECT)
