"""Type-2 history as a SELECT: every version of an entity follows from the rows of that entity (and the list of snapshots) alone.

So when rows come late, are corrected or go away, the versions of the entities they belong to are computed anew, and no others change.
Rows without a key or an instant belong to no entity. They come out as they are, without `valid_to` and `is_current`, for the contract to reject.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlglot import exp

from entrepot.sql.history.fit import INTERNAL, Fitted, fit_history
from entrepot.sql.history.options import History
from entrepot.sql.query import DIALECT, Query

_WHOLE, _LIVE, _OPENS = f"{INTERNAL}whole", f"{INTERNAL}live", f"{INTERNAL}opens"
_DAY, _NEXT, _ENDED, _LAST, _TO = (f"{INTERNAL}{name}" for name in ("day", "next", "ended", "last", "to"))


def compile_history(query: Query | str, options: History, columns: Sequence[str]) -> str:
    """Give the SELECT of all versions: the query's columns, then `valid_from`, `valid_to` (half open; null: still valid), `is_current`.

    Args: columns: of the query, in order; with `_record_id` among them, that orders rows of one instant.
    Raises: ProjectError as `fit_history`. While it runs, the SELECT fails when rows of one entity and instant contradict each other.
    """
    fitted = fit_history(options, columns, query if isinstance(query, Query) else None)
    body = _body(query)
    rows = _told(fitted, body)
    if fitted.order:
        rows = _last_told(fitted, rows)
    return _versions(fitted, _ended(fitted, _opened(fitted, rows)))


def _body(query: Query | str) -> str:
    return query.body if isinstance(query, Query) else query.strip().rstrip(";") + "\n"


def _told(fitted: Fitted, body: str) -> str:
    """The query's rows, and for each whether it belongs to an entity and whether the entity lives."""
    rows, days = _name(f"{INTERNAL}rows"), _name(f"{INTERNAL}days")
    whole = " AND ".join(f"{rows}.{_name(name)} IS NOT NULL" for name in (*fitted.key, fitted.time))
    live = f"NOT coalesce({rows}.{_name(fitted.deleted)}, FALSE)" if fitted.deleted else "TRUE"
    chosen = [f"{rows}.{_name(name)} AS {_name(name)}" for name in fitted.used]
    chosen += [f"({whole}) AS {_name(_WHOLE)}", f"({live}) AS {_name(_LIVE)}"]
    if not fitted.is_snapshot:
        return f"SELECT {', '.join(chosen)} FROM ({body}) AS {rows}"
    time, day = _name(fitted.time), _name(_DAY)
    distinct = f"SELECT DISTINCT {time} AS {day} FROM ({body}) AS {rows} WHERE {time} IS NOT NULL"
    listed = f"SELECT {day}, lead({day}) OVER (ORDER BY {day}) AS {_name(_NEXT)} FROM ({distinct}) AS {days}"
    chosen.append(f"{days}.{_name(_NEXT)} AS {_name(_NEXT)}")
    return f"SELECT {', '.join(chosen)} FROM ({body}) AS {rows} LEFT JOIN ({listed}) AS {days} ON {rows}.{time} = {days}.{day}"


def _last_told(fitted: Fitted, rows: str) -> str:
    """Of the rows of one entity and instant those that come last by the stated order."""
    order = ", ".join(f"{_name(name)} DESC NULLS LAST" for name in fitted.order)
    rank = f"rank() OVER (PARTITION BY {_entity(fitted)}, {_name(fitted.time)} ORDER BY {order})"
    return f"SELECT * FROM ({rows}) AS {_name(f'{INTERNAL}told')} QUALIFY NOT {_name(_WHOLE)} OR {rank} = 1"


def _opened(fitted: Fitted, rows: str) -> str:
    """For each row whether another state begins with it. A state that is gone is one state, whatever its columns hold."""
    over = f"OVER (PARTITION BY {_entity(fitted)} ORDER BY {_names((fitted.time, *_breaking_ties(fitted)))})"
    time, live = _name(fitted.time), _name(_LIVE)
    changed = [f"{_name(name)} IS DISTINCT FROM lag({_name(name)}) {over}" for name in fitted.compared]
    among_live = f" OR ({live} AND ({' OR '.join(changed)}))" if changed else ""
    differs = f"({live} IS DISTINCT FROM coalesce(lag({live}) {over}, FALSE){among_live})"
    same_instant = f"lag({time}) {over} = {time}"
    opens = [
        f"WHEN NOT {_name(_WHOLE)} THEN TRUE",
        f"WHEN {same_instant} THEN CASE WHEN {differs} THEN error({_contradiction(fitted)}) ELSE FALSE END",
    ]
    chosen = ["*"]
    if fitted.is_snapshot:
        opens.append(f"WHEN {live} AND lag({_name(_NEXT)}) {over} IS DISTINCT FROM {time} THEN TRUE")
        chosen += [
            f"lag({_name(_NEXT)}) {over} AS {_name(_ENDED)}",
            f"last_value({_name(_NEXT)}) {over[:-1]} ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS {_name(_LAST)}",
        ]
    chosen.append(f"CASE {' '.join(opens)} ELSE {differs} END AS {_name(_OPENS)}")
    return f"SELECT {', '.join(chosen)} FROM ({rows}) AS {_name(f'{INTERNAL}states')}"


def _ended(fitted: Fitted, rows: str) -> str:
    """The rows that open a state, each with where the next one begins or the entity was missing first."""
    over = f"OVER (PARTITION BY {_entity(fitted)} ORDER BY {_name(fitted.time)})"
    to = f"lead({_name(fitted.time)}) {over}"
    if fitted.is_snapshot:
        to = f"coalesce(lead({_name(_ENDED)}) {over}, {_name(_LAST)})"
    return f"SELECT *, {to} AS {_name(_TO)} FROM ({rows}) AS {_name(f'{INTERNAL}opened')} WHERE {_name(_OPENS)}"


def _versions(fitted: Fitted, rows: str) -> str:
    whole, to = _name(_WHOLE), _name(_TO)
    chosen = [_name(name) for name in fitted.shown]
    chosen += [
        f"{_name(fitted.time)} AS valid_from",
        f"CASE WHEN {whole} THEN {to} END AS valid_to",
        f"CASE WHEN {whole} THEN {to} IS NULL END AS is_current",
    ]
    return (
        f"SELECT {', '.join(chosen)} FROM ({rows}) AS {_name(f'{INTERNAL}ended')} WHERE {_name(_LIVE)} OR NOT {whole}"
    )


def _contradiction(fitted: Fitted) -> str:
    cure = (
        f"the columns of history.order ({', '.join(fitted.order)}) leave open which is the later; name further ones"
        if fitted.order
        else "name the columns that say which is the later one in history.order"
    )
    said = f"an entity ({', '.join(fitted.key)}) has different states from one {fitted.time} on: {cure}"
    return exp.Literal.string(said).sql(DIALECT)


def _entity(fitted: Fitted) -> str:
    """What windows are parted by: rows that belong to no entity stay among themselves."""
    return _names((*fitted.key, _WHOLE))


def _breaking_ties(fitted: Fitted) -> tuple[str, ...]:
    """So that the first of several rows that say the same is always the same row, and shows the same of what is not compared."""
    return tuple(name for name in fitted.uncompared if name not in fitted.order)


def _names(names: Iterable[str]) -> str:
    return ", ".join(map(_name, names))


def _name(name: str) -> str:
    return exp.to_identifier(name, quoted=True).sql(DIALECT)
