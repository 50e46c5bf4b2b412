"""Datasets: can I rely on this, and what is in it?"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from entrepot.app.docs_site.facts import Entry
from entrepot.app.http.asked import At, Context, Cursor, DatasetName, Limit, Word
from entrepot.app.http.context import ApiContext
from entrepot.app.http.cursors import cut, read_number, write_cursor
from entrepot.app.http.errors import NotThere
from entrepot.app.http.routes.dataset_shapes import (
    Balance,
    Checks,
    ColumnProfileItem,
    DatasetDetail,
    DatasetPage,
    PastCheck,
    Profile,
    Sample,
    VersionPage,
    to_check,
    to_column,
    to_item,
)
from entrepot.app.http.routes.flows import to_tick
from entrepot.app.http.routes.sql import SqlColumn, answers_of, to_rows
from entrepot.app.querying import scan_release
from entrepot.contracts.docs.facts import is_classified
from entrepot.kernel.errors import UsageError

router = APIRouter(tags=["datasets"])
SAMPLE_ROWS = 100
PROFILE_ROWS = 200_000


@router.get("/datasets", response_model=DatasetPage)
def list_datasets(
    context: Context,
    q: Word = None,
    layer: Annotated[str | None, Query(max_length=20)] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> DatasetPage:
    """List datasets by layer and name."""
    words = (q or "").lower()
    found = [
        entry
        for entry in context.facts.get().entries
        if (layer is None or entry.layer == layer) and words in f"{entry.name} {entry.description}".lower()
    ]
    part, next = cut("datasets", found, cursor, limit, lambda entry: entry.name)
    return DatasetPage(items=[to_item(entry) for entry in part], next=next)


@router.get("/datasets/{dataset}", response_model=DatasetDetail)
def get_dataset(context: Context, dataset: DatasetName) -> DatasetDetail:
    """Show a dataset with its columns, its rules and how its rows add up."""
    entry = find_entry(context, dataset)
    figures, model = entry.figures, entry.model
    balance = figures.balance if figures else None
    return DatasetDetail(
        **to_item(entry).model_dump(),
        columns=[to_column(column) for column in entry.columns],
        columns_note=entry.columns_note,
        made_from=list(entry.made_from),
        read_by=list(entry.read_by),
        refers_to=list(entry.refers_to),
        referred_by=list(entry.referred_by),
        sources=list(entry.sources),
        kpis=list(entry.kpis),
        tests=list(entry.tests),
        file=entry.file,
        sql=model.sql if model is not None and model.sql else None,
        balance=None
        if balance is None
        else Balance(
            received=balance.received,
            live=balance.live,
            rejected=balance.rejected,
            duplicate=balance.duplicate,
            superseded=balance.superseded,
            unexplained=balance.received - balance.live - balance.rejected - balance.duplicate - balance.superseded,
        ),
        reasons=dict(figures.reasons) if figures else {},
    )


@router.get("/datasets/{dataset}/checks", response_model=Checks)
def list_checks(context: Context, dataset: DatasetName) -> Checks:
    """List the rules over the whole dataset, how they were judged last, and before."""
    figures = find_entry(context, dataset).figures
    if figures is None:
        return Checks(items=[], history=[])
    history = [
        PastCheck(at=p.at, version=p.version, rules=p.rules, failed=list(p.failed), warned=list(p.warned))
        for p in figures.history
    ]
    return Checks(items=[to_check(rule) for rule in figures.rules], history=history)


@router.get("/datasets/{dataset}/versions", response_model=VersionPage)
def list_versions(context: Context, dataset: DatasetName, limit: Limit = 50, cursor: Cursor = None) -> VersionPage:
    """List the batches that made a dataset, newest first."""
    find_entry(context, dataset)
    start = read_number(f"versions:{dataset}", cursor) or 0
    with context.reading() as platform:
        if not platform.lake_exists():
            return VersionPage(items=[])
        plans = list(platform.state.plans(target=dataset, limit=min(start + limit + 1, 10_000)))[::-1]
    part = plans[start : start + limit]
    more = len(plans) > start + limit
    next = write_cursor(f"versions:{dataset}", start + limit) if more else None
    return VersionPage(items=[to_tick(plan) for plan in part], next=next)


@router.get("/datasets/{dataset}/sample", response_model=Sample)
def read_sample(
    context: Context,
    dataset: DatasetName,
    request: Request,
    at: At = None,
    limit: Annotated[int, Query(ge=1, le=SAMPLE_ROWS)] = 20,
) -> Sample:
    """Read a few rows of a dataset as a release holds it."""
    entry = find_entry(context, dataset)
    with context.asking() as platform:
        release = platform.release_for(at) if platform.lake_exists() else None
        if release is None or (dataset not in release.tables and dataset not in release.views):
            raise NotThere(f"no release holds {dataset}.", hint="Bring it up to date with: POST /api/v1/runs")
        scan = scan_release(release, f"SELECT * FROM {dataset} LIMIT {limit:d}")
        asked = answers_of(request).running.ask(
            platform, scan, id=f"sample-{dataset}", limit=limit, seconds=context.sql_seconds
        )
    closed = {c.row.column: c.classification for c in entry.columns if is_classified(c.classification)}
    columns = [SqlColumn(name=field.name, type=str(field.type)) for field in asked.rows.schema]
    return Sample(
        dataset=dataset,
        release=release.id,
        columns=columns,
        rows=to_rows(asked.rows),
        classified={name: word for name, word in closed.items() if word},
    )


@router.get("/datasets/{dataset}/profile", response_model=Profile)
def profile_dataset(context: Context, dataset: DatasetName) -> Profile:
    """Count what stands in the columns of a table; of a large one the first rows only."""
    from entrepot.app.profiling import profile_table

    entry = find_entry(context, dataset)
    if entry.figures is None:
        raise UsageError(f"{dataset} is no table that could be counted.", hint="Views have none: look at its inputs.")
    closed = {column.row.column for column in entry.columns if is_classified(column.classification)}
    with context.asking() as platform:
        found = profile_table(platform, dataset, PROFILE_ROWS)
    columns = [
        ColumnProfileItem(
            column=column.name,
            values=column.values,
            nulls=column.nulls,
            distinct=column.distinct,
            longest=column.longest,
            smallest=None if column.name in closed else column.smallest,
            largest=None if column.name in closed else column.largest,
            listed=[] if column.name in closed else list(column.listed),
        )
        for column in found.columns
    ]
    return Profile(dataset=dataset, rows=found.rows, is_sample=found.is_sample, columns=columns)


def find_entry(context: ApiContext, dataset: str) -> Entry:
    """What is known of a dataset. Raises: NotThere."""
    entry = context.facts.get().find(dataset)
    if entry is None:
        raise NotThere(f"there is no dataset {dataset!r}.", hint="See: GET /api/v1/datasets")
    return entry
