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

GATEWAY_POINTS = (
    "store.before", "store.after",
    "process.before", "process.after",
    "archive.before", "archive.committed", "archive.after",
    "outbox.taken", "relay.handed_in", "forward.put",
)  # fmt: skip
"""Of records that come in and messages that go out: only a running platform reaches them."""

_hooks: list[Callable[[str], None]] = []


def install_hook(hook: Callable[[str], None]) -> None:
    """Call `hook(name)` at every point from now on."""
    _hooks.append(hook)


def remove_hook(hook: Callable[[str], None]) -> None:
    """Call this one no more. Repeatable."""
    if hook in _hooks:
        _hooks.remove(hook)


def clear_hooks() -> None:
    """Forget all hooks."""
    _hooks.clear()


def reached(name: str) -> None:
    """Tell the hooks, if any, that the protocol stands at this point."""
    for hook in tuple(_hooks):
        hook(name)
