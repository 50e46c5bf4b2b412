"""What each flow of a run did, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from entrepot.app.cli.cells import print_cells
from entrepot.app.cli.output import console, print_table, show
from entrepot.kernel.positions import Versions
from entrepot.ports.state import Plan
from entrepot.runner.execute import NodeResult, Verdict

_COLUMNS = ("flow", "into", "what happened", "received", "accepted", "rejected", "duplicate", "s")


def print_flows(results: Sequence[NodeResult]) -> None:
    """One row per flow; columns in which nothing stands are left out on a terminal."""
    rows = [_row(result) for result in results]
    if not console.is_terminal:
        print_table(None, _COLUMNS, rows)
        return
    names = ["dataset", *_COLUMNS[2:]]
    cells = [[_dataset(result), *row[2:]] for result, row in zip(results, rows, strict=True)]
    used = [place for place, name in enumerate(names) if name != "duplicate" or any(row[place] for row in cells)]
    shown = [[Text(show(row[place])) for place in used] for row in cells]
    print_cells([names[place] for place in used], shown, right=_COLUMNS[3:], folding=("dataset", "what happened"))


def _dataset(result: NodeResult) -> str:
    """The dataset, and the flow where its name does not tell it."""
    node = result.node
    return node.target if node.name in (node.target, node.target.partition(".")[2]) else f"{node.target} ({node.name})"


def _row(result: NodeResult) -> tuple[object, ...]:
    counts = [plan.counts for plan in result.plans if plan.counts is not None]
    if result.verdict is Verdict.HELD:
        text = f"held: waits for {result.held_by}"
    elif result.verdict is Verdict.CANCELLED:
        text = f"cancelled: {result.held_by}"
    elif result.verdict is Verdict.ADVANCED:
        text = _say_way(result.plans[0]) if len(result.plans) == 1 else f"{len(result.plans)} batches"
    else:
        text = result.verdict.value
    if result.refused:
        text += f", {len(result.refused)} refused"
    figures: tuple[object, ...] = (None, None, None, None)
    if counts:
        figures = (
            sum(c.received for c in counts),
            sum(c.accepted for c in counts),
            sum(c.rejected for c in counts) or None,
            sum(c.duplicate for c in counts) or None,
        )
    dataset = result.node.target if result.node.target != result.node.name else None
    return (result.node.name, dataset, text, *figures, f"{result.seconds:.2f}")


def _say_way(plan: Plan) -> str:
    """How a model came up to date: wholly, by new rows, or by the rows of so many keys."""
    position = plan.draft.position
    if not isinstance(position, Versions):
        return "1 batch"
    if position.way == "insert":
        return "rows added"
    keys = plan.details.get("keys") if position.way == "keys" else None
    return "all computed" if keys is None else f"{keys:,} {'key' if keys == 1 else 'keys'} computed"
