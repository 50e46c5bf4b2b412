"""Ask every reader what comes next, and carry forward what would change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from entrepot.app.planning.difference import RowDifference, compare_rows
from entrepot.app.statics import check_models
from entrepot.app.wiring import Platform
from entrepot.flow.plan import last_plan_of_source, last_position
from entrepot.kernel.errors import EntrepotError
from entrepot.kernel.names import parse_dataset
from entrepot.kernel.positions import Cursor, FileSet, Offsets, Position, Versions
from entrepot.lake.models import Model
from entrepot.runner.graph import Node, NodeKind, order
from entrepot.runner.selection import select


@dataclass(frozen=True, slots=True)
class Step:
    """What one node would do."""

    flow: str
    dataset: str
    will_run: bool
    why: str
    way: str | None = None
    """Of a model: `full` all rows anew, `insert` new ones added, `keys` those of touched keys; None for sources and where it is not known yet."""
    is_new: bool = False
    """There is no table yet."""
    contract_changed_since: int | None = None
    """The dataset's last batch, when another contract judged it."""
    needs_allowing: str | None = None
    """What would be taken away, which only `--allow` permits."""
    difference: RowDifference | None = None
    """What another definition would change of the rows that are there."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """The steps, what would no longer work, and what the release would lose."""

    steps: Sequence[Step]
    breaks: Sequence[str] = ()
    leaving: Sequence[str] = ()
    """Datasets of the newest release that the project no longer has."""


def foresee(platform: Platform, selection: Sequence[str], *, compare: bool = True) -> Outlook:
    """Find out what `run` would do. Args: compare: run changed models to see what they would change, which takes their time."""
    platform.flows.allow = ("*",)  # nothing is written here, so nothing can be lost
    changing: set[str] = set()
    steps: list[Step] = []
    redefined = False
    for node in order(select(platform.nodes, selection)):
        step = _foresee(platform, node, changing)
        model = platform.project.graph.find(parse_dataset(node.target)) if node.kind is not NodeKind.SOURCE else None
        if model is not None and step.will_run and not step.is_new and platform.flows.models.is_other_text(model):
            redefined = True
            step = _with_difference(platform, model, step, compare=compare)
        if step.will_run:
            changing.add(node.target)
        steps.append(step)
    breaks = [str(error) for error in check_models(platform)] if redefined else []
    return Outlook(steps, breaks, find_leaving(platform))


def find_leaving(platform: Platform) -> list[str]:
    """Datasets of the newest release that are no longer in the project, and stay in it until somebody allows them to go."""
    newest = platform.state.latest_release()
    if newest is None:
        return []
    known = {node.target for node in platform.nodes} | platform.flows.views().keys()
    return sorted(name for name in [*newest.tables, *newest.views] if name not in known)


def _foresee(platform: Platform, node: Node, changing: set[str]) -> Step:
    why, way = _why(platform, node, changing)
    is_new = not platform.tables.exists(node.target)
    since = _find_other_contract(platform, node)
    return Step(node.name, node.target, why is not None, why or "nothing new", way, is_new, since)


def _find_other_contract(platform: Platform, node: Node) -> int | None:
    """The last batch of a node, when its contract was another; the state knows hashes only, so not what changed."""
    contract = platform.project.contracts.get(node.target)
    last = last_plan_of_source(node.name, platform.state) if contract is not None else None
    if contract is None or last is None or last.draft.contract_hash in ("", contract.hash):
        return None
    zone = last.draft.transform_hash.partition("@")[2]
    if zone not in ("", platform.project.time_zone):
        return None  # the project's zone is a part of every contract that names none
    return last.batch


def _why(platform: Platform, node: Node, changing: set[str]) -> tuple[str | None, str | None]:
    open_plan = platform.state.open_plan(node.name)
    if open_plan is not None:
        return f"batch {open_plan.sequence} is not finished (attempt {open_plan.attempts + 1})", None
    if node.kind is not NodeKind.SOURCE:
        upstream = sorted(node.needs & changing)
        if upstream:
            return f"{', '.join(upstream)} will change{_say_then(platform, node)}", None
        if node.waits_for() is not None:
            return None, None
    try:
        position = node.build().reader.find_next(last_position(node.name, platform.services))
    except EntrepotError as error:
        return f"cannot tell: {error.message}", None
    if position is None:
        return None, None
    return describe(position), position.way if isinstance(position, Versions) else None


def _say_then(platform: Platform, node: Node) -> str:
    """How a model would follow a change of its inputs, as far as its SQL tells."""
    model = platform.project.graph.find(parse_dataset(node.target))
    if model is None or not platform.tables.exists(node.target):
        return ""
    keys, reason = platform.flows.models.explain_way(model)
    if not keys:
        return ""
    return f"; all is computed then: {reason}" if reason else f"; in part then, by {', '.join(keys)}"


def _with_difference(platform: Platform, model: Model, step: Step, *, compare: bool) -> Step:
    try:
        schema = platform.flows.models.schema(model)
        found = platform.flows.models.find_redefinition(model, schema)
        difference = compare_rows(platform, model, schema) if compare else None
    except EntrepotError as error:
        return replace(step, why=f"{step.why}; cannot tell what it would give: {error.message}")
    return replace(step, needs_allowing=str(found) if found else None, difference=difference)


def describe(position: Position) -> str:
    """A range in words."""
    match position:
        case FileSet():
            names = ", ".join(item.name for item in position.files[:3])
            more = f" and {len(position.files) - 3} more" if len(position.files) > 3 else ""
            size = sum(item.size_bytes for item in position.files)
            return f"{len(position.files)} file(s), {size / 1e6:,.1f} MB: {names}{more}"
        case Cursor():
            return f"rows after {position.after!r} up to {position.upto!r}"
        case Offsets():
            count = sum(upto - position.after[name] for name, upto in position.upto.items())
            return f"{count:,} messages of {len(position.upto)} partition(s)"
        case Versions():
            return position.why
        case _:
            return f"{len(position.rejects)} rejects are taken again"
