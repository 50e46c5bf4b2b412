"""Named instants of the commit protocol, where a test may cut the power.

`reached("plan.after")` does nothing in normal life. The crash tests install a hook (see
`entrepot.testing.faults`) that kills the process, stops it or counts.
"""

from __future__ import annotations

from collections.abc import Callable

POINTS = (
    "claim.before", "claim.moved", "claim.after",
    "plan.before", "plan.after",
    "stage.before", "stage.after",
    "quarantine.before", "quarantine.after",
    "main.before", "main.files_synced", "main.log_written", "main.linked", "main.after",
    "void.after",
    "settle.before", "settle.after",
    "acknowledge.before", "acknowledge.moved", "acknowledge.after",
    "judge.before", "judge.after",
    "release.before", "release.after",
)  # fmt: skip

_hooks: list[Callable[[str], None]] = []


def install_hook(hook: Callable[[str], None]) -> None:
    """Call `hook(name)` at every point from now on."""
    _hooks.append(hook)


def clear_hooks() -> None:
    """Forget all hooks."""
    _hooks.clear()


def reached(name: str) -> None:
    """Tell the hooks, if any, that the protocol stands at this point."""
    for hook in _hooks:
        hook(name)
