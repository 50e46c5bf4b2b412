"""The command's work: start, wait for a signal, end."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from entrepot.app.up.running import RunningPlatform
from entrepot.app.up.settings import PartName, UpOptions

SWITCH_S = 0.0005
"""How long a thread may keep the interpreter while others wait. The event loop gives it up with each packet; by default it would wait
5 ms each time for a thread that computes."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def up(root: Path, options: UpOptions, say: Callable[[str], None], log: Callable[[str], None] | None) -> int:
    """Run the platform of a folder until it is told to end; return the exit code.

    Args: say: prints what people must read; log: prints what goes on, None: nothing.
    Raises: EntrepotError when it cannot start.
    """
    sys.setswitchinterval(SWITCH_S)
    running = RunningPlatform(root, options, log)
    shown = running.token.ensure(running.clock.now())
    serves = PartName.GATEWAY in options.only
    if serves:
        running.server.open()
    ending = threading.Event()
    previous = {number: signal.signal(number, _on_signal(ending)) for number in _SIGNALS}
    try:
        running.start()
        if serves:
            _greet(running, say)
        if shown is not None:
            say(f"Administrator's token, shown this once:\n\n    {shown}\n")
            say("Another one: entrepot token new\n")
        while not ending.wait(3600):
            pass
        say("Ending: what is under way is finished first. Once more Ctrl-C ends at once; nothing is lost either way.")
        late = running.stop()
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    if late:
        say(f"Cut off: {', '.join(late)}. The next start does again what was under way.")
        os._exit(0)  # threads that hang would keep the process
    return 0


def _on_signal(ending: threading.Event) -> Callable[[int, FrameType | None], None]:
    def told(number: int, frame: FrameType | None) -> None:
        if ending.is_set():
            os._exit(128 + number)
        ending.set()

    return told


def _greet(running: RunningPlatform, say: Callable[[str], None]) -> None:
    address = running.server.address
    say(f"{running.projects.project().name} is up: {address}")
    for name in sorted(running.inbounds.integrations()):
        say(f"  records in    POST {address}/api/v1/in/{name}")
    for name, why in running.inbounds.refused.items():
        say(f"  not served    {name}: {why}")
    say(f"  API           {address}/api/v1/openapi.json    health {address}/healthz    measures {address}/metrics")
    if running.server.is_open_to_others:
        say("Others can reach it, and it speaks plain HTTP: put a proxy with TLS in front.")
