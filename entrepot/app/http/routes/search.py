"""Search over names: datasets, columns, KPIs, sources, contracts, flows; and exact ids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from entrepot.app.docs_site.facts import SiteFacts
from entrepot.app.http.asked import Context
from entrepot.app.http.context import ApiContext
from entrepot.app.http.shapes import Shape

router = APIRouter(tags=["search"])
Kind = Literal["dataset", "column", "kpi", "source", "contract", "run", "release", "receipt", "record", "message"]


class Hit(Shape):
    """One thing that was found, and why."""

    kind: Kind
    name: str
    title: str
    why: str = Field(description="what of it matched")
    score: int


class SearchAnswer(Shape):
    """The best first."""

    items: list[Hit]
    facets: dict[str, int] = Field(description="kind → how many matched in all")


@router.get("/search", response_model=SearchAnswer)
def search_names(
    context: Context,
    q: Annotated[str, Query(max_length=200)],
    kind: Annotated[list[Kind] | None, Query(description="Repeat it for several; empty: all.")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> SearchAnswer:
    """Find things by name, description or exact id."""
    words = q.lower().split()
    if not words:
        return SearchAnswer(items=[], facets={})
    found = [*_exact(context, q.strip()), *_named(context.facts.get(), words)]
    facets: dict[str, int] = {}
    for hit in found:
        facets[hit.kind] = facets.get(hit.kind, 0) + 1
    chosen = [hit for hit in found if kind is None or hit.kind in kind]
    chosen.sort(key=lambda hit: (-hit.score, hit.kind, hit.name))
    return SearchAnswer(items=chosen[:limit], facets=facets)


def _named(facts: SiteFacts, words: list[str]) -> Iterator[Hit]:
    for entry in facts.entries:
        yield from _match("dataset", entry.name, entry.description, words)
        for column in entry.columns:
            yield from _match("column", f"{entry.name}.{column.row.column}", column.row.description or "", words)
    for each in facts.kpis:
        yield from _match("kpi", each.kpi.name, f"{each.kpi.title}. {each.kpi.definition}", words)
    for source in facts.sources:
        yield from _match("source", source.name, source.summary, words)
    for contract in facts.contracts:
        yield from _match("contract", contract.dataset, contract.title, words)


def _match(kind: Kind, name: str, text: str, words: list[str]) -> Iterator[Hit]:
    low, last = name.lower(), name.rpartition(".")[2].lower()
    whole = " ".join(words)
    if whole in (low, last):
        yield Hit(kind=kind, name=name, title=text[:200], why="name", score=100 if kind != "column" else 80)
    elif all(word in low.replace("_", " ") or word in low for word in words):
        begins = last.startswith(words[0])
        yield Hit(kind=kind, name=name, title=text[:200], why="part of the name", score=60 if begins else 40)
    elif all(word in text.lower() for word in words):
        yield Hit(kind=kind, name=name, title=text[:200], why="description", score=20)


def _exact(context: ApiContext, id: str) -> Iterator[Hit]:
    """Things whose id somebody has pasted."""
    with context.reading() as platform:
        if platform.lake_exists():
            if platform.state.run(id) is not None:
                yield _hit("run", id, "a run")
            number = id.removeprefix("R-")
            if number.isascii() and number.isdigit() and len(number) < 16 and platform.state.release(int(number)):
                yield _hit("release", str(int(number)), "a release")
    if context.operations.receipts.read(id) is not None:
        yield _hit("receipt", id, "a receipt")
    if context.inbox is not None and context.inbox.get(id) is not None:
        yield _hit("record", id, "a record that came in")
    if context.outbox is not None and context.outbox.get(id) is not None:
        yield _hit("message", id, "a message on its way out")


def _hit(kind: Kind, name: str, title: str) -> Hit:
    return Hit(kind=kind, name=name, title=title, why="id", score=200)
