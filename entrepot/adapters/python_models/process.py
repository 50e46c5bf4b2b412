"""Start a model's process, feed it its inputs, wait for its answer; say what ended it when there is none."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

import entrepot
from entrepot.adapters.python_models.feed import Feeder
from entrepot.adapters.python_models.group import ProcessGroup
from entrepot.adapters.python_models.prints import Log, Prints
from entrepot.adapters.python_models.request import Answer, Code, Input, Request
from entrepot.adapters.python_models.verdict import judge, too_long
from entrepot.lake.models.python_body import PythonBody

Inputs = Mapping[str, Callable[[], pa.RecordBatchReader]]
_WAIT_FOR_THREADS_S = 10


@dataclass(frozen=True, slots=True)
class Call:
    """One run of a model's function."""

    body: PythonBody
    inputs: Inputs
    scratch: Path
    log: Log
    hash_seed: int
    """Of texts in sets: another one gives their members in another order."""

    def run(self, output: int) -> Answer:
        """Let the function write its rows to the descriptor `output`.

        Raises: ProjectError for what is wrong in its code, RunError where it took too much, what opening an input raised.
        """
        feeders = [Feeder(name, self.inputs[name]) for name in self.body.inputs]
        with tempfile.TemporaryDirectory(dir=self.scratch, prefix="python-model-") as folder:
            try:
                code, answer, prints = self._run_in(folder, feeders, output)
            finally:
                for feeder in feeders:
                    feeder.close()
        failed = next((feeder.error for feeder in feeders if feeder.error is not None), None)
        if failed is not None:
            raise failed
        if answer is None:
            raise too_long(self.body)
        return judge(self.body, code, answer, prints.last_lines)

    def _run_in(self, folder: str, feeders: list[Feeder], output: int) -> tuple[int, bytes | None, Prints]:
        """How the process ended, what it answered (None when it was too late), and what it printed last."""
        threads: list[threading.Thread] = []
        with ProcessGroup(self._surroundings(folder), folder, (output, *(feeder.out for feeder in feeders))) as group:
            try:
                prints = Prints(group.stderr, self.log)
                prints.start()
                threads = [prints, *feeders]
                for feeder in feeders:
                    feeder.begin(group.end)
                group.tell(self._request(feeders, output).to_json())
                is_in_time = group.wait(self.body.timeout_s)
            finally:
                group.end()
                for thread in threads:
                    if thread.ident is not None:
                        thread.join(_WAIT_FOR_THREADS_S)
            return group.code, group.read_answer() if is_in_time else None, prints

    def _request(self, feeders: list[Feeder], output: int) -> Request:
        body = self.body
        inputs = {feeder.parameter: Input(body.forms[feeder.parameter].value, feeder.out) for feeder in feeders}
        sources = tuple(Code(code.module, str(code.path), code.text, code.is_package) for code in body.sources)
        return Request(body.function, sources, inputs, output, body.memory_mb)

    def _surroundings(self, folder: str) -> dict[str, str]:
        package = str(Path(entrepot.__file__).parent.parent)
        paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(paths),
            "PYTHONHASHSEED": str(self.hash_seed),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
            "TMPDIR": folder,
            # Others reserve a gigabyte at once, or keep some for each thread; what is reserved would count.
            "ARROW_DEFAULT_MEMORY_POOL": "system",
            "MALLOC_ARENA_MAX": "2",
        }
