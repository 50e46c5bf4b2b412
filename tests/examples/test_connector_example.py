"""The example of a third party's connector is installed as people install it, passes its own tests, and feeds a project."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import entrepot

ROOT = Path(entrepot.__file__).parent.parent
PACKAGE = ROOT / "examples" / "connector"
CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: clicks
version: 1.0.0
status: active
schema:
  - name: clicks
    physicalName: bronze.clicks
    properties:
      - {name: id, logicalType: integer, primaryKey: true, primaryKeyPosition: 1, required: true}
      - {name: text, logicalType: string}
"""
SOURCE = """\
connector: journal
dataset: bronze.clicks
options: {path: clicks.tsv, columns: [id, text]}
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, installed into a folder of its own by pip, without network."""
    target = tmp_path_factory.mktemp("site")
    built = tmp_path_factory.mktemp("package") / "connector"
    subprocess.run(["cp", "-r", str(PACKAGE), str(built)], check=True)
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", str(target)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(built)], check=True, capture_output=True)
    return target


def run(installed: Path, *command: str, cwd: Path) -> str:
    """A Python module, with the installed package on the path; its output."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(installed), str(ROOT)]), "COLUMNS": "200"}
    done = subprocess.run([sys.executable, "-m", *command], cwd=cwd, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(300)
def test_it_passes_its_own_tests(installed: Path, tmp_path: Path) -> None:
    """The conformance suites and its own tests pass against the installed package."""
    plain = ["-q", "-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:xdist", "--rootdir", str(tmp_path)]
    said = run(installed, "pytest", *plain, str(PACKAGE / "tests"), cwd=tmp_path)
    assert " passed" in said
    assert "2 xfailed" in said


def test_it_enters_by_the_same_door(installed: Path, tmp_path: Path) -> None:
    """The command line lists and explains it."""
    assert "journal" in run(installed, "entrepot", "connectors", "list", cwd=tmp_path)
    assert "clicks.tsv" in run(installed, "entrepot", "connectors", "show", "journal", cwd=tmp_path)


def test_it_feeds_a_project(installed: Path, tmp_path: Path) -> None:
    """Appended lines become rows, once; a bad line becomes a reject."""
    for name, text in {
        "entrepot.yaml": "name: clicks\n",
        "contracts/clicks.odcs.yaml": CONTRACT,
        "sources/clicks.yaml": SOURCE,
        "clicks.tsv": "1\tone\n2\ttwo\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    run(installed, "entrepot", "run", cwd=tmp_path)
    with (tmp_path / "clicks.tsv").open("a") as file:
        file.write("3\tthree\nx\tfour\n")
    run(installed, "entrepot", "run", cwd=tmp_path)
    run(installed, "entrepot", "run", cwd=tmp_path)
    rows = run(installed, "entrepot", "query", "SELECT id, text FROM bronze.clicks ORDER BY id", "--csv", cwd=tmp_path)
    assert rows.split() == ['"id","text"', '1,"one"', '2,"two"', '3,"three"']
    assert "clicks.tsv" in run(installed, "entrepot", "rejects", "list", cwd=tmp_path)
