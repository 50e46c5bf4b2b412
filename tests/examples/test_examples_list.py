"""Examples come with the package."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from entrepot.examples import copy_example, generate_data, list_examples
from entrepot.kernel.errors import UsageError


def test_the_retail_example_is_there() -> None:
    """With a sentence that says what it shows."""
    titles = {example.name: example.title for example in list_examples()}
    assert titles["retail"].startswith("A small retailer")


def test_a_copy_holds_the_project_but_not_its_maker(tmp_path: Path) -> None:
    """The user gets a folder of plain files."""
    copy_example("retail", tmp_path / "shop")
    names = {
        path.relative_to(tmp_path / "shop").as_posix() for path in (tmp_path / "shop").rglob("*") if path.is_file()
    }
    assert {
        "entrepot.yaml",
        "README.md",
        "contracts/sales.odcs.yaml",
        "models/gold/sales.sql",
        "kpis/total_sales.yaml",
    } <= names
    assert not any("generate" in name or "__pycache__" in name for name in names)


def test_an_unknown_example_or_a_full_folder_is_refused(tmp_path: Path) -> None:
    """Nothing of the user's is written over."""
    with pytest.raises(UsageError, match=r"There are: .*retail"):
        copy_example("retial", tmp_path / "shop")
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="not empty"):
        copy_example("retail", tmp_path)


@pytest.mark.slow
def test_an_installed_wheel_has_the_examples(repository: Path, tmp_path: Path) -> None:
    """Unpacked anywhere, the package finds its examples and can make their data."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=repository, check=True, capture_output=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        wheel.extractall(tmp_path / "site")
    code = (
        "from pathlib import Path; from entrepot import examples as e; import entrepot; "
        "assert Path(entrepot.__file__).is_relative_to(Path('site').resolve()), entrepot.__file__; "
        "x = e.copy_example('retail', Path('shop')); print(e.generate_data(x, Path('shop'), stores=2, products=10, days=8)['days'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, check=False, capture_output=True, text=True,
        env={"PYTHONPATH": str(tmp_path / "site")},
    )  # fmt: skip
    assert done.stdout == "8\n", done.stderr


def test_a_generator_is_optional(tmp_path: Path) -> None:
    """An example may bring its data as files."""
    from entrepot.examples import Example

    assert generate_data(Example("x", "x", tmp_path), tmp_path) == {}
