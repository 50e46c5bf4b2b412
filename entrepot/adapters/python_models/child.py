"""Runs one model's function, in a process of its own: what it does to memory, time and state it does to this process.

Started by `process.py` with a `Request` as one line on standard input, which stays open: when it closes, whoever asked is gone, and
this process ends too. Writes the rows as an Arrow stream to the request's output, and an `Answer` to standard output. What the
function itself prints goes to standard error.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec, spec_from_loader
from types import ModuleType
from typing import Any, BinaryIO

from entrepot.adapters.python_models.faults import describe_fault
from entrepot.adapters.python_models.memory import lift_limit, limit_loading, limit_working, peak_mb
from entrepot.adapters.python_models.request import Answer, Code, Input, Request, read_request

OWN = "entrepot_model"
"""The module's name of the model's own file."""


def main() -> None:
    """Answer one request."""
    request = read_request(sys.stdin.buffer.readline())
    answers = _keep_for_ourselves()
    answer = _answer(request)
    sys.stdout.flush()
    sys.stderr.flush()
    with answers:
        answers.write(answer.to_json().encode())
    os._exit(0)  # threads that the function left behind are not waited for


def _keep_for_ourselves() -> BinaryIO:
    """Take standard input and output out of the function's hands."""
    lifeline = os.dup(0)
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def _end_with(lifeline: int) -> None:
    """End this process and what it started when the other end of the line is closed."""
    while os.read(lifeline, 1):
        pass
    os.killpg(0, signal.SIGKILL)


def _answer(request: Request) -> Answer:
    import pyarrow as pa  # noqa: F401 - loaded before memory is bounded, so that it is not the function's

    try:
        rows = _run(request)
        return Answer(rows, peak_mb())
    except BaseException as error:  # SystemExit too: a function does not decide how the run ends
        lift_limit()
        return Answer(fault=describe_fault(error, request.sources), peak_mb=peak_mb())


def _run(request: Request) -> int:
    limit_loading()
    finder = _Captured(request.sources)
    sys.meta_path.insert(0, finder)
    module = finder.load_own()
    function: Callable[..., object] = getattr(module, request.function)
    _load_libraries(request)
    limit_working(request.memory_mb)
    arguments = {name: _open_input(given) for name, given in request.inputs.items()}
    return _write(function(**arguments), request.output)


def _load_libraries(request: Request) -> None:
    for given in request.inputs.values():
        library = given.form.partition(".")[0]
        if library != "pyarrow":
            __import__(library)


def _open_input(given: Input) -> object:
    import pyarrow as pa

    reader = pa.ipc.open_stream(os.fdopen(given.descriptor, "rb", buffering=1 << 20))
    if given.form == "pyarrow.RecordBatchReader":
        return reader
    table = reader.read_all()
    if given.form == "pandas.DataFrame":
        return table.to_pandas()
    if given.form.startswith("polars."):
        frame: Any = sys.modules["polars"].from_arrow(table)
        return frame.lazy() if given.form == "polars.LazyFrame" else frame
    return table


def _write(result: object, output: int) -> int:
    import pyarrow as pa

    from entrepot.adapters.python_models.results import read_batches

    rows, writer = 0, None
    with os.fdopen(output, "wb", buffering=1 << 20) as sink:
        for batch in read_batches(result):
            if writer is None:
                writer = pa.ipc.new_stream(sink, batch.schema, options=pa.ipc.IpcWriteOptions(compression="lz4"))
            writer.write_batch(batch)
            rows += batch.num_rows
        if writer is not None:
            writer.close()
    return rows


class _Captured(MetaPathFinder, Loader):
    """Imports the texts that came with the request, and so exactly what the model's hash covers."""

    def __init__(self, sources: tuple[Code, ...]) -> None:
        self._sources = {code.module or OWN: code for code in sources}

    def load_own(self) -> ModuleType:
        """Run the model's own file."""
        spec = self.find_spec(OWN)
        assert spec is not None
        module = module_from_spec(spec)
        sys.modules[OWN] = module
        self.exec_module(module)
        return module

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """As `importlib` asks."""
        source = self._sources.get(fullname)
        if source is None:
            return None
        return spec_from_loader(fullname, self, origin=source.path, is_package=source.is_package)

    def exec_module(self, module: ModuleType) -> None:
        """Run the text; lines in tracebacks are the file's."""
        source = self._sources[module.__name__]
        module.__file__ = source.path
        exec(compile(source.text, source.path, "exec", dont_inherit=True), module.__dict__)

    def get_source(self, fullname: str) -> str:
        """The text, for tracebacks."""
        return self._sources[fullname].text


if __name__ == "__main__":
    main()
