"""YAML of settings, sources, KPIs and heads: plain values with places, or an error with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.kernel.documents import parse_document
from entrepot.kernel.errors import ProjectError

FILE = Path("sources/sales.yaml")
BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def test_values_and_places() -> None:
    """Values are plain; each key and each item has its line and column, counted from where the text stands in its file."""
    document = parse_document("a: 1\nb:\n  - x\n  - {c: 1.5, d: yes}\n1: ~\n", FILE, first_line=3)
    assert document.value == {"a": 1, "b": ["x", {"c": 1.5, "d": "yes"}], "1": None}
    assert str(document.place("b", 1, "c")) == f"{FILE}:6:6"
    assert str(document.place("1")) == f"{FILE}:7:1"
    assert str(document.place("b", 9)) == f"{FILE}:4:1"


def test_merged_mappings() -> None:
    """`<<` fills in what a mapping does not say itself; places of its own keys stay its own."""
    document = parse_document("one: &one {k: 1, z: 0}\ntwo:\n  <<: [*one, {k: 2, m: 3}]\n  z: 9\n", FILE)
    assert document.value["two"] == {"k": 1, "m": 3, "z": 9}
    assert str(document.place("two", "z")) == f"{FILE}:4:3"
    assert str(document.place("two", "k")) == f"{FILE}:1:12"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x: 2\na: 2026-02-30", ":2:4 — this looks like a date or time, but is none. Put it in quotes."),
        ("a: " + "1" * 5000, ":1:4 — this looks like a whole number"),
        ("1: 2\n'1': 3", ":2:1 — the key '1' stands twice"),
        ("a: !foo x", ":1:4 — the YAML tag !foo is not known"),
        ("a: !!binary aGk=", ":1:4 — the YAML tag"),
        ("? [a]\n: b", ":1:3 — a key is a list or a mapping"),
        ("a: &a [*a]", ":1:4 — an alias contains itself"),
        ("<<: 3", ":1:5 — << merges something that is not a mapping"),
        ("a: 1\nb: \x0c", ":2 — this is not valid YAML: unacceptable character #x000c"),
        (
            "a: 1\n---\nb: 2",
            ":2:1 — this is not valid YAML: expected a single document in the stream but found another",
        ),
        ("a: [", "this is not valid YAML"),
        ("[" * 1000, "nested too deeply"),
        (BOMB, "unfolds without end"),
        ("- a", "a mapping (key: value) is expected"),
    ],
    ids=lambda value: repr(value[:20]),
)
def test_refusals(text: str, said: str) -> None:
    """What cannot be taken is refused with its place, at once."""
    with pytest.raises(ProjectError) as caught:
        parse_document(text, FILE)
    assert said in str(caught.value)
    assert caught.value.place is not None
