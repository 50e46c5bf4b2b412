"""SQL: one SELECT over a release, with its limits said aloud."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Annotated, Any

import pyarrow as pa
from fastapi import APIRouter, Path, Query, Request
from pydantic import Field

from entrepot.app.http.asked import Context, Cursor
from entrepot.app.http.cursors import read_number, write_cursor
from entrepot.app.http.errors import NotThere
from entrepot.app.http.shapes import Instant, Shape, write_value
from entrepot.app.querying import RunningQueries, read_records, scan_release
from entrepot.kernel.errors import EntrepotError, UsageError
from entrepot.kernel.ids import new_token

router = APIRouter(tags=["sql"])
MOST_ROWS = 10_000
PAGE_ROWS = 500
KEPT_ANSWERS = 20
MOST_KEPT_BYTES = 64_000_000
QueryId = Annotated[str, Path(max_length=100)]


class SqlQuestion(Shape):
    """One SELECT in DuckDB's dialect over `layer.name` datasets."""

    sql: Annotated[str, Field(min_length=1, max_length=100_000)]
    at: str | None = Field(None, max_length=60, description="a release's number or an instant; null: the newest")
    limit: int = Field(1_000, ge=1, le=MOST_ROWS)
    id: str | None = Field(
        None, pattern=r"^[A-Za-z0-9-]{8,60}$", description="yours, so that DELETE /sql/{id} can stop it meanwhile"
    )


class SqlColumn(Shape):
    """A column of an answer."""

    name: str
    type: str


class SqlAnswer(Shape):
    """The first rows. Decimals, and whole numbers beyond 2^53, are text: every digit counts."""

    id: str
    release: int
    released_at: Instant
    columns: list[SqlColumn]
    rows: list[list[Any]]
    row_count: int
    is_whole: bool = Field(description=f"false: there are more rows than `limit` (at most {MOST_ROWS})")
    seconds: float
    next: str | None = Field(description="cursor for GET /sql/{id}/rows")


class SqlRows(Shape):
    """Further rows of an answer."""

    rows: list[list[Any]]
    next: str | None


class SqlCheck(Shape):
    """Whether a text can be asked, and what it would give."""

    ok: bool
    columns: list[SqlColumn]
    message: str | None = None
    hint: str | None = None


class Stopped(Shape):
    """Whether a question was being answered."""

    stopped: bool


class Answers:
    """The last answers, so that they can be paged through; bounded."""

    def __init__(self) -> None:
        self.running = RunningQueries()
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, pa.Table] = OrderedDict()

    def keep(self, id: str, rows: pa.Table) -> None:
        """Keep an answer; the oldest go when there are too many or they are too large."""
        with self._lock:
            self._kept[id] = rows
            while len(self._kept) > KEPT_ANSWERS or (
                len(self._kept) > 1 and sum(each.nbytes for each in self._kept.values()) > MOST_KEPT_BYTES
            ):
                self._kept.popitem(last=False)

    def find(self, id: str) -> pa.Table | None:
        """An answer that is still kept."""
        with self._lock:
            return self._kept.get(id)


def answers_of(request: Request) -> Answers:
    """The answers of this application."""
    found: Answers | None = getattr(request.app.state, "answers", None)
    if found is None:
        found = request.app.state.answers = Answers()
    return found


@router.post("/sql", response_model=SqlAnswer)
def ask_sql(context: Context, question: SqlQuestion, request: Request) -> SqlAnswer:
    """Ask a release. Nothing can be written, and nothing but the lake can be read."""
    answers, id = answers_of(request), question.id or f"q-{new_token()}"
    with context.asking() as platform:
        if not platform.lake_exists():
            raise UsageError("the project has not run yet.", hint="Bring data in with: POST /api/v1/runs")
        release = platform.release_for(question.at)
        scan = scan_release(release, question.sql)
        asked = answers.running.ask(platform, scan, id=id, limit=question.limit, seconds=context.sql_seconds)
    answers.keep(id, asked.rows)
    rows, next = _page(id, asked.rows, 0, PAGE_ROWS)
    return SqlAnswer(
        id=id,
        release=release.id,
        released_at=release.at,
        columns=_columns(asked.rows.schema),
        rows=rows,
        row_count=asked.rows.num_rows,
        is_whole=asked.is_whole,
        seconds=round(asked.seconds, 4),
        next=next,
    )


@router.get("/sql/{id}/rows", response_model=SqlRows)
def read_sql_rows(
    id: QueryId,
    request: Request,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_ROWS)] = PAGE_ROWS,
) -> SqlRows:
    """Read further rows of an answer that is still kept."""
    table = answers_of(request).find(id)
    if table is None:
        raise NotThere(f"the answer {id!r} is no longer kept.", hint="Ask again: POST /api/v1/sql")
    rows, next = _page(id, table, read_number(f"sql:{id}", cursor) or 0, limit)
    return SqlRows(rows=rows, next=next)


@router.delete("/sql/{id}", response_model=Stopped)
def stop_sql(id: QueryId, request: Request) -> Stopped:
    """Stop a question that is being answered."""
    return Stopped(stopped=answers_of(request).running.stop(id))


@router.post("/sql:check", response_model=SqlCheck)
def check_sql(context: Context, question: SqlQuestion) -> SqlCheck:
    """Tell whether a text can be asked, without asking it: its columns, or what is wrong."""
    with context.asking() as platform:
        if not platform.lake_exists():
            return SqlCheck(ok=False, columns=[], message="the project has not run yet.")
        release = platform.release_for(question.at)
        try:
            schema = platform.engine.describe(scan_release(release, question.sql))
        except EntrepotError as error:
            return SqlCheck(ok=False, columns=[], message=error.message, hint=error.hint)
    return SqlCheck(ok=True, columns=_columns(schema))


def to_rows(table: pa.Table) -> list[list[Any]]:
    """Rows as JSON; columns of one name each keep their place."""
    names = [str(place) for place in range(table.num_columns)]
    records = read_records(table.rename_columns(names))
    return [[write_value(record[name]) for name in names] for record in records]


def _columns(schema: pa.Schema) -> list[SqlColumn]:
    return [SqlColumn(name=field.name, type=str(field.type)) for field in schema]


def _page(id: str, table: pa.Table, start: int, limit: int) -> tuple[list[list[Any]], str | None]:
    end = start + limit
    next = write_cursor(f"sql:{id}", end) if end < table.num_rows else None
    return to_rows(table.slice(start, limit)), next
