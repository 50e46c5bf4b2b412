"""`entrepot contract lint` and `entrepot contract diff`: what a person sees, what a machine reads, how they end."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from entrepot.app.cli.contract import app
from entrepot.app.planning import foresee
from entrepot.app.project import open_project
from entrepot.app.session import run_project
from entrepot.app.wiring import Platform
from entrepot.kernel.errors import UsageError

WRONG = Path(__file__).parent / "wrong"
GOOD = """\
apiVersion: v3.2.0
kind: DataContract
id: sales
version: 1.0.0
status: active
schema:
- name: sales
  physicalName: bronze.sales
  properties:
  - {name: sale_id, logicalType: string, primaryKey: true}
  - name: store
    logicalType: string
    relationships: [{to: bronze.stores.id}]
"""
FOREIGN = GOOD.replace("bronze.sales", "dbo.sales")


def run(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    return result.exit_code, result.stdout


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one good contract; the commands run inside of it."""
    (tmp_path / "contracts").mkdir()
    (tmp_path / "entrepot.yaml").write_text("name: shop\ntime_zone: Europe/Berlin\n")
    (tmp_path / "contracts/sales.odcs.yaml").write_text(GOOD)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder outside of any project; the commands run inside of it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.req("F2")
def test_all_contracts_of_the_project_are_judged(project: Path) -> None:
    """Without a name all contracts of the project are judged; a good one ends with 0 and a summary."""
    assert run("lint") == (0, "1 file: 1 good; 0 errors, 0 warnings.\n")


def test_a_fault_is_told_with_place_code_and_hint(project: Path) -> None:
    """Path from here, line, column, severity, code, text and hint; exit code 2."""
    (project / "contracts/sales.odcs.yaml").write_text(GOOD.replace("primaryKey: true", "primarykey: true"))
    code, text = run("lint")
    assert code == 2
    assert text == (
        "contracts/sales.odcs.yaml:10:42: error contract.unknown_key\n"
        "    the key schema.sales.properties.sale_id.primarykey is not known; allowed is what the standard names.\n"
        "    Did you mean primaryKey?\n"
        "1 file: 1 refused; 1 error, 0 warnings.\n"
    )


def test_contracts_of_a_project_are_compared_with_each_other(project: Path) -> None:
    """A reference to a column that another file does not have is an error at the reference; two files for one dataset as well."""
    stores = GOOD.replace("sales", "stores").partition("  - name: store\n")[0]
    (project / "contracts/stores.odcs.yaml").write_text(stores)
    code, text = run("lint")
    assert code == 2
    assert "contracts/sales.odcs.yaml:13:26: error contract.reference" in text
    assert "refers to the column id of bronze.stores; allowed is sale_id." in text
    (project / "contracts/again.odcs.yaml").write_text(GOOD)
    assert "the dataset bronze.sales has a contract in contracts/again.odcs.yaml already" in run("lint")[1]


def test_a_lone_file_needs_no_project(nowhere: Path) -> None:
    """A foreign contract is good: exit code 0, and what it would need here is told beside."""
    (nowhere / "theirs.yaml").write_text(FOREIGN)
    code, text = run("lint", "theirs.yaml")
    assert code == 0
    assert text.startswith("theirs.yaml: good a contract of ODCS v3.2.0; it names no dataset of entrepot.\n")
    assert "to use it here, 8:17: the object sales does not say which dataset it is" in text
    assert text.endswith("1 file: 1 good, of no dataset here; 0 errors, 0 warnings.\n")


def test_the_same_file_in_the_projects_folder_must_be_usable(project: Path) -> None:
    """In contracts/ a contract without a dataset is an error."""
    (project / "contracts/theirs.yaml").write_text(FOREIGN)
    assert run("lint")[0] == 2
    assert run("lint", "contracts/theirs.yaml")[0] == 2


def test_without_project_and_file_the_next_step_is_named(nowhere: Path) -> None:
    """Outside of a project files must be named; an empty folder is refused."""
    with pytest.raises(UsageError, match="lies in no project"):
        run("lint")
    with pytest.raises(UsageError, match="holds no file"):
        run("lint", nowhere)


def test_a_file_that_is_not_there_is_a_finding(nowhere: Path) -> None:
    """A misspelt file name ends with 2, not with a traceback."""
    code, text = run("lint", "none.yaml")
    assert code == 2
    assert "none.yaml: error contract.unreadable\n    the file cannot be read: No such file" in text


def test_findings_for_machines(nowhere: Path) -> None:
    """JSON holds file, line, column, code, severity, message and hint of every finding, and a verdict for each file."""
    (nowhere / "a.yaml").write_text(GOOD.replace("- name: store", "- nam: store"))
    (nowhere / "b.yaml").write_text(FOREIGN)
    code, text = run("lint", nowhere, "--json")
    told = json.loads(text)
    assert code == 2
    assert [(Path(file["file"]).name, file["verdict"], file["is_dataset"]) for file in told["files"]] == [
        ("a.yaml", "refused", True),
        ("b.yaml", "foreign", False),
    ]
    keys = {"file", "line", "column", "code", "severity", "concern", "message", "hint"}
    assert all(set(finding) == keys for finding in told["findings"])
    found = [(finding["line"], finding["column"], finding["code"], finding["severity"]) for finding in told["findings"]]
    assert found == [
        (11, 5, "contract.unknown_key", "error"),
        (11, 5, "contract.missing", "error"),
        (8, 17, "contract.dataset", "note"),
    ]


def test_annotations_for_github(nowhere: Path) -> None:
    """Each finding is one line that GitHub Actions understands; signs of its own are escaped."""
    (nowhere / "a,b.yaml").write_text(GOOD.replace("string, primaryKey", "strng, primaryKey"))
    code, text = run("lint", "a,b.yaml", "--github")
    assert code == 2
    assert text.startswith(
        "::error file=a%2Cb.yaml,line=10,col=34,title=contract.value::schema.sales.properties.sale_id"
    )
    assert text.count("\n") == 1


def test_every_wrong_contract_at_once() -> None:
    """A folder is judged whole: each wrong file is refused, none stops the others."""
    code, text = run("lint", WRONG, "--json")
    told = json.loads(text)
    assert code == 2
    assert {file["verdict"] for file in told["files"]} == {"refused"}
    assert len(told["files"]) >= 40


# --- diff -------------------------------------------------------------------------------------------


@pytest.fixture
def two(nowhere: Path) -> Path:
    """Two versions of a contract: a column is gone, a description has come."""
    (nowhere / "old.yaml").write_text(GOOD)
    kept = GOOD.partition("  - name: store\n")[0]
    (nowhere / "new.yaml").write_text(kept + "description: {purpose: Tills}\n")
    return nowhere


def test_changes_are_told_by_dataset_with_their_reason(two: Path) -> None:
    """A line for each change with verdict and reason, a summary, the version that is needed; exit code 1 for what breaks."""
    code, text = run("diff", "old.yaml", "new.yaml")
    assert code == 1
    assert text == (
        "# The contract as a whole\n"
        "kind\tchange\told → new\tverdict\twhy\n"
        "added\tdescription.purpose\tTills\tcompatible\tWords for people; no row is read or judged otherwise.\n"
        "\n"
        "# sales\n"
        "kind\tchange\told → new\tverdict\twhy\n"
        "removed\tstore\t\tbreaking for readers\tQueries that name store fail; what sources bring in it is left out.\n"
        "\n"
        "2 changes: 1 breaking, 1 compatible.\n"
        "These changes are major: 1.0.0 → 2.0.0 or higher. The new contract has 1.0.0, which does not fit.\n"
    )


def test_only_what_breaks(two: Path) -> None:
    """What nobody can stumble over is left out; the summary still counts it."""
    text = run("diff", "old.yaml", "new.yaml", "--breaking-only")[1]
    assert "description" not in text
    assert "2 changes: 1 breaking, 1 compatible." in text


def test_contracts_that_are_the_same(two: Path) -> None:
    """Nothing changed: exit code 0."""
    code, text = run("diff", "old.yaml", "old.yaml")
    assert (code, text) == (0, "The contracts are the same.\n")


def test_changes_for_machines(two: Path) -> None:
    """JSON names both files, the verdict, the version, and of each change both sides' verdicts."""
    code, text = run("diff", "old.yaml", "new.yaml", "--json")
    told = json.loads(text)
    assert (code, told["verdict"], told["version"]["suggested"], told["version"]["fits"]) == (
        1,
        "breaking",
        "2.0.0",
        False,
    )
    (gone,) = [change for change in told["changes"] if change["kind"] == "removed"]
    assert (gone["path"], gone["dataset"]) == ("schema.sales.properties.store", "sales")
    assert (gone["readers"], gone["senders"], gone["level"]) == ("breaking", "compatible", "major")
    assert gone["old"]["name"] == "store"
    assert gone["new"] is None


def test_numbers_stay_numbers(two: Path) -> None:
    """A bound with decimals is a number in JSON."""
    (two / "new.yaml").write_text(GOOD + "  - {name: n, logicalType: number, logicalTypeOptions: {minimum: 0.25}}\n")
    (change,) = json.loads(run("diff", "old.yaml", "new.yaml", "--json")[1])["changes"]
    assert change["new"]["logicalTypeOptions"] == {"minimum": 0.25}


def test_an_earlier_revision_of_the_file(two: Path) -> None:
    """git:REV is the new file as of then, REV:path any file; what git does not know is said."""

    def git(*words: str) -> None:
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *words], check=True, cwd=two)

    git("init", "-q")
    (two / "sub").mkdir()
    path = two / "sub/new.yaml"
    path.write_text(GOOD)
    git("add", ".")
    git("commit", "-qm", "one")
    path.write_text(GOOD.replace("name: store", "name: shop"))
    for old in ("git:HEAD", "HEAD:sub/new.yaml"):
        told = json.loads(run("diff", old, "sub/new.yaml", "--json")[1])
        assert {change["path"] for change in told["changes"]} == {
            f"schema.sales.properties.{n}" for n in ("shop", "store")
        }
    with pytest.raises(UsageError, match="git knows no nowhere:"):
        run("diff", "git:nowhere", "sub/new.yaml")
    with pytest.raises(UsageError, match="is no revision"):
        run("diff", "git:--output=x", "sub/new.yaml")


def test_what_cannot_be_compared_is_refused(two: Path) -> None:
    """A misspelt name, and the contract as released, which nobody keeps: the next step is named."""
    with pytest.raises(UsageError, match=r"there is no file oldd\.yaml"):
        run("diff", "oldd.yaml", "new.yaml")
    with pytest.raises(UsageError, match="holds the hash of a contract, not its text"):
        run("diff", "released", "new.yaml")


def test_a_terminal_of_80_columns_is_wide_enough(two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal no line is longer than 80 columns but the closing sentences, and the verdict is a word, not a colour."""
    from rich.console import Console

    from entrepot.app.cli import contract_diff, output

    wide = Console(force_terminal=True, width=80, highlight=False, no_color=True, record=True)
    monkeypatch.setattr(output, "console", wide)
    monkeypatch.setattr(contract_diff, "console", wide)
    odd = GOOD + "    logicalTypeOptions: {pattern: '[a-z]+[/x]', minLength: 1}\n"
    (two / "new.yaml").write_text(odd.replace("name: sales", "name: '[sales]'"))
    run("diff", "old.yaml", "new.yaml")
    text = wide.export_text()
    assert "[a-z]+[/x]" in text
    assert "[sales]" in text
    assert max(len(line) for line in text.splitlines()[:-3]) <= 80
    assert "breaking for senders" in " ".join(text.split())


# --- plan -------------------------------------------------------------------------------------------


def test_the_plan_names_contracts_that_changed(project: Path) -> None:
    """After a run, another rule in the contract is told with the batch that the old one judged; other words are not."""
    source = 'connector: files\ndataset: bronze.sales\noptions: {path: in, pattern: "*.csv", wait: {stable_s: 0}}\n'
    own = GOOD.partition("    relationships")[0]
    for name, text in {
        "sources/sales.yaml": source,
        "contracts/sales.odcs.yaml": own,
        "in/incoming/a.csv": "sale_id,store\n1,x\n",
    }.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    assert run_project(Platform(open_project(project))).succeeded

    def foretold() -> list[int | None]:
        return [step.contract_changed_since for step in foresee(Platform(open_project(project)), []).steps]

    assert foretold() == [None]
    (project / "contracts/sales.odcs.yaml").write_text(own + "    description: words\n")
    assert foretold() == [None]
    (project / "contracts/sales.odcs.yaml").write_text(own + "    required: true\n")
    assert foretold() == [1]
