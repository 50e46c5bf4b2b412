"""Datasets as they are sent."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from entrepot.app.docs_site.facts import ColumnFacts, Entry, RuleFigures
from entrepot.app.http.routes.flows import BatchTick
from entrepot.app.http.routes.sql import SqlColumn
from entrepot.app.http.shapes import Instant, Page, Shape


class Balance(Shape):
    """received = live + rejected + duplicate + superseded + unexplained, over all batches at the newest settled version."""

    received: int
    live: int
    rejected: int
    duplicate: int
    superseded: int
    unexplained: int


class DatasetItem(Shape):
    """One dataset in short."""

    dataset: str
    layer: str
    kind: str
    description: str
    owner: str
    version: int | None = Field(description="the newest; null: it has none yet")
    released: int | None = Field(description="the one that readers see")
    rows: int | None
    size_bytes: int | None
    last_change: Instant | None
    held: str | None = Field(description="why readers see an older version")
    checks: int
    checks_failed: int
    contract: str | None = Field(description="version of its contract")
    classes: list[str]
    kpi: str | None = None


class DatasetPage(Page[DatasetItem]):
    """Datasets by layer and name."""


class ColumnItem(Shape):
    """One column."""

    column: str
    type: str
    required: bool
    rules: list[str]
    description: str | None
    classification: str | None
    inherited: list[str] = Field(description="classifications of what it comes from")
    unit: str | None
    comes_from: list[str]


class Check(Shape):
    """A rule over the whole dataset, as it was judged last."""

    rule: str
    demands: str
    measured: str
    verdict: str = Field(description="`passed`, `warning`, `failed`, `accepted`")
    version: int
    at: Instant
    is_current: bool = Field(description="false: the dataset has moved on since")
    holds: bool = Field(description="true: a version that breaks it is not released")


class PastCheck(Shape):
    """All rules of one kind at one version."""

    at: Instant
    version: int
    rules: int
    failed: list[str]
    warned: list[str]


class DatasetDetail(DatasetItem):
    """One dataset with its columns."""

    columns: list[ColumnItem]
    columns_note: str
    made_from: list[str]
    read_by: list[str]
    refers_to: list[str]
    referred_by: list[str]
    sources: list[str]
    kpis: list[str]
    tests: list[str]
    file: str
    sql: str | None = Field(description="what makes it, of models in SQL")
    balance: Balance | None
    reasons: dict[str, int] = Field(description="rule → records that broke it, over all batches")


class Checks(Shape):
    """Rules and what they judged."""

    items: list[Check]
    history: list[PastCheck]


class VersionPage(Page[BatchTick]):
    """Batches, newest first: each made a version."""


class Sample(Shape):
    """A few rows of the released version."""

    dataset: str
    release: int
    columns: list[SqlColumn]
    rows: list[list[Any]]
    classified: dict[str, str] = Field(description="column → classification, of columns that are not for everybody")


class ColumnProfileItem(Shape):
    """What was counted in one column."""

    column: str
    values: int
    nulls: int
    distinct: int
    longest: int
    smallest: str | None
    largest: str | None
    listed: list[str] = Field(description="all values, where they are few and not classified")


class Profile(Shape):
    """What was counted in the newest settled version."""

    dataset: str
    rows: int
    is_sample: bool
    columns: list[ColumnProfileItem]


def to_item(entry: Entry) -> DatasetItem:
    """As it is sent."""
    figures = entry.figures
    rules = figures.rules if figures else ()
    return DatasetItem(
        dataset=entry.name,
        layer=entry.layer,
        kind=entry.kind,
        description=entry.description,
        owner=entry.owner,
        version=figures.version if figures else None,
        released=figures.released if figures else None,
        rows=figures.rows if figures else None,
        size_bytes=figures.size_bytes if figures else None,
        last_change=figures.last_change if figures else None,
        held=entry.held,
        checks=len(rules),
        checks_failed=sum(rule.verdict == "failed" for rule in rules),
        contract=entry.contract.version if entry.contract is not None else None,
        classes=list(entry.classes),
        kpi=entry.kpi,
    )


def to_check(rule: RuleFigures) -> Check:
    """As it is sent."""
    return Check(
        rule=rule.rule,
        demands=rule.demands,
        measured=rule.measured,
        verdict=rule.verdict,
        version=rule.version,
        at=rule.at,
        is_current=rule.is_current,
        holds=rule.holds,
    )


def to_column(column: ColumnFacts) -> ColumnItem:
    """As it is sent."""
    row = column.row
    return ColumnItem(
        column=row.column,
        type=row.type,
        required=row.required,
        rules=list(row.rules),
        description=row.description,
        classification=column.classification,
        inherited=list(column.inherited),
        unit=column.unit,
        comes_from=list(column.origins),
    )
