"""`entrepot plan`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from entrepot.app.cli.opening import open_platform
from entrepot.app.cli.output import print_json, print_table, say
from entrepot.app.wiring import Platform
from entrepot.flow.flow import Flow
from entrepot.flow.plan import last_plan_of_source, last_position
from entrepot.kernel.errors import EntrepotError
from entrepot.kernel.positions import Cursor, FileSet, Position, Versions
from entrepot.runner.graph import Node, NodeKind, order
from entrepot.runner.selection import select


@dataclass(frozen=True, slots=True)
class Step:
    """What one node would do."""

    flow: str
    dataset: str
    will_run: bool
    why: str
    contract_changed_since: int | None = None
    """The dataset's last batch, when another contract judged it."""


def show_plan(folder: Path, selection: Sequence[str], *, as_json: bool) -> None:
    """Print what `run` would do."""
    platform = open_platform(folder)
    steps = foresee(platform, selection)
    if as_json:
        print_json(
            [
                {
                    "flow": s.flow,
                    "dataset": s.dataset,
                    "runs": s.will_run,
                    "why": s.why,
                    "contract_changed_since_batch": s.contract_changed_since,
                }
                for s in steps
            ]
        )
        return
    rows = [(s.flow, s.dataset if s.dataset != s.flow else None, "yes" if s.will_run else "no", s.why) for s in steps]
    print_table(None, ("flow", "into", "runs", "why"), rows)
    changed = [s for s in steps if s.contract_changed_since is not None]
    for s in changed:
        say(f"\n{s.dataset}: its contract is another than the one that judged batch {s.contract_changed_since}.")
    if changed:
        say("What that means for readers and senders: entrepot contract diff git:REV contracts/FILE")
    say("\nDo it: entrepot run" if any(step.will_run for step in steps) else "\nEverything is up to date.")


def foresee(platform: Platform, selection: Sequence[str]) -> list[Step]:
    """Ask every reader what comes next, and carry forward what would change."""
    changing: set[str] = set()
    steps = []
    for node in order(select(platform.nodes, selection)):
        why = _why(platform, node, changing)
        if why is not None:
            changing.add(node.target)
        since = _find_other_contract(platform, node)
        steps.append(Step(node.name, node.target, why is not None, why or "nothing new", since))
    return steps


def _find_other_contract(platform: Platform, node: Node) -> int | None:
    """The last batch of a node, when its contract was another; the state knows hashes only, so not what changed."""
    contract = platform.project.contracts.get(node.target)
    last = last_plan_of_source(node.name, platform.state) if contract is not None else None
    if contract is None or last is None or last.draft.contract_hash in ("", contract.hash):
        return None
    return last.batch


def _why(platform: Platform, node: Node, changing: set[str]) -> str | None:
    open_plan = platform.state.open_plan(node.name)
    if open_plan is not None:
        return f"batch {open_plan.sequence} is not finished (attempt {open_plan.attempts + 1})"
    if node.kind is not NodeKind.SOURCE:
        upstream = sorted(node.needs & changing)
        if upstream:
            return f"{', '.join(upstream)} will change"
        if node.waits_for() is not None:
            return None
    try:
        flow = node.build()
        position = flow.reader.find_next(last_position(node.name, platform.services))
    except EntrepotError as error:
        return f"cannot tell: {error.message}"
    if position is None:
        return None
    return _other_zone(platform, flow) or describe(position)


def _other_zone(platform: Platform, flow: Flow) -> str | None:
    """That a model is computed anew for nothing but the project's time zone."""
    last = last_plan_of_source(flow.name, platform.state)
    if last is None or last.draft.transform_hash == flow.transform_hash:
        return None
    (old, _, old_zone), (new, _, zone) = (
        text.partition("@") for text in (last.draft.transform_hash, flow.transform_hash)
    )
    return f"the project's time zone changed from {old_zone} to {zone}" if old == new and old_zone and zone else None


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
        case Versions():
            if not position.after:
                return "built for the first time"
            changed = [name for name, version in position.upto.items() if position.after.get(name) != version]
            return f"{', '.join(changed)} changed" if changed else "its definition changed"
        case _:
            return f"{len(position.rejects)} rejects are taken again"
