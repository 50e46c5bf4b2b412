"""The core_app example while it runs: the platform, the application and the shops, each a process of its own, on ports that are free."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

START_S = 60.0
SETTLE_S = 60.0
_IDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIMES = re.compile(r"20\d\d-\d\d-\d\d[ T]\d\d:\d\d:\d\d\.\d{6}([+-]\d\d:\d\d)?")
"""Those that the platform noted; the shops' have no microseconds."""


@dataclass(frozen=True, slots=True)
class Step:
    """A command of the tutorial, and what the page shows of its output: nothing where it shows nothing."""

    command: str
    shown: str = ""


def read_steps(page: Path) -> list[Step]:
    """The commands of the page, in order; a block of text belongs to the last command before it."""
    text = page.read_text(encoding="utf-8").partition("<!-- tutorial -->")[2].partition("<!-- /tutorial -->")[0]
    steps: list[Step] = []
    for kind, block in re.findall(r"```(console|text)\n(.*?)```", text, re.DOTALL):
        if kind == "console":
            steps += [Step(line) for line in block.splitlines() if line.strip()]
        else:
            steps[-1] = Step(steps[-1].command, block)
    return steps


def plain_lines(text: str) -> list[str]:
    """Lines without what differs from run to run and from terminal to pipe: ids, times, blanks, commas between thousands."""
    text = _TIMES.sub("TIME", _IDS.sub("ID", text))
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    lines = [" ".join(line.removeprefix("# ").split()) for line in text.splitlines()]
    return [line for line in lines if line not in ("", "…")]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class World:
    """Runs commands of the tutorial as somebody with four terminals would."""

    root: Path
    repository: Path
    folder: Path = field(init=False)
    ports: dict[str, int] = field(default_factory=lambda: {name: free_port() for name in ("up", "app", "shops")})
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    environment: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.folder = self.root
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith("ENTREPOT_")} | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(self.repository),
            "PYTHONUNBUFFERED": "1",
            "ENTREPOT_URL": f"http://127.0.0.1:{self.ports['up']}",
            "SHOPS_PORT": str(self.ports["shops"]),
            "LOGNAME": "anna",
        }

    def do(self, step: Step) -> str:
        """One command; what it printed. Where the page shows an output, it is asked again until it is so."""
        command = self._on_free_ports(step.command)
        if command.startswith("cd "):
            self.folder = self.folder / command.removeprefix("cd ")
            self._point_publish_at_free_ports()
            return ""
        if command.startswith("export "):
            name, _, value = command.removeprefix("export ").partition("=")
            self.environment[name] = self._run(f'printf %s "{value}"')
            return ""
        for name, begins in (("up", "entrepot up"), ("app", "uvicorn "), ("shops", "python shops.py")):
            if command.startswith(begins):
                self.start(name, command)
                return ""
        return self._ask_until_shown(command, step.shown)

    def start(self, name: str, command: str) -> None:
        """Start what keeps running, in place of what ran under that name, and wait until it answers."""
        self.end(name)
        with (self.root / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                ["bash", "-c", f"exec {command}"], cwd=self.folder, env=self.environment, stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.ports[name]), timeout=1).close()
                return
            except OSError:
                alive = self.running[name].poll() is None
                assert alive and time.monotonic() < deadline, f"{command}\n{self.log(name)[-3000:]}"
                time.sleep(0.1)

    def end(self, name: str, how: signal.Signals = signal.SIGINT) -> None:
        """As Ctrl-C, or harder."""
        process = self.running.pop(name, None)
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def end_all(self) -> None:
        for name in ("shops", "app", "up"):
            self.end(name)

    def log(self, name: str) -> str:
        """All that a process printed, also earlier ones of that name."""
        return (self.root / f"{name}.log").read_text(encoding="utf-8")

    def wait_for(self, name: str, text: str, times: int = 1) -> None:
        """Until a process has printed it so often."""
        deadline = time.monotonic() + SETTLE_S
        while self.log(name).count(text) < times:
            assert time.monotonic() < deadline, f"{text!r} did not come {times} times:\n{self.log(name)[-3000:]}"
            time.sleep(0.1)

    def _ask_until_shown(self, command: str, shown: str) -> str:
        repeats = "--reason" not in command and "sed " not in command
        deadline = time.monotonic() + SETTLE_S
        while True:
            output = self._run(command)
            there = plain_lines(output)
            missing = [line for line in plain_lines(shown) if line not in there]
            if not missing:
                return output
            assert repeats and time.monotonic() < deadline, (
                f"{command}\nthe page shows\n  " + "\n  ".join(missing) + "\nand this came\n  " + "\n  ".join(there)
            )
            time.sleep(0.5)

    def _run(self, command: str) -> str:
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def _on_free_ports(self, command: str) -> str:
        if command == "entrepot up":
            return f"entrepot up --port {self.ports['up']}"
        return command.replace("8470", str(self.ports["app"]))

    def _point_publish_at_free_ports(self) -> None:
        for path in (self.folder / "publish").glob("*_confirmations.yaml"):
            text = path.read_text(encoding="utf-8")
            assert ":8471/" in text
            path.write_text(text.replace(":8471/", f":{self.ports['shops']}/"), encoding="utf-8")
