"""Releases: what readers read."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field

from entrepot.app.http.asked import Context, Cursor, Limit
from entrepot.app.http.cursors import read_number, write_cursor
from entrepot.app.http.errors import NotThere
from entrepot.app.http.shapes import Instant, Page, Shape
from entrepot.app.wiring import Platform
from entrepot.ports.state import Release

router = APIRouter(tags=["releases"])
MOST_NUMBER = (1 << 53) - 1
Number = Annotated[int, Path(ge=0, le=MOST_NUMBER)]


class ReleaseItem(Shape):
    """One release."""

    id: int
    at: Instant
    run: str
    datasets: int
    held: dict[str, str] = Field(description="dataset → why it stayed at its old version")


class ReleasePage(Page[ReleaseItem]):
    """Releases, newest first."""


class VersionChange(Shape):
    """A dataset whose version two releases hold differently."""

    dataset: str
    before: int | None = None
    after: int | None = None
    rows_before: int | None = None
    rows_after: int | None = None


class ReleaseDetail(ReleaseItem):
    """One release with everything that it holds."""

    tables: dict[str, int] = Field(description="dataset → version")
    views: list[str]
    compared_with: int | None = Field(description="the release that `changes` looks back to; null: there is none")
    changes: list[VersionChange]


def to_item(release: Release) -> ReleaseItem:
    """As it is sent."""
    return ReleaseItem(
        id=release.id,
        at=release.at,
        run=release.run,
        datasets=len(release.tables) + len(release.views),
        held=dict(release.held),
    )


@router.get("/releases", response_model=ReleasePage)
def list_releases(context: Context, limit: Limit = 50, cursor: Cursor = None) -> ReleasePage:
    """List releases, newest first."""
    before = read_number("releases", cursor)
    with context.reading() as platform:
        if not platform.lake_exists():
            return ReleasePage(items=[])
        found = platform.state.releases(limit + 1, before=before)
    part = found[:limit]
    next = write_cursor("releases", part[-1].id) if len(found) > limit else None
    return ReleasePage(items=[to_item(each) for each in part], next=next)


@router.get("/releases/{id}", response_model=ReleaseDetail)
def get_release(
    context: Context, id: Number, compare: Annotated[int | None, Query(ge=0, le=MOST_NUMBER)] = None
) -> ReleaseDetail:
    """Show a release, and what it changed against the one before, or against that of `compare`."""
    with context.reading() as platform:
        release = _find(platform, id)
        if compare is not None:
            other: Release | None = _find(platform, compare)
        else:
            other = next(iter(platform.state.releases(1, before=id)), None)
        changes = [] if other is None else _compare(platform, other, release)
    item = to_item(release)
    return ReleaseDetail(
        **item.model_dump(),
        tables=dict(release.tables),
        views=sorted(release.views),
        compared_with=None if other is None else other.id,
        changes=changes,
    )


def _find(platform: Platform, id: int) -> Release:
    found = platform.state.release(id) if platform.lake_exists() else None
    if found is None:
        raise NotThere(f"there is no release {id}, or it was forgotten.", hint="See: GET /api/v1/releases")
    return found


def _compare(platform: Platform, before: Release, after: Release) -> list[VersionChange]:
    names = sorted({*before.tables, *after.tables})
    return [
        VersionChange(
            dataset=name,
            before=before.tables.get(name),
            after=after.tables.get(name),
            rows_before=_rows(platform, name, before.tables.get(name)),
            rows_after=_rows(platform, name, after.tables.get(name)),
        )
        for name in names
        if before.tables.get(name) != after.tables.get(name)
    ]


def _rows(platform: Platform, name: str, version: int | None) -> int | None:
    if version is None:
        return None
    try:
        return platform.tables.rows(name, version)
    except KeyError:  # upkeep has taken that version away
        return None
