"""Explain: why this number, and where did this record go?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from entrepot.app.explaining import ExplainDesk, FileUse, ForwardAnswer, Limits, Reached, Step, Use
from entrepot.app.http.asked import Context
from entrepot.app.http.shapes import Shape, write_value
from entrepot.kernel.errors import UsageError

router = APIRouter(tags=["explain"])
MOST_FOLLOWED = 100_000
Row = dict[str, Any]


class ExplainQuestion(Shape):
    """Rows of a dataset, or one record."""

    dataset: str | None = Field(None, max_length=200)
    where: str | None = Field(None, max_length=20_000, description="which rows, as after WHERE; they must be few")
    columns: list[Annotated[str, Field(max_length=200)]] = Field(default_factory=list, max_length=500)
    record: str | None = Field(None, max_length=300, description="forward instead: `bronze.sales:3.17`")
    origin: str | None = Field(None, max_length=2_000, description="forward, by its place: `sales.csv#17`")
    at: str | None = Field(None, max_length=60)
    steps: int | None = Field(None, ge=1, le=100, description="tables deep; null: down to the sources")
    most: int = Field(10_000, ge=1, le=MOST_FOLLOWED)
    samples: int = Field(5, ge=0, le=50)


class ExplainUse(Shape):
    """What one table gave to the explained rows of another."""

    dataset: str
    version: int
    records: int
    total: int
    total_is: str
    is_exact: bool
    is_whole: bool
    longer: list[str]
    absences: list[str]
    sample: list[Row]


class ExplainFile(Shape):
    """Records of one file, or another place that a source reads."""

    source: str
    place: str
    records: int
    first: str


class ExplainStep(Shape):
    """One table whose rows were explained."""

    dataset: str
    version: int | None
    kind: str
    rows: int
    uses: list[ExplainUse]
    files: list[ExplainFile]
    file_count: int
    refused: str | None
    notes: list[str]


class ExplainFate(Shape):
    """What became of a record."""

    id: str
    dataset: str
    origin: str | None
    state: str
    words: str
    row: Row
    corrected_by: str | None
    corrects: str | None


class ExplainReached(Shape):
    """Rows of one table that a record reached."""

    dataset: str
    version: int
    kind: str
    rows: int
    through: list[str]
    sample: list[Row]
    refused: str | None
    notes: list[str]


class Explanation(Shape):
    """Backward: `rows` and `steps`. Forward: `fates` and `reached`."""

    release: int
    dataset: str | None = None
    rows: list[Row] = Field(default_factory=list)
    steps: list[ExplainStep] = Field(default_factory=list)
    fates: list[ExplainFate] = Field(default_factory=list)
    reached: list[ExplainReached] = Field(default_factory=list)


@router.post("/explain", response_model=Explanation)
def explain(context: Context, question: ExplainQuestion) -> Explanation:
    """Show which records made rows, down to file and row; or which rows a record reached."""
    given = [name for name in ("dataset", "record", "origin") if getattr(question, name) is not None]
    if len(given) != 1:
        raise UsageError(
            f"{' and '.join(given) or 'nothing'} is asked about; allowed is one of dataset, record, origin.",
            hint='Write {"dataset": "gold.sales", "where": "day = \'2026-09-20\'"}, or {"record": "bronze.sales:3.17"}.',
        )
    limits = Limits(most=question.most, steps=question.steps, seconds=context.sql_seconds / 4, samples=question.samples)
    with context.asking() as platform:
        if not platform.lake_exists():
            raise UsageError("the project has not run yet.", hint="Bring data in with: POST /api/v1/runs")
        desk = ExplainDesk(platform, limits)
        if question.dataset is None:
            return to_forward(desk.follow(record=question.record, origin=question.origin, at=question.at))
        answer = desk.explain(question.dataset, question.where, columns=question.columns, at=question.at)
    return Explanation(
        release=answer.release,
        dataset=answer.dataset,
        rows=_rows(answer.rows),
        steps=[_step(step) for step in answer.steps],
    )


def to_forward(found: ForwardAnswer) -> Explanation:
    """As it is sent."""
    fates = [
        ExplainFate(
            id=fate.id,
            dataset=fate.dataset,
            origin=fate.origin,
            state=fate.state,
            words=fate.words,
            row=_row(fate.row),
            corrected_by=fate.corrected_by,
            corrects=fate.corrects,
        )
        for fate in found.fates
    ]
    return Explanation(release=found.release, fates=fates, reached=[_reached(each) for each in found.reached])


def _step(step: Step) -> ExplainStep:
    return ExplainStep(
        dataset=step.dataset,
        version=step.version,
        kind=step.kind,
        rows=step.rows,
        uses=[_use(use) for use in step.uses],
        files=[_file(file) for file in step.files],
        file_count=step.file_count,
        refused=step.refused,
        notes=list(step.notes),
    )


def _use(use: Use) -> ExplainUse:
    return ExplainUse(
        dataset=use.dataset,
        version=use.version,
        records=use.records,
        total=use.total,
        total_is=use.total_is,
        is_exact=use.is_exact,
        is_whole=use.is_whole,
        longer=list(use.longer),
        absences=list(use.absences),
        sample=_rows(use.sample),
    )


def _file(file: FileUse) -> ExplainFile:
    return ExplainFile(source=file.source, place=file.place, records=file.records, first=file.first)


def _reached(found: Reached) -> ExplainReached:
    return ExplainReached(
        dataset=found.dataset,
        version=found.version,
        kind=found.kind,
        rows=found.rows,
        through=list(found.through),
        sample=_rows(found.sample),
        refused=found.refused,
        notes=list(found.notes),
    )


def _rows(rows: Iterable[Mapping[str, Any]]) -> list[Row]:
    return [_row(row) for row in rows]


def _row(row: Mapping[str, Any]) -> Row:
    return {str(name): write_value(value) for name, value in row.items()}
