"""Comparing contracts: every kind of change gets the verdict that docs/how-to/contracts.md promises."""

from __future__ import annotations

import csv
import re
import textwrap
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from entrepot.contracts.diff.change import Change, ChangeKind, Verdict
from entrepot.contracts.diff.compare import Comparison, compare_contracts, read_side
from entrepot.contracts.findings import ContractErrors
from entrepot.contracts.load import load_contracts
from entrepot.contracts.odcs.document import Document
from entrepot.contracts.odcs.reading import parse_document, read_document
from entrepot.kernel.errors import DataError
from tests.adapters.embedded.landing import make_lab

HEAD = "apiVersion: v3.2.0\nkind: DataContract\nid: sales\nversion: 1.0.0\nstatus: active\n"


def contract(properties: str, *, tail: str = "", head: str = HEAD) -> str:
    body = "schema:\n- name: sales\n  physicalName: bronze.sales\n  properties:\n"
    return head + body + textwrap.indent(textwrap.dedent(properties), "  ") + textwrap.dedent(tail)


def compare(old: str, new: str) -> Comparison:
    sides = []
    for name, text in (("old.yaml", old), ("new.yaml", new)):
        data = text.encode()
        sides.append(read_side(Document(Path(name), data, parse_document(Path(name), data))))
    return compare_contracts(*sides)


def said(change: Change) -> str:
    """`nobody`, `readers`, `senders`, `both`, or `unclear`."""
    if change.verdict is Verdict.UNCLEAR:
        return "unclear"
    who = change.breaks_for
    return "both" if len(who) == 2 else who[0] if who else "nobody"


A = "- {name: a, logicalType: string}\n"
N = "- name: n\n  logicalType: integer\n"
S = "- name: s\n  logicalType: string\n"
D = "- name: d\n  logicalType: date\n"
T = "- name: t\n  logicalType: timestamp\n"
AB = "- {name: a, logicalType: string, primaryKey: true}\n- {name: b, logicalType: string, required: true}\n"
DEC = "- {name: p, logicalType: number, physicalType: '%s'}\n"


def option(text: str) -> str:
    return f"  logicalTypeOptions: {{{text}}}\n"


def check(text: str, owner: str = S) -> str:
    return f"{owner}  quality:\n  - {{{text}}}\n"


# what it is, old properties, new properties, end of the path, kind, who may stumble
ROWS = [
    ("optional column added", A, A + S, "properties.s", "added", "nobody"),
    ("required column added", A, A + S + "  required: true\n", "properties.s", "added", "senders"),
    (
        "column of the key added",
        A,
        A + "- {name: k, logicalType: string, primaryKey: true}\n",
        "properties.k",
        "added",
        "senders",
    ),
    ("column removed", A + S, A, "properties.s", "removed", "readers"),
    ("renamed by id", S + "  id: x\n", "- {name: z, logicalType: string, id: x}\n", "properties.z", "renamed", "both"),
    (
        "renamed, sources keep their header",
        S + "  physicalName: H\n",
        "- {name: z, logicalType: string, physicalName: H}\n",
        "properties.z",
        "renamed",
        "both",
    ),
    (
        "renamed, the old name stays a header",
        S,
        "- name: z\n  logicalType: string\n  physicalName: s\n",
        "properties.z",
        "renamed",
        "readers",
    ),
    ("order of columns", A + S, S + A, "properties", "moved", "nobody"),
    ("integer widened", N + option("format: i32"), N + option("format: i64"), "format", "changed", "readers"),
    ("integer narrowed", N + option("format: i64"), N + option("format: i32"), "format", "changed", "both"),
    ("decimal widened", DEC % "decimal(8,2)", DEC % "decimal(10,2)", "physicalType", "changed", "readers"),
    ("decimal narrowed", DEC % "decimal(8,2)", DEC % "decimal(6,2)", "physicalType", "changed", "both"),
    (
        "scale up, digits before it kept",
        DEC % "decimal(8,2)",
        DEC % "decimal(10,4)",
        "physicalType",
        "changed",
        "readers",
    ),
    ("scale up, digits before it lost", DEC % "decimal(8,2)", DEC % "decimal(8,4)", "physicalType", "changed", "both"),
    ("another type", S, S.replace("string", "date"), "logicalType", "changed", "both"),
    ("double to decimal", "- {name: p, logicalType: number}\n", DEC % "decimal(8,2)", "physicalType", "added", "both"),
    ("required", S, S + "  required: true\n", "required", "added", "senders"),
    ("no longer required", S + "  required: true\n", S, "required", "removed", "readers"),
    (
        "required said twice",
        AB,
        AB.replace("primaryKey: true", "primaryKey: true, required: true"),
        "required",
        "added",
        "nobody",
    ),
    ("unique", S, S + "  unique: true\n", "unique", "added", "senders"),
    ("no longer unique", S + "  unique: true\n", S, "unique", "removed", "readers"),
    (
        "key",
        AB,
        AB.replace("b, logicalType: string", "b, logicalType: string, primaryKey: true"),
        "primaryKey",
        "added",
        "both",
    ),
    ("key gone", AB, AB.replace(", primaryKey: true", ", required: true"), "primaryKey", "removed", "readers"),
    (
        "enum widened",
        S + "  enum: [{value: x}]\n",
        S + "  enum: [{value: x}, {value: y}]\n",
        "enum",
        "changed",
        "readers",
    ),
    (
        "enum narrowed",
        S + "  enum: [{value: x}, {value: y}]\n",
        S + "  enum: [{value: x}]\n",
        "enum",
        "changed",
        "senders",
    ),
    ("enum of others", S + "  enum: [{value: x}]\n", S + "  enum: [{value: y}]\n", "enum", "changed", "both"),
    ("enum added", S, S + "  enum: [{value: x}]\n", "enum", "added", "senders"),
    ("enum removed", S + "  enum: [{value: x}]\n", S, "enum", "removed", "readers"),
    (
        "words of an enum",
        S + "  enum: [{value: x}]\n",
        S + "  enum: [{value: x, description: X}]\n",
        "enum",
        "changed",
        "nobody",
    ),
    (
        "enum said as a check",
        S + "  enum: [{value: x}]\n",
        check("metric: invalidValues, arguments: {validValues: [x]}, mustBe: 0"),
        "enum",
        "removed",
        "nobody",
    ),
    ("pattern added", S, S + option("pattern: 'a+'"), "pattern", "added", "senders"),
    ("pattern removed", S + option("pattern: 'a+'"), S, "pattern", "removed", "readers"),
    ("pattern changed", S + option("pattern: 'a+'"), S + option("pattern: 'b+'"), "pattern", "changed", "both"),
    ("minimum up", N + option("minimum: 1"), N + option("minimum: 2"), "minimum", "changed", "senders"),
    ("minimum down", N + option("minimum: 1"), N + option("minimum: 0"), "minimum", "changed", "readers"),
    ("maximum up", N + option("maximum: 1"), N + option("maximum: 2"), "maximum", "changed", "readers"),
    ("maximum gone", N + option("maximum: 1"), N, "maximum", "removed", "readers"),
    (
        "bound excluded",
        N + option("minimum: 1"),
        N + option("exclusiveMinimum: 1"),
        "exclusiveMinimum",
        "added",
        "senders",
    ),
    ("bound spelt otherwise", N + option("minimum: 1"), N + option("minimum: 1.0"), None, None, None),
    (
        "date bound",
        D + option("minimum: '2026-01-01'"),
        D + option("minimum: '2026-02-01'"),
        "minimum",
        "changed",
        "senders",
    ),
    ("longer texts", S + option("maxLength: 3"), S + option("maxLength: 5"), "maxLength", "changed", "readers"),
    ("shorter texts", S + option("maxLength: 5"), S + option("maxLength: 3"), "maxLength", "changed", "senders"),
    (
        "multiple of a part",
        N + option("multipleOf: 6"),
        N + option("multipleOf: 3"),
        "multipleOf",
        "changed",
        "readers",
    ),
    (
        "multiple of a multiple",
        N + option("multipleOf: 3"),
        N + option("multipleOf: 6"),
        "multipleOf",
        "changed",
        "senders",
    ),
    ("multiple of another", N + option("multipleOf: 4"), N + option("multipleOf: 6"), "multipleOf", "changed", "both"),
    (
        "way of writing",
        D + option("format: dd.MM.yyyy"),
        D + option("format: MM.dd.yyyy"),
        "format",
        "changed",
        "senders",
    ),
    ("time zone", T, T + option("defaultTimezone: Europe/Berlin"), "defaultTimezone", "added", "both"),
    ("instant to wall clock", T, T + option("timezone: false"), "timezone", "added", "both"),
    ("check added", S, check("metric: nullValues, mustBe: 0"), "quality.nullValues", "added", "senders"),
    ("check removed", check("metric: nullValues, mustBe: 0"), S, "quality.nullValues", "removed", "readers"),
    (
        "check that only warns",
        S,
        check("metric: nullValues, mustBe: 0, severity: warning"),
        "quality.nullValues",
        "added",
        "nobody",
    ),
    (
        "check warns no longer, it rejects",
        check("metric: nullValues, mustBe: 0, severity: warning"),
        check("metric: nullValues, mustBe: 0, severity: error"),
        "severity",
        "changed",
        "senders",
    ),
    (
        "limit of a set tightened",
        check("metric: nullValues, mustBeLessThan: 5, unit: percent"),
        check("metric: nullValues, mustBeLessThan: 3, unit: percent"),
        "mustBeLessThan",
        "changed",
        "senders",
    ),
    (
        "limit of a set loosened",
        check("metric: nullValues, mustBeLessThan: 3, unit: percent"),
        check("metric: nullValues, mustBeLessThan: 5, unit: percent"),
        "mustBeLessThan",
        "changed",
        "readers",
    ),
    (
        "text of SQL",
        check("name: q, type: sql, query: 'SELECT 1', mustBe: 1"),
        check("name: q, type: sql, query: 'SELECT 2', mustBe: 1"),
        "query",
        "changed",
        "unclear",
    ),
    (
        "limit of SQL",
        check("name: q, type: sql, query: 'SELECT 1', mustBeGreaterThan: 1"),
        check("name: q, type: sql, query: 'SELECT 1', mustBeGreaterThan: 2"),
        "mustBeGreaterThan",
        "changed",
        "senders",
    ),
    (
        "words of a check",
        check("metric: nullValues, mustBe: 0"),
        check("metric: nullValues, mustBe: 0, description: x"),
        "description",
        "added",
        "nobody",
    ),
    (
        "reference that warns",
        S,
        S + "  relationships: [{to: bronze.x.s}]\n",
        "relationships.bronze.x.s",
        "added",
        "nobody",
    ),
    (
        "reference that rejects",
        S,
        S
        + "  relationships:\n  - to: bronze.x.s\n    customProperties: [{property: entrepot.severity, value: error}]\n",
        "relationships.bronze.x.s",
        "added",
        "senders",
    ),
    ("header added", S, S + "  physicalName: H\n", "physicalName", "added", "nobody"),
    ("header gone", S + "  physicalName: H\n", S, "physicalName", "removed", "senders"),
    (
        "severity of a column",
        S + "  required: true\n",
        S + "  required: true\n  customProperties: [{property: entrepot.severity, value: warning}]\n",
        "entrepot.severity",
        "added",
        "readers",
    ),
    (
        "class",
        S + "  classification: public\n",
        S + "  classification: restricted\n",
        "classification",
        "changed",
        "nobody",
    ),
    ("description", S, S + "  description: x\n", "description", "added", "nobody"),
    ("tags in another order", S + "  tags: [a, b]\n", S + "  tags: [b, a]\n", None, None, None),
    ("unknown key", S, S + "  ourOwn: 1\n", "ourOwn", "added", "nobody"),
]


@pytest.mark.req("F2")
@pytest.mark.parametrize(("old", "new", "path", "kind", "who"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_verdict(old: str, new: str, path: str | None, kind: str | None, who: str | None) -> None:
    """The change stands at its path, with who may stumble over it."""
    changes = compare(contract(old), contract(new)).changes
    if path is None:
        assert changes == ()
        return
    (change,) = [change for change in changes if change.path.endswith(path)]
    assert (change.kind, said(change)) == (ChangeKind(kind), who), change.judgement.reason
    assert change.judgement.reason.endswith(".")


# What it is, old tail or head, new one, the end of the path, who may stumble.
FILES = [
    ("status deprecated", HEAD, HEAD.replace("active", "deprecated"), "status", "nobody"),
    ("status retired", HEAD, HEAD.replace("active", "retired"), "status", "readers"),
    ("version", HEAD, HEAD.replace("1.0.0", "1.0.1"), "version", "nobody"),
    ("standard", HEAD, HEAD.replace("v3.2.0", "v3.1.0"), "apiVersion", "nobody"),
    ("owner", HEAD, HEAD + "team: {name: Sales}\n", "team.name", "nobody"),
    (
        "less is promised",
        HEAD + "slaProperties: [{property: latency, value: 4, unit: h}]\n",
        HEAD + "slaProperties: [{property: latency, value: 6, unit: h}]\n",
        "slaProperties.latency.value",
        "readers",
    ),
    (
        "more is promised",
        HEAD + "slaProperties: [{property: retention, value: 3, unit: y}]\n",
        HEAD + "slaProperties: [{property: retention, value: 5, unit: y}]\n",
        "slaProperties.retention.value",
        "nobody",
    ),
    (
        "a promise of unknown direction",
        HEAD + "slaProperties: [{property: generalAvailability, value: 2026-01-01}]\n",
        HEAD + "slaProperties: [{property: generalAvailability, value: 2027-01-01}]\n",
        "slaProperties.generalAvailability.value",
        "unclear",
    ),
    (
        "a promise gone",
        HEAD + "slaProperties: [{property: latency, value: 4}]\n",
        HEAD,
        "slaProperties.latency",
        "readers",
    ),
    (
        "time zone of the contract",
        HEAD,
        HEAD + "customProperties: [{property: entrepot.timeZone, value: Asia/Tokyo}]\n",
        "entrepot.timeZone",
        "both",
    ),
]


@pytest.mark.parametrize(("old", "new", "path", "who"), [row[1:] for row in FILES], ids=[row[0] for row in FILES])
def test_verdict_outside_of_the_schema(old: str, new: str, path: str, who: str) -> None:
    """What stands beside the schema is judged as well."""
    changes = compare(contract(T, head=old), contract(T, head=new)).changes
    (change,) = [change for change in changes if change.path.endswith(path)]
    assert said(change) == who, change.judgement.reason


def test_datasets_that_come_go_and_change_their_name() -> None:
    """A new dataset concerns nobody, one that is gone both; a name counts only where no physicalName stays."""
    old = contract(A)
    new = old + old.partition("schema:\n")[2].replace("sales", "stock")
    (added,) = compare(old, new).changes
    assert (added.path, added.kind, said(added)) == ("schema.stock", ChangeKind.ADDED, "nobody")
    (removed,) = compare(new, old).changes
    assert (removed.path, removed.kind, said(removed)) == ("schema.stock", ChangeKind.REMOVED, "both")
    (renamed,) = compare(old, old.replace("name: sales", "name: tills")).changes
    assert (renamed.path, renamed.old_path, renamed.kind) == ("schema.tills", "schema.sales", ChangeKind.RENAMED)
    assert said(renamed) == "nobody"
    (moved,) = compare(old, old.replace("bronze.sales", "silver.sales")).changes
    assert (moved.path, said(moved)) == ("schema.sales.physicalName", "both")


@pytest.mark.parametrize(
    ("new", "needed", "suggested", "fits"),
    [
        (contract(A).replace("1.0.0", "1.4.0"), None, None, True),
        (contract(A + "  \n").replace("1.0.0", "1.0.0") + "name: x\n", "patch", "1.0.1", False),
        (contract(A + S).replace("1.0.0", "1.0.1"), "minor", "1.1.0", False),
        (contract(A + S).replace("1.0.0", "1.1.0"), "minor", "1.1.0", True),
        (contract(S).replace("1.0.0", "1.9.0"), "major", "2.0.0", False),
        (contract(S).replace("1.0.0", "2.0.0"), "major", "2.0.0", True),
        (contract(S).replace("1.0.0", "spring"), "major", None, None),
    ],
)
def test_the_version_that_the_changes_ask_for(
    new: str, needed: str | None, suggested: str | None, fits: bool | None
) -> None:
    """Words ask for a patch, what is new for a minor, what breaks for a major version; whether the new one has it is said."""
    version = compare(contract(A), new).version
    assert (version.needed, version.suggested, version.fits) == (needed, suggested, fits)


def test_a_contract_of_another_standard_is_refused_with_what_to_do() -> None:
    """The older specification cannot be compared; the converter is named."""
    with pytest.raises(ContractErrors, match="datacontract export odcs"):
        compare("dataContractSpecification: 1.2.1\n", contract(A))


# --- public cases -----------------------------------------------------------------------------------


def compare_files(old: Path, new: Path) -> Comparison:
    return compare_contracts(read_side(read_document(old)), read_side(read_document(new)))


def golden(text: str) -> list[tuple[str, str, str, str]]:
    """Their table of details: change, path, old and new value, with wrapped lines joined."""
    rows: list[list[str]] = []
    for line in text.partition("Details")[2].splitlines():
        if not line.startswith("│") or "Old Value" in line:
            continue
        cells = [cell.strip() for cell in line.strip("│").split("│")]
        if cells[0]:
            rows.append(cells)
        else:
            rows[-1] = [f"{before} {more}".strip() for before, more in zip(rows[-1], cells, strict=True)]
    return [tuple(row) for row in rows]  # type: ignore[misc]


def find_leaf(value: object, steps: list[str]) -> object:
    """What stands inside of something added as a whole, by the names that paths use."""
    for step in steps:
        if isinstance(value, list):
            value = next(item for item in value if item["name"] == step)
        else:
            assert isinstance(value, dict)
            value = value[step]
    return value


@pytest.mark.real
@pytest.mark.req("F2")
def test_every_public_change_is_found(shared_data: Path) -> None:
    """Each line of the public change log is a change of ours, or stands inside of one that was added or removed as a whole."""
    folder = shared_data / "conformance/datacontract-cli/changelog"
    v1, v2 = (folder / f"integration/changelog_integration_v{n}.yaml" for n in (1, 2))
    changes = {change.path: change for change in compare_files(v1, v2).changes}
    rows = golden((folder / "golden_changelog_text.txt").read_text(encoding="utf-8"))
    assert len(rows) == 41
    kinds = {"Added": ChangeKind.ADDED, "Removed": ChangeKind.REMOVED, "Updated": ChangeKind.CHANGED}
    covered = set()
    for kind, path, old, new in rows:
        own = next(known for known in sorted(changes, reverse=True) if path == known or path.startswith(f"{known}."))
        change = changes[own]
        covered.add(own)
        assert change.kind is kinds[kind], path
        inside = path.removeprefix(own).strip(".").split(".") if path != own else []
        for theirs, ours in ((old, change.old), (new, change.new)):
            leaf = find_leaf(ours, inside) if ours is not None else None
            if theirs:
                assert str(leaf).split() == theirs.split(), path
    assert covered == set(changes)  # and we tell of nothing that they do not


@pytest.mark.real
def test_public_changes_that_break_are_called_breaking(shared_data: Path) -> None:
    """They only list; we say for whom: this is where we go further."""
    folder = shared_data / "conformance/datacontract-cli/changelog/integration"
    comparison = compare_files(folder / "changelog_integration_v1.yaml", folder / "changelog_integration_v2.yaml")
    assert {change.path: said(change) for change in comparison.changes if change.verdict is not Verdict.COMPATIBLE} == {
        "schema.orders.properties.order_date.logicalType": "both",
        "schema.orders.properties.total_amount.required": "senders",
        "schema.orders.properties.customer_id": "readers",
        "slaProperties.availability.value": "readers",
    }
    assert (comparison.version.needed, comparison.version.fits) == ("major", True)


@pytest.mark.real
def test_every_change_that_a_public_contract_comments_on_is_found(shared_data: Path) -> None:
    """The second public pair says in comments what was changed: each such line is a change at that line, and what was only reordered is none."""
    folder = shared_data / "conformance/datacontract-cli/changelog/unit"
    v1, v2 = (folder / f"changelog_unit_v{n}.yaml" for n in (1, 2))
    changes = compare_files(v1, v2).changes
    lines = v2.read_text(encoding="utf-8").splitlines()
    commented = {number for number, line in enumerate(lines, start=1) if re.search(r"# (changed|added)", line)}
    told = {
        change.place.line for change in changes if change.place is not None and change.kind is not ChangeKind.REMOVED
    }
    told |= {(line or 0) + 1 for line in told}  # the comment on an added column stands in its second line
    assert len(commented) == 22
    assert commented - told == set()
    paths = {change.path for change in changes}
    assert "servers.production.roles.writer" in paths
    assert not any("data-owner" in path for path in paths)


EVOLUTION = {
    (1, 2): ({"schema.cities.properties.population": "nobody"}, "minor", True),
    (2, 3): ({"schema.cities.properties.population.required": "senders"}, "major", False),
    (3, 2): ({"schema.cities.properties.population.required": "readers"}, "major", False),
    (2, 1): ({"schema.cities.properties.population": "readers"}, "major", False),
}


@pytest.mark.real
@pytest.mark.parametrize(("versions", "expected"), EVOLUTION.items(), ids=str)
def test_public_schema_evolution(
    shared_data: Path, versions: tuple[int, int], expected: tuple[dict[str, str], str, bool]
) -> None:
    """From version to version of the cities: what breaks for whom, and that version 3 should not be called 2.0.0."""
    folder = shared_data / "conformance/datacontract-cli/schema-evolution"
    paths = [folder / f"odcs-datacontract-cities-version-{number}.yaml" for number in versions]
    comparison = compare_files(*paths)
    found = {change.path: said(change) for change in comparison.changes if change.path.startswith("schema.")}
    assert (found, comparison.version.needed, comparison.version.fits) == expected


@pytest.mark.real
@pytest.mark.req("F2")
@pytest.mark.parametrize(
    "name", ["lint/valid.odcs.yaml", "odcs_v3/full-example.odcs.yaml", "quality-dimensions/datacontract.yaml"]
)
def test_a_public_contract_does_not_differ_from_itself(shared_data: Path, tmp_path: Path, name: str) -> None:
    """Neither does it when another program writes it: quotes, comments and order of keys are no change."""
    path = shared_data / "conformance/datacontract-cli" / name
    again = tmp_path / "again.yaml"
    YAML().dump(dict(reversed(YAML(typ="safe").load(path).items())), again)
    assert compare_files(path, path).changes == ()
    assert compare_files(path, again).changes == ()


# Version of the data, version of the contract, accepted and rejected rows, the rules that reject.
EVOLVED = [
    ("cities-version-1.csv", 1, 2, 0, []),
    ("cities-version-1.csv", 2, 2, 0, []),  # population is optional: null
    ("cities-version-1.csv", 3, None, None, []),  # population is required and not there: the file is refused
    ("cities-version-2.csv", 1, 2, 0, []),  # population is unknown to version 1: left out
    ("cities-version-2.csv", 2, 2, 0, []),
    ("cities-version-2.csv", 3, 1, 1, ["required:population"]),
    ("cities-version-3.csv", 2, 2, 0, []),
    ("cities-version-3.csv", 3, 0, 2, ["required:population"]),
    ("invalid/cities-version-2-invalid.csv", 2, 1, 1, ["range:population"]),
]


@pytest.mark.real
@pytest.mark.req("F2")
@pytest.mark.parametrize(("file", "version", "accepted", "rejected", "rules"), EVOLVED)
def test_public_data_under_each_version(
    shared_data: Path,
    tmp_path: Path,
    file: str,
    version: int,
    accepted: int | None,
    rejected: int | None,
    rules: list[str],
) -> None:
    """What the comparison says of the versions is what happens to the rows: compatible for senders takes them, breaking does not."""
    folder = shared_data / "conformance/datacontract-cli/schema-evolution"
    yaml = YAML()
    value = yaml.load(folder / f"odcs-datacontract-cities-version-{version}.yaml")
    value["schema"][0]["physicalName"] = "bronze.cities"
    path = tmp_path / "cities.odcs.yaml"
    yaml.dump(value, path)
    (under,) = load_contracts(path, default_time_zone="UTC").contracts
    with (folder / file).open(newline="", encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    columns = {name: [row[name] or None for row in rows] for name in rows[0]}
    lab = make_lab(tmp_path)
    if accepted is None:
        with pytest.raises(DataError, match="population"):
            lab.split(under, columns)
        return
    found = lab.split(under, columns)
    assert (len(found.accepted), len(found.rejected)) == (accepted, rejected)
    assert sorted({rule for reasons in found.reasons for rule in reasons}) == rules


OBJECT = "- name: o\n  logicalType: object\n  properties:\n  - {name: x, logicalType: string}\n"
LIST = "- name: l\n  logicalType: array\n  items:\n    logicalType: object\n    properties:\n    - {name: p, logicalType: integer}\n"
INNER = [
    ("field added", OBJECT, OBJECT + "  - {name: y, logicalType: string}\n", "o.properties.y", "added", "nobody"),
    (
        "required field added",
        OBJECT,
        OBJECT + "  - {name: y, logicalType: string, required: true}\n",
        "o.properties.y",
        "added",
        "senders",
    ),
    ("field removed", OBJECT + "  - {name: y, logicalType: string}\n", OBJECT, "o.properties.y", "removed", "readers"),
    (
        "field of another type",
        OBJECT,
        OBJECT.replace("x, logicalType: string", "x, logicalType: date"),
        "x.logicalType",
        "changed",
        "both",
    ),
    ("field required", OBJECT, OBJECT.replace("string}", "string, required: true}"), "x.required", "added", "senders"),
    (
        "words of a field",
        OBJECT,
        OBJECT.replace("string}", "string, description: d}"),
        "x.description",
        "added",
        "nobody",
    ),
    (
        "item widened",
        LIST.replace("integer}", "integer, logicalTypeOptions: {format: i32}}"),
        LIST,
        "p.logicalTypeOptions.format",
        "removed",
        "readers",
    ),
    (
        "bound of an item",
        LIST,
        LIST.replace("integer}", "integer, logicalTypeOptions: {minimum: 1}}"),
        "minimum",
        "added",
        "senders",
    ),
    (
        "object to array",
        OBJECT,
        "- {name: o, logicalType: array, items: {logicalType: string}}\n",
        "o.logicalType",
        "changed",
        "both",
    ),
]


@pytest.mark.parametrize(
    ("old", "new", "path", "kind", "who"), [row[1:] for row in INNER], ids=[row[0] for row in INNER]
)
def test_verdict_inside_of_objects_and_arrays(old: str, new: str, path: str, kind: str, who: str) -> None:
    """What stands inside of a column is judged like a column, and nothing is told twice."""
    changes = compare(contract(old), contract(new)).changes
    (change,) = [change for change in changes if change.path.endswith(path)]
    assert (change.kind, said(change)) == (ChangeKind(kind), who), change.judgement.reason
    if path != "o.logicalType":
        assert len(changes) == 1
