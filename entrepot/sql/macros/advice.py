"""What to say about a model that converts currencies and lets rows without a rate pass."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sqlglot import exp

from entrepot.sql.macros.convert import result_columns
from entrepot.sql.macros.expand import find_calls
from entrepot.sql.query import Query
from entrepot.sql.tables import find_cte


def find_unguarded_rates(text: str, query: Query, required: Collection[str] | None) -> tuple[str, ...]:
    """One sentence for each `convert` whose missing rates would not become rejects.

    Args: text: the model as written. query: the same, macros written out. required: the columns that the contract of the model asks for;
    None when nothing judges its rows.
    """
    calls = [call for call in find_calls(text, query.path) if call.macro.name == "convert"]
    return tuple(
        f"{call.script.error('', call.start).place or query.path} — {why}"
        for call in calls
        if (why := _why_unguarded(query, result_columns(call), required)) is not None
    )


def _why_unguarded(query: Query, names: tuple[str, ...], required: Collection[str] | None) -> str | None:
    plain = [name.strip('"').lower() for name in names]
    shown = _projected(query.tree, plain)
    if not shown:
        return (
            f"where a rate is missing the converted amounts ({', '.join(names[:-1])}) are null, and what is made of them here leaves such rows out "
            "without a word: convert in a model of its own, whose contract requires them."
        )
    if required is None:
        return f"rows without a rate stay, with {_list(shown)} null: give the model a contract that says required for one of these columns."
    if not {name.lower() for name in required} & set(shown):
        return f"rows without a rate stay, with {_list(shown)} null: the contract of the model should say required for one of these columns."
    return None


def _projected(tree: exp.Expr, names: list[str]) -> list[str]:
    """Under which names the outermost SELECT hands the columns on as they are; in the order of the text."""
    return list(dict.fromkeys(_hand_on(tree, names)))


def _hand_on(tree: exp.Expr, names: list[str]) -> Iterator[str]:
    if isinstance(tree, exp.SetOperation):
        yield from _hand_on(tree.left, names)
        yield from _hand_on(tree.right, names)
        return
    if isinstance(tree, exp.Subquery):
        yield from _hand_on(tree.this, names)
        return
    if not isinstance(tree, exp.Select):
        return
    known = [name for source in _sources(tree) for name in _offered(source, names)]
    for projection in tree.expressions:
        inner = projection.this if isinstance(projection, exp.Alias) else projection
        if isinstance(inner, exp.Star) or (isinstance(inner, exp.Column) and isinstance(inner.this, exp.Star)):
            yield from known
        elif isinstance(inner, exp.Column) and inner.name.lower() in known:
            yield projection.output_name.lower()


def _offered(source: exp.Expr, names: list[str]) -> list[str]:
    """The columns a source of a FROM hands on, under its names."""
    if isinstance(source, exp.Subquery):
        inner = source.this
        if isinstance(inner, exp.Select) and [one.alias_or_name for one in _sources(inner)][:2] == ["_p", "_r"]:
            made = {part.output_name.lower() for part in inner.expressions}
            return [name for name in names if name in made]
        return _projected(inner, names)
    cte = find_cte(source) if isinstance(source, exp.Table) else None
    return _projected(cte.this, names) if cte is not None else []


def _sources(select: exp.Select) -> list[exp.Expr]:
    start = select.args.get("from_")
    return ([start.this] if start else []) + [join.this for join in select.args.get("joins") or ()]


def _list(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
