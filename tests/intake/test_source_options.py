"""A connector's spec checks options, and writes its own page and schema."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

import entrepot.connectors as connectors
from entrepot.connectors import (
    BUILT_IN,
    check_options,
    connector_names,
    load_connector,
    options_schema,
    read_options,
    reference_text,
)
from entrepot.kernel.errors import Place, ProjectError, SystemError_, UsageError


def places(path: tuple[str | int, ...]) -> Place:
    """As if each key stood in the line of its depth."""
    return Place(Path("sources/sales.yaml"), 10 + len(path), 3)


def errors_of(options: dict[str, Any]) -> list[ProjectError]:
    """What is wrong with options of the files connector."""
    return check_options(load_connector("files"), options, places)[1]


def test_defaults_are_filled_in() -> None:
    """Options come out whole, also nested ones."""
    options = read_options(load_connector("files"), {"path": "in", "csv": {"delimiter": ";"}, "pattern": "*.csv"})
    assert options["csv"]["delimiter"] == ";"
    assert options["csv"]["header"] is True
    assert options["wait"] == {"stable_s": 2.0, "done_file": False}
    assert options["pattern"] == ("*.csv",)
    assert options["supersedes"] is None


def test_all_errors_with_their_places() -> None:
    """Every error names file, line, what came and what is allowed."""
    found = errors_of({"patern": "*", "csv": {"delimter": ","}, "after": "delete", "max_files": 0})
    texts = [str(error) for error in found]
    assert len(texts) == 5
    assert texts[0].startswith("sources/sales.yaml:11:3 — unknown option 'patern' of connector files")
    assert texts[0].endswith("Did you mean 'pattern'?")
    assert any("'path' of connector files is missing" in text for text in texts)
    assert any("'csv'" not in text and "in csv" in text and ":12:3" in text and "'delimiter'" in text for text in texts)
    assert any("'after' of connector files is 'delete'; allowed is one of move, keep" in text for text in texts)
    assert any("'max_files' of connector files is 0; allowed is at least 1" in text for text in texts)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"path": 7}, "allowed is a text"),
        ({"path": "in", "max_files": True}, "a whole number"),
        ({"path": "in", "csv": "x"}, "a mapping of options"),
        ({"path": "in", "pattern": []}, "a text or a list of texts"),
        ({"path": "in", "csv": {"quote": "''"}}, "one ASCII character"),
        ({"path": "in", "csv": {"encoding": "latin-99"}}, "Python's names of encodings"),
        ({"path": "in", "csv": {"decimal": ",", "thousands": ","}}, "the same as decimal"),
        ({"path": "in", "csv": {"header": False}}, "csv.columns must name"),
        ({"path": "in", "csv": {"columns": ["a", "A"]}}, "names a column twice"),
        ({"path": "in", "supersedes": {"by": "period", "column": "day"}}, "needs column and grain"),
        ({"path": "in", "supersedes": {"column": "day"}}, "'supersedes.by'"),
        ({"path": "in", "pattern": "2024/*.csv"}, "without folders"),
    ],
)
def test_wrong_options(options: dict[str, Any], said: str) -> None:
    """What cannot work is said before anything runs."""
    (error,) = errors_of(options)
    assert said in str(error)


def test_secret_values_are_not_shown() -> None:
    """The error about a secret option does not repeat it."""
    spec = load_connector("files")
    field = connectors.FieldSpec(name="password", type="string", secret=True, choices=("x",), description="A password.")
    with_secret = connectors.ConnectorSpec(
        name="mine", summary="", description="", example_yaml="", fields=(field,), factory=spec.factory
    )
    (error,) = check_options(with_secret, {"password": "hunter2"})[1]
    assert "hunter2" not in str(error)


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_schema_accepts_the_example(name: str) -> None:
    """Schema, example and check agree for each built-in connector."""
    spec = load_connector(name)
    schema = options_schema(spec)
    jsonschema.Draft202012Validator.check_schema(schema)
    example = YAML(typ="safe").load(spec.example_yaml)
    assert example["connector"] == name
    jsonschema.validate(example["options"], schema)
    assert check_options(spec, example["options"])[1] == []
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**example["options"], "nonsense": 1}, schema)


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_page_names_every_option(name: str) -> None:
    """`connectors show` tells of each option, its default and what it is for."""
    spec = load_connector(name)
    page = reference_text(spec)
    assert all(f"{field.name} (" in page and field.description in page for field in spec.fields)


def test_unknown_connector_names_the_nearest() -> None:
    """A slip of the pen is answered with the right name."""
    with pytest.raises(UsageError, match="Did you mean 'sqlite'"):
        load_connector("sqlit")


def test_third_party_connector(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another package's connector enters by the group entrepot.connectors; a second one of the same name is refused."""
    mine = EntryPoint("mine", "entrepot.adapters.sqlite.source:SPEC", "entrepot.connectors")
    monkeypatch.setattr(connectors, "entry_points", lambda group: [mine])
    assert set(connector_names()) == {*BUILT_IN, "mine"}
    assert load_connector("mine").name == "sqlite"
    thief = EntryPoint("files", "elsewhere:SPEC", "entrepot.connectors")
    monkeypatch.setattr(connectors, "entry_points", lambda group: [thief])
    with pytest.raises(SystemError_, match="two packages"):
        load_connector("files")
