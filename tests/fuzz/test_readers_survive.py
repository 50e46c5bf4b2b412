"""A short part of `make fuzz`, always the same: every reader takes a mutated input or refuses it in our own words."""

from __future__ import annotations

import csv
import io
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entrepot.kernel.errors import DataError, ProjectError
from tests.fuzz.judge import Corpus, Verdict, judge
from tests.fuzz.mutate import COMMON
from tests.fuzz.targets import Target, build, targets

INPUTS = {"contract": 30, "csv": 120}
TARGETS = targets()


@pytest.mark.parametrize("name", TARGETS)
def test_mutated_inputs(tmp_path: Path, name: str) -> None:
    """Real inputs as they are, then mutated: accepted, or refused with a place or a hint; no other error, no hang."""
    corpus, dice = Corpus(TARGETS[name], None), random.Random(name)
    inputs = [*corpus.real, *(corpus.next(dice) for _ in range(INPUTS.get(name, 70)))]
    found = [(data, judge(TARGETS[name], data, tmp_path, number)) for number, data in enumerate(inputs)]
    assert [(data[:500], one.text) for data, one in found if one.verdict is Verdict.FINDING] == []
    assert {one.verdict for _, one in found} == {Verdict.ACCEPTED, Verdict.REFUSED}


def _crash(path: Path, dice: random.Random) -> str:
    return str(path.read_bytes().decode("ascii"))


def _grumble(path: Path, dice: random.Random) -> str:
    raise ProjectError("something is wrong.")


@pytest.mark.parametrize("read", [_crash, _grumble])
def test_findings_are_found(tmp_path: Path, read: Any) -> None:
    """A foreign error, and one of ours that says neither place nor what to do, are findings."""
    target = Target("test", "fuzzed.txt", read, lambda shared: [b"\xff"], COMMON)
    assert judge(target, b"\xff", tmp_path, 0).verdict is Verdict.FINDING


TEXTS = st.text(alphabet=st.sampled_from("ab1 ,;|\t\"'\n\r\\#é\u2028\x0c\x85"), max_size=6)


@settings(max_examples=80, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(TEXTS, min_size=width, max_size=width), max_size=6)),
    delimiter=st.sampled_from(",;\t|"),
    # Python leaves a lone \r without quotes unless the lines end with it, and reads it back as a line end.
    how=st.sampled_from([(csv.QUOTE_ALL, "\n"), (csv.QUOTE_ALL, "\r\n"), (csv.QUOTE_MINIMAL, "\r\n")]),
)
def test_what_python_writes_is_read(
    tmp_path: Path, rows: list[list[str]], delimiter: str, how: tuple[Any, str]
) -> None:
    """What Python's csv module writes is read cell by cell as it was, or the file is refused."""
    from entrepot.adapters.files.source import FORMATS

    names = [f"c{number}" for number in range(len(rows[0]) if rows else 2)]
    (quoting, end), text = how, io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows([names, *rows])
    path = tmp_path / "written.csv"
    path.write_bytes(text.getvalue().encode())
    reader = build(next(spec for spec in FORMATS if spec.name == "csv"), {"delimiter": delimiter})
    try:
        found = [
            row for part in reader.parts(path, path.name) for batch in part.rows.open() for row in batch.to_pylist()
        ]
    except DataError:
        return
    assert [[row[name] or "" for name in names] for row in found] == [row for row in rows if row]
