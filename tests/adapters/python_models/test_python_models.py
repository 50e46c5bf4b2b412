"""Models in Python run in real processes, bounded in memory and time, and tell what went wrong."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import psutil
import pyarrow as pa
import pytest

from entrepot.adapters.python_models.run import PythonRun, open_python_model, run_python_model
from entrepot.kernel.errors import ProjectError, RunError
from entrepot.lake.models.python_body import PythonBody, load_python_body
from entrepot.lake.models.python_sources import collect_library

pytestmark = pytest.mark.req("F11")

SCHEMA = pa.schema([("id", pa.int64()), ("price", pa.float64()), ("name", pa.string())])
Reader = Callable[[], pa.RecordBatchReader]


def rows(count: int = 3, *, name: str = "Müller") -> Reader:
    """An input of so many rows, in batches."""

    def batches() -> Iterator[pa.RecordBatch]:
        for start in range(0, count, 65_536):
            ids = pa.arange(start, min(count, start + 65_536), 1)
            yield pa.record_batch([ids, ids.cast(pa.float64()), pa.repeat(name, len(ids))], schema=SCHEMA)

    return lambda: pa.RecordBatchReader.from_batches(SCHEMA, batches())


class Desk:
    """Writes models and runs them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.printed: list[str] = []

    def load(self, body: str, *, takes: str = "pa.Table", head: str = "", inputs: str = "{'sales': 'silver.sales'}", more: str = "", **library: str) -> PythonBody:  # fmt: skip
        path = self.folder / "models" / "gold" / "x.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            f"import pyarrow as pa\nfrom entrepot.models import model\n{head}\n"
            f"@model(inputs={inputs}{more})\ndef compute(sales: {takes}):\n{textwrap.indent(textwrap.dedent(body), '    ')}\n"
        )
        for name, text in library.items():
            (self.folder / "lib").mkdir(exist_ok=True)
            (self.folder / "lib" / f"{name}.py").write_text(text)
        return load_python_body(path, self.folder / "lib")

    def run(self, body: PythonBody, source: Reader | None = None, *, check: bool = False) -> PythonRun:
        return run_python_model(
            body, {"sales": source or rows()}, scratch=self.folder / "scratch", check=check, log=self.printed.append
        )

    def compute(self, body: str, source: Reader | None = None, **said: str) -> pa.Table:
        stream = self.run(self.load(body, **said), source).stream
        return pa.Table.from_batches(stream.open(), stream.schema)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_function_of_a_table_gives_a_table(desk: Desk) -> None:
    """Rows come through as they are, and can be read again and again; nothing is left on disk."""
    run = desk.run(desk.load("return sales"))
    expected = rows()().read_all()
    for _ in range(2):
        assert pa.Table.from_batches(run.stream.open(), run.stream.schema) == expected
    assert (run.rows, run.was_checked) == (3, False)
    assert list((desk.folder / "scratch").iterdir()) == []


def test_a_generator_and_a_relation(desk: Desk) -> None:
    """What is computed while rows are being given is computed in the process, too."""
    whole = rows()().read_all()
    assert desk.compute("import duckdb\nyield duckdb.sql('SELECT * FROM sales')\nyield sales.slice(0, 0)") == whole


def test_an_empty_input_is_an_empty_table(desk: Desk) -> None:
    """A dataset without rows still has its columns."""
    assert desk.compute("assert sales.num_rows == 0\nreturn sales", rows(0)) == SCHEMA.empty_table()


def test_a_result_that_is_no_table_is_refused(desk: Desk) -> None:
    """The message says what came, and where the function stands."""
    with pytest.raises(
        ProjectError, match=r"x\.py:5 — compute\(\) gave no table: it gave a list; allowed is a pyarrow\.Table"
    ):
        desk.compute("return [4711]")
    wide = "pa.table({f'a_column_with_a_long_name_{i}_%s': [1] for i in range(3000)})"
    with pytest.raises(ProjectError, match="its pieces have other columns"):  # more than a pipe holds
        desk.compute(f"yield {wide % 1}\nyield {wide % 2}")


def test_an_exception_is_told_with_its_line_and_no_value(desk: Desk) -> None:
    """The place is the last line of the project's own code; the text, which may hold a record's value, is kept back."""
    with pytest.raises(
        ProjectError, match=r"x\.py:6 — compute\(\) raised ValueError, at: .*number = int\(sales"
    ) as caught:
        desk.compute("number = int(sales['name'][0].as_py())\nreturn sales")
    assert "Müller" not in str(caught.value)


def test_an_exception_in_the_library_is_told_there(desk: Desk) -> None:
    """Also one that is raised while rows are being given, in a module that was imported."""
    with pytest.raises(ProjectError, match=r"lib/pricing\.py:2 — compute\(\) raised KeyError, at: return RATES\[key\]"):
        desk.compute(
            "import pricing\nyield sales\nyield pricing.rate('Müller')",
            pricing="def rate(key, RATES={}):\n    return RATES[key]\n",
        )


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import no_such_library\nreturn sales", r"ModuleNotFoundError \(No module named 'no_such_library'\)"),
        ("return salez", r"NameError \(name 'salez' is not defined"),
        ("return sales.colums", "AttributeError"),
        ("import sys\nsys.exit(0)", r"x\.py:7 — compute\(\) raised SystemExit"),
        ("open('prices.csv')", r"x\.py:6 — compute\(\) raised FileNotFoundError .No such file or directory"),
        ("input()", "raised EOFError"),
    ],
)
def test_other_exceptions(desk: Desk, code: str, said: str) -> None:
    """What is wrong with names is said; files beside and the terminal are not there."""
    with pytest.raises(ProjectError, match=said):
        desk.compute(code)


@pytest.mark.parametrize(
    "code",
    [
        "kept = [bytearray(10_000_000) for _ in range(100)]\nreturn sales",
        "kept = [pa.repeat(0, 1_000_000) for _ in range(100)]\nreturn sales",
    ],
)
def test_too_much_memory_is_told_with_limit_and_line(desk: Desk, code: str) -> None:
    """Python's memory and Arrow's are bounded alike."""
    with pytest.raises(RunError, match=r"x\.py:6 — compute\(\) needed more memory than the 64 MB .* at: kept = "):
        desk.compute(code, more=", memory_mb=64")


def test_too_much_input_is_told_as_memory(desk: Desk) -> None:
    """A table that does not fit is the function's memory; streamed it fits."""
    big = rows(3_000_000, name="x" * 20)
    with pytest.raises(RunError, match=r"needed more memory than the 64 MB .* while its inputs were read"):
        desk.compute("return sales.slice(0, 1)", big, more=", memory_mb=64")
    found = desk.compute("for batch in sales:\n    yield batch.slice(0, 1)", big, takes="pa.RecordBatchReader", more=", memory_mb=64")  # fmt: skip
    assert found.num_rows == -(-3_000_000 // 65_536)


def test_too_much_time_is_told_with_the_limit(desk: Desk) -> None:
    """A function that does not end is ended, and so is what it started."""
    begin = time.monotonic()
    marker = f"9{time.time_ns()}"
    body = desk.load(
        f"import subprocess, time\nsubprocess.Popen(['sleep', '{marker}'])\ntime.sleep(60)", more=", timeout_s=1.5"
    )
    with pytest.raises(RunError, match=r"x\.py:5 — compute\(\) was ended after the 1\.5 s"):
        desk.run(body)
    assert time.monotonic() - begin < 20
    assert not any(marker in (process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"]))


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import os\nos.kill(os.getpid(), 9)", r"was killed \(signal 9\): the machine had no memory left, or somebody"),
        ("import os\nos.abort()", r"crashed with signal 6 \(SIGABRT\)"),
        ("import os\nos._exit(3)", "ended without an answer, with exit code 3"),
        ("import os, sys\nprint('memory allocation of 10 bytes failed', file=sys.stderr)\nos.abort()", "more memory than the 1,024 MB"),
    ],
)  # fmt: skip
def test_a_killed_process_is_told(desk: Desk, code: str, said: str) -> None:
    """The signal is named, and what it may mean."""
    with pytest.raises(RunError, match=said):
        desk.run(desk.load(code, more=", deterministic=False"))


def test_a_process_killed_from_outside_is_told(desk: Desk) -> None:
    """A real `kill -9` of the running child."""
    body = desk.load("import os, time\nprint('child', os.getppid() and os.getpid(), flush=True)\ntime.sleep(60)", more=", deterministic=False")  # fmt: skip

    def kill() -> None:
        while not desk.printed:
            time.sleep(0.01)
        os.kill(int(desk.printed[0].split()[1]), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(RunError, match=r"was killed \(signal 9\)"):
        desk.run(body)
    killer.join()


def test_the_process_ends_with_the_one_that_asked(desk: Desk) -> None:
    """When the platform itself is killed, no model goes on computing."""
    desk.load("import os, time\nprint('child', os.getpid(), flush=True)\ntime.sleep(60)", more=", deterministic=False")
    script = f"""
import pyarrow as pa
from pathlib import Path
from entrepot.lake.models.python_body import load_python_body
from entrepot.adapters.python_models.run import run_python_model
folder = Path({str(desk.folder)!r})
body = load_python_body(folder / "models/gold/x.py", folder / "lib")
source = lambda: pa.table({{"id": [1]}}).to_reader()
run_python_model(body, {{"sales": source}}, scratch=folder / "scratch", log=lambda line: print(line, flush=True))
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as platform:
        assert platform.stdout is not None
        child = psutil.Process(int(platform.stdout.readline().split()[1]))
        platform.kill()
    child.wait(10)


def test_prints_go_to_the_log(desk: Desk) -> None:
    """Both streams, line by line, bounded; rows are not disturbed by them."""
    code = "import sys, os\nprint('to the log')\nprint('and this', file=sys.stderr)\nos.system('echo from below')\n"
    assert desk.compute(code + "print('x\\n' * 1500, end='')\nreturn sales").num_rows == 3
    assert set(desk.printed[:3]) == {"to the log", "and this", "from below"}
    assert desk.printed[-1] == "(503 more lines were printed)"
    assert len(desk.printed) == 1001


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import random\nreturn sales.append_column('r', pa.array([random.random() for _ in range(3)]))", "other values in r"),
        ("return pa.table({'name': list({'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'})[:3]})", "other values in name"),
    ],
)  # fmt: skip
def test_a_function_that_gives_two_results_is_refused(desk: Desk, code: str, said: str) -> None:
    """It runs twice, in processes that put the members of sets in other orders; what differs is named."""
    body = desk.load(code)
    with pytest.raises(ProjectError, match=f"x.py:5 — compute.. gave another result .*: {said}"):
        desk.run(body, check=True)


def test_what_may_differ_is_not_checked(desk: Desk) -> None:
    """`deterministic=False` runs once; the order of rows never counts."""
    assert desk.run(desk.load("import uuid\nreturn pa.table({'u': [str(uuid.uuid4())]})", more=", deterministic=False"), check=True).was_checked is False  # fmt: skip
    code = "import random\nids = list(range(1_000))\nrandom.shuffle(ids)\nreturn pa.table({'id': ids})"
    assert desk.run(desk.load(code), check=True).was_checked


def test_what_runs_is_what_was_read(desk: Desk) -> None:
    """A file that changes after it was read does not change the run, so the rows belong to the hash; other modules are not found."""
    body = desk.load("import pricing\nreturn pricing.double(sales)", pricing="def double(t): return t.slice(0, 2)\n")
    (desk.folder / "lib" / "pricing.py").write_text("def double(t): return t.slice(0, 1)\n")
    body.path.write_text("broken(")
    assert desk.run(body).rows == 2
    (desk.folder / "lib" / "late.py").write_text("X = 1\n")
    with pytest.raises(ProjectError, match="No module named 'late'"):
        desk.compute("import importlib\nimportlib.import_module('la' + 'te')\nreturn sales")


def test_packages_of_the_library_are_imported(desk: Desk) -> None:
    """With their modules, and relative imports among them."""
    package = desk.folder / "lib" / "shapes"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("from .rounds import keep\n")
    (package / "rounds.py").write_text("from . import names\ndef keep(t): return t.select(names.WANTED)\n")
    (package / "names.py").write_text("WANTED = ['id']\n")
    assert desk.compute("import shapes\nimport shapes.names as n\nassert n.WANTED\nreturn shapes.keep(sales)").column_names == ["id"]  # fmt: skip
    assert collect_library(desk.load("import shapes\nreturn sales").sources[0].tree(), desk.folder / "lib")


def test_what_is_wrong_with_an_input_comes_through(desk: Desk) -> None:
    """An error of the engine while it gives rows is raised as it is; the function's half of a result is not taken."""

    def failing() -> pa.RecordBatchReader:
        def batches() -> Iterator[pa.RecordBatch]:
            yield from rows(200_000)()
            raise RunError("the table is gone")

        return pa.RecordBatchReader.from_batches(SCHEMA, batches())

    def unopened() -> pa.RecordBatchReader:
        raise RunError("no such table")

    with pytest.raises(RunError, match="the table is gone"):
        desk.compute("return pa.RecordBatchReader.from_batches(sales.schema, sales)", failing, takes="pa.RecordBatchReader")  # fmt: skip
    with pytest.raises(RunError, match="no such table"):
        desk.compute("return sales", unopened)


def test_several_inputs_are_read_in_any_order(tmp_path: Path) -> None:
    """Each has a pipe of its own: the last may be read first, and one not at all."""
    path = tmp_path / "x.py"
    path.write_text(
        "import pyarrow as pa\nfrom entrepot.models import model\n"
        "@model(inputs={'a': 'silver.a', 'b': 'silver.b', 'c': 'silver.c'})\n"
        "def f(a: pa.RecordBatchReader, b: pa.RecordBatchReader, c: pa.RecordBatchReader):\n"
        "    yield from b\n    yield from a\n"
    )
    body = load_python_body(path, tmp_path / "lib")
    big = rows(300_000)
    stream = open_python_model(body, {"a": big, "b": rows(5), "c": big}, scratch=tmp_path)
    assert sum(batch.num_rows for batch in stream.open()) == 300_005


def test_models_run_side_by_side(desk: Desk) -> None:
    """Each has its own process and pipes; afterwards no descriptor is left open."""
    body = desk.load("for batch in sales:\n    yield batch", takes="pa.RecordBatchReader")
    gc.collect()  # what earlier tests left open may be closed meanwhile
    before = psutil.Process().num_fds()
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda n=n: found.append(desk.run(body, rows(n)).rows)) for n in (0, 10, 100_000)
    ]  # type: ignore[misc]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [0, 10, 100_000]
    gc.collect()
    assert psutil.Process().num_fds() <= before


def test_five_million_rows_at_flat_memory(desk: Desk) -> None:
    """Streamed in and yielded out, on both sides."""
    desk.run(desk.load("return sales"))
    before = psutil.Process().memory_info().rss
    body = desk.load("for batch in sales:\n    yield batch", takes="pa.RecordBatchReader", more=", memory_mb=64")
    run = desk.run(body, rows(5_000_000))
    most = count = 0
    for batch in run.stream.open():
        count += batch.num_rows
        most = max(most, psutil.Process().memory_info().rss - before)
    assert count == run.rows == 5_000_000
    assert most < 60 << 20
    assert run.peak_mb < 220


@pytest.mark.skipif(find_spec("polars") is None, reason="polars is not installed")
@pytest.mark.parametrize(
    ("takes", "code"),
    [
        ("pl.DataFrame", "return sales.filter(pl.col('id') > 0).with_columns(pl.col('name').cast(pl.Categorical))"),
        ("pl.LazyFrame", "return sales.filter(pl.col('id') > 0)"),
        ("pl.DataFrame", "yield sales.slice(1, 1)\nyield sales.slice(2, 1)"),
    ],
)
def test_polars_frames(desk: Desk, takes: str, code: str) -> None:
    """Frames come and go, lazy ones too; categories are texts."""
    found = desk.compute(code, takes=takes, head="import polars as pl")
    assert found == rows()().read_all().slice(1)


@pytest.mark.skipif(find_spec("polars") is None, reason="polars is not installed")
def test_polars_out_of_memory(desk: Desk) -> None:
    """Polars ends its process when there is no memory; that is told as such."""
    code = "kept = [sales.with_columns(x=pl.col('id') + n) for n in range(1000)]\nreturn kept[0]"
    with pytest.raises(RunError, match="needed more memory than the 128 MB"):
        desk.compute(code, rows(1_000_000), takes="pl.DataFrame", head="import polars as pl", more=", memory_mb=128")


@pytest.mark.skipif(find_spec("pandas") is None, reason="pandas is not installed")
def test_pandas_frames(desk: Desk) -> None:
    """Frames come and go; an index and mixed types are refused by name."""
    said = {"takes": "pd.DataFrame", "head": "import pandas as pd"}
    assert desk.compute("return sales[sales['id'] > 0].reset_index(drop=True)", **said) == rows()().read_all().slice(1)
    with pytest.raises(ProjectError, match="has an index"):
        desk.compute("return sales.groupby('name').sum()", **said)
    with pytest.raises(ProjectError, match="mixes types in the column x") as caught:
        desk.compute("return sales.assign(x=['Müller', 1, 2.5])", **said)
    assert "Müller" not in str(caught.value)
