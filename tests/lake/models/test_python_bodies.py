"""Models in Python are read without being run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from entrepot.kernel.errors import ProjectError
from entrepot.kernel.names import Dataset
from entrepot.lake.models.python_body import InputForm, PythonBody, load_python_body

pytestmark = pytest.mark.req("F11")

GOOD = """\
import pyarrow as pa
from entrepot.models import model

raise RuntimeError("this file was run")

@model(inputs={"sales": "silver.sales"}, description="next month")
def forecast(sales: pa.Table) -> pa.Table:
    return sales
"""
HEAD = "import pyarrow as pa\nfrom entrepot.models import model\n"


def load(tmp_path: Path, text: str, **library: str) -> PythonBody:
    """Write a model and modules of the project's library, and load it."""
    path = tmp_path / "models" / "gold" / "forecast.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    for name, source in library.items():
        module = tmp_path / "lib" / f"{name}.py"
        module.parent.mkdir(parents=True, exist_ok=True)
        module.write_text(source, encoding="utf-8")
    return load_python_body(path, tmp_path / "lib")


def test_a_model_is_read_without_being_run(tmp_path: Path) -> None:
    """Everything is known from the text; nothing of the file runs."""
    body = load(tmp_path, GOOD)
    assert (body.function, body.line, body.description) == ("forecast", 7, "next month")
    assert body.inputs == {"sales": Dataset("silver", "sales")}
    assert body.forms == {"sales": InputForm.TABLE}
    assert (body.deterministic, body.memory_mb, body.timeout_s) == (True, 1024, 600)
    assert str(body.place).endswith("forecast.py:7")


def test_all_that_can_be_said(tmp_path: Path) -> None:
    """Other names for imports, text annotations, several inputs, parameters of one's own with a default."""
    body = load(
        tmp_path,
        "import entrepot.models as em\nimport pandas, polars as pl\nfrom pyarrow import RecordBatchReader as Rows\n"
        "@em.model(inputs={'a': 'silver.a', 'b': 'bronze.b', 'c': 'gold.c', 'd': 'silver.d'}, kind='full',\n"
        "    contract='gold.other', deterministic=False, memory_mb=64, timeout_s=1.5)\n"
        "def run(a: Rows, b: 'pl.DataFrame', *, c: pandas.DataFrame, d, alpha=0.5): ...\n",
    )
    assert list(body.forms.values()) == [InputForm.BATCHES, InputForm.POLARS, InputForm.PANDAS, InputForm.TABLE]
    assert (body.contract, body.deterministic, body.memory_mb, body.timeout_s) == (
        Dataset("gold", "other"), False, 64, 1.5,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("def f(x:\n    pass", 1, "this is not Python"),
        ("x = 1\n", None, "no function here is marked"),
        ("def model(**x): return lambda f: f\n@model(inputs={'a': 'silver.a'})\ndef f(a): ...", None, "no function here is marked"),
        (HEAD + "@model\ndef f(a): ...", 3, "says nothing about inputs"),
        (HEAD + "@model()\ndef f(): ...", 3, "names no inputs"),
        (HEAD + "@model({'a': 'silver.a'})\ndef f(a): ...", 3, "by name only"),
        (HEAD + "@model(inputs={'a': 'silver.a'})\nasync def f(a): ...", 4, "a plain function"),
        (HEAD + "@model(inputs={'a': 'silver.a'})\ndef f(a): ...\n@model(inputs={'a': 'silver.a'})\ndef g(a): ...", 6, r"g\(\) is marked as a model, and so is f"),
        (HEAD + "NAME = 'silver.a'\n@model(inputs={'a': NAME})\ndef f(a): ...", 4, "inputs is computed"),
        (HEAD + "@model(inputs={'a': 'silver.a'}, memory_mb=2 ** 10)\ndef f(a): ...", 3, "memory_mb is computed"),
        (HEAD + "@model(inputs={'a': 'silver.a'},\n    **more)\ndef f(a): ...", 4, r"has no argument \*\*"),
        (HEAD + "@model(inputs={'a': 'silver.a'}, timeout=3)\ndef f(a): ...", 3, "Did you mean timeout_s"),
        (HEAD + "@model(inputs={'a': 'silver.a'}, kind='append')\ndef f(a): ...", 3, "a model in Python is of kind full"),
        (HEAD + "@model(inputs={'a': 'copper.a'})\ndef f(a): ...", 3, "is not a dataset name"),
        (HEAD + "@model(inputs=['silver.a'])\ndef f(a): ...", 3, "is a mapping of parameters"),
        (HEAD + "@model(inputs={'a': 'silver.a'}, memory_mb=True)\ndef f(a): ...", 3, "whole number of megabytes"),
        (HEAD + "@model(inputs={'a': 'silver.a'}, timeout_s=0)\ndef f(a): ...", 3, "greater than 0"),
        (HEAD + "@model(inputs={'a': 'silver.a'}, deterministic='no')\ndef f(a): ...", 3, "True or False"),
        (HEAD + "@model(inputs={'a': 'silver.a'})\ndef f(b): ...", None, "b is not among the inputs(.|\n)*has no parameter a"),
        (HEAD + "@model(inputs={'a': 'silver.a'})\ndef f(a, *rest): ...", 4, "cannot be given by its name"),
        (HEAD + "@model(inputs={'a': 'silver.a'})\ndef f(a: list): ...", 4, "allowed are pyarrow.Table"),
        (HEAD + "from .other import x\n@model(inputs={'a': 'silver.a'})\ndef f(a): ...", 3, "no part of a package"),
        (HEAD + "import datetime as dt\n@model(inputs={'a': 'silver.a'})\ndef f(a):\n    return dt.date.today()", 6, "another value at every run"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_with_its_line(tmp_path: Path, text: str, line: int | None, said: str) -> None:
    """The message names the line and what is allowed."""
    with pytest.raises(ProjectError, match=said) as caught:
        load(tmp_path, text)
    if line is not None:
        assert caught.value.place is not None
        assert caught.value.place.line == line


def test_files_of_other_encodings_are_refused(tmp_path: Path) -> None:
    """A file is UTF-8; a mark before it does no harm."""
    path = tmp_path / "x.py"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert load_python_body(path, tmp_path / "lib").function == "forecast"
    path.write_bytes(GOOD.encode() + b"# \xe4")
    with pytest.raises(ProjectError, match="not UTF-8"):
        load_python_body(path, tmp_path / "lib")
    path.write_bytes(GOOD.encode() + b"\0")
    with pytest.raises(ProjectError, match="Python"):
        load_python_body(path, tmp_path / "lib")


def test_the_clock_may_be_asked_where_results_may_differ(tmp_path: Path) -> None:
    """`deterministic=False` allows what is refused otherwise."""
    text = HEAD + "import time\n@model(inputs={'a': 'silver.a'}, deterministic=False)\ndef f(a): return time.time()"
    assert load(tmp_path, text).deterministic is False


MORE = "import pricing\nfrom shapes.round import circle\n" + GOOD


def test_the_hash_covers_what_runs(tmp_path: Path) -> None:
    """Code, inputs and imported modules count, through all their imports; comments, layout, limits and texts for people do not."""
    library = {
        "pricing": "import deep\n",
        "deep": "X = 1\n",
        "shapes/__init__": "",
        "shapes/round": "circle = 1\n",
        "unused": "",
    }
    first = load(tmp_path, MORE, **library)
    assert [code.module for code in first.sources] == ["", "deep", "pricing", "shapes", "shapes.round"]
    same = [
        MORE.replace("return sales", "return  (sales)  # all"),
        MORE.replace('description="next month"', 'description="other", memory_mb=99, timeout_s=5'),
    ]
    for text in same:
        assert load(tmp_path, text).hash == first.hash
    assert load(tmp_path, MORE, unused="X = 2\n").hash == first.hash
    others = [
        load(tmp_path, MORE.replace("return sales", "return sales.slice(1)")).hash,
        load(tmp_path, MORE.replace("silver.sales", "silver.other")).hash,
        load(tmp_path, MORE, deep="X = 2\n").hash,
        load(tmp_path, MORE, **{"shapes/round": "circle = 2\n"}).hash,
    ]
    assert len({first.hash, *others}) == 5


@pytest.mark.parametrize(
    ("library", "said"),
    [
        ({"json": ""}, "there already"),
        ({"pricing": "", "pricing/__init__": ""}, "both a file and a folder"),
        ({"pricing/rates": ""}, "is no package"),
        ({"pricing": "def f(:"}, "pricing.py:1:7 — this is not Python"),
        ({"pricing": "import uuid\nX = uuid.uuid4()"}, "pricing.py:2:5 — uuid.uuid4"),
    ],
)
def test_modules_that_could_mean_either_are_refused(tmp_path: Path, library: dict[str, str], said: str) -> None:
    """A module of the library has a name of its own, and is good Python."""
    with pytest.raises(ProjectError, match=said):
        load(tmp_path, "import json, pricing\n" + GOOD, **library)


def test_the_mark_leaves_the_function_as_it_is() -> None:
    """A test can call it like any other."""
    from entrepot.models import model

    def double(x: int) -> int:
        return 2 * x

    assert model(inputs={"x": "silver.x"})(double) is double


@pytest.mark.parametrize("number", [0, 1])
def test_the_examples_of_the_page_are_right(repository: Path, tmp_path: Path, number: int) -> None:
    """What the how-to shows loads."""
    page = (repository / "docs" / "how-to" / "python-models.md").read_text(encoding="utf-8")
    body = load(tmp_path, re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)[number])
    assert body.inputs == {"sales": Dataset("silver", "sales")}
