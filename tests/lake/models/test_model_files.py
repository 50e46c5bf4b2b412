"""Models as files: head, name, SELECT; every error has its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.kernel.errors import ProjectError
from entrepot.kernel.names import Dataset
from entrepot.lake.models import ManyErrors, Model, ModelKind, load_model, load_models


def write(folder: Path, name: str, text: str) -> Path:
    """A model's file."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def load(folder: Path, text: str, name: str = "silver/x.sql") -> Model:
    """Write and load one model."""
    return load_model(write(folder, name, text), folder)


def test_name_and_defaults_follow_from_the_place(tmp_path: Path) -> None:
    """`models/gold/x.sql` without a head is the full model gold.x."""
    model = load(tmp_path, "SELECT 1 AS a", "gold/x.sql")
    assert (model.name, model.kind, model.driving, model.inputs) == (Dataset("gold", "x"), ModelKind.FULL, None, ())
    assert model.sql == "SELECT 1 AS a"


def test_the_head_says_the_rest(tmp_path: Path) -> None:
    """Kind, driving input, contract and description stand in the leading comment."""
    model = load(
        tmp_path,
        "/* ---\nname: silver.x\nkind: append\ndriving: bronze.sales\ncontract: silver.y\ndescription: What it is.\n--- */\n"
        "SELECT k FROM bronze.sales JOIN bronze.products USING (p);\n-- end\n",
    )
    assert model.kind is ModelKind.APPEND
    assert model.driving == Dataset("bronze", "sales")
    assert model.contract == Dataset("silver", "y")
    assert model.description == "What it is."
    assert list(map(str, model.inputs)) == ["bronze.sales", "bronze.products"]
    assert model.sql == "SELECT k FROM bronze.sales JOIN bronze.products USING (p)"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("/* ---\nkind: full\nkynd: view\n--- */\nSELECT 1", 3, "Did you mean kind"),
        ("/* ---\nkind: incremental\n--- */\nSELECT 1", 2, "allowed are view, full, append, merge"),
        ("/* ---\nkind: append\n--- */\nSELECT 1", 2, "needs a driving input"),
        ("/* ---\n\ndriving: bronze.s\n--- */\nSELECT a FROM bronze.s", 3, "belongs to kinds append and merge"),
        ("/* ---\nkind: append\ndriving: bronze.s\n--- */\nSELECT a FROM bronze.t", 3, "does not read bronze.s"),
        ("/* ---\nname: silver.y\n--- */\nSELECT 1", 2, "silver.y"),
        ("/* ---\nkind: [\n--- */\nSELECT 1", 3, "not valid YAML"),
        ("/* ---\nkind: view\nSELECT 1", 1, "not closed"),
        ("/* ---\nkind: view\n--- */\nSELECT a\nFROM sales", 5, "neither a dataset"),
        ("/* ---\nkind: view\n--- */\n\nSELECT now() AS a", 5, "every run"),
        ("SELECT a\nFROM silver.x", 2, "reads itself"),
    ],
)
def test_errors_name_the_line_in_the_file(tmp_path: Path, text: str, line: int, said: str) -> None:
    """Lines count from the top of the file, head included."""
    with pytest.raises(ProjectError, match=said) as caught:
        load(tmp_path, text)
    assert caught.value.place is not None
    assert caught.value.place.line == line


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("bronze/x.sql", "folder of its layer"),
        ("x.sql", "folder of its layer"),
        ("gold/My Model.sql", "not a dataset name"),
        ("gold/x.py", "Python"),
    ],
)
def test_files_that_are_no_models_are_refused(tmp_path: Path, name: str, said: str) -> None:
    """A file that would be passed over in silence is an error."""
    write(tmp_path, name, "SELECT 1")
    with pytest.raises(ProjectError, match=said):
        load_models(tmp_path)


def test_all_errors_of_all_files_are_told(tmp_path: Path) -> None:
    """One run of `check` shows everything."""
    write(tmp_path, "silver/a.sql", "SELECT now(), random()")
    write(tmp_path, "silver/b.sql", "SELECT")
    write(tmp_path, "silver/c.sql", "SELECT 1 AS fine")
    with pytest.raises(ManyErrors) as caught:
        load_models(tmp_path)
    assert [error.place.path.name for error in caught.value.errors if isinstance(error, ProjectError) and error.place] == [
        "a.sql", "a.sql", "b.sql",
    ]  # fmt: skip


def test_no_folder_has_no_models(tmp_path: Path) -> None:
    """A project may live without models; hidden files are left alone."""
    assert load_models(tmp_path / "models") == ()
    write(tmp_path, "gold/.x.sql", "nonsense")
    assert load_models(tmp_path) == ()


def test_the_hash_follows_the_content_not_the_layout(tmp_path: Path) -> None:
    """Comments, spaces and description change nothing; SQL, kind and driving input do."""
    one = load(tmp_path, "/* ---\ndescription: A.\n--- */\nSELECT a FROM bronze.s -- why")
    two = load(tmp_path, "select  a\nfrom bronze.s")
    assert one.hash == two.hash
    others = [
        load(tmp_path, "SELECT b FROM bronze.s"),
        load(tmp_path, "/* ---\nkind: view\n--- */\nSELECT a FROM bronze.s"),
        load(tmp_path, "/* ---\nkind: append\ndriving: bronze.s\n--- */\nSELECT a FROM bronze.s"),
        load(tmp_path, "/* ---\nkind: merge\ndriving: bronze.s\n--- */\nSELECT a FROM bronze.s"),
    ]
    assert len({one.hash, *(model.hash for model in others)}) == 5
