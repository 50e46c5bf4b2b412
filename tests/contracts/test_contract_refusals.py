"""Wrong contracts: each is refused at its line, with what came and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.contracts.findings import ContractErrors
from entrepot.contracts.load import lint_contract, load_contracts
from entrepot.contracts.row_rules import Severity
from entrepot.kernel.errors import ContractError, ProjectError

STRING = "logicalType: string"
KEY = "primaryKey: true"

# What stands in the file from line 10 on, the line that is wrong, and words of the message.
WRONG = [
    # types
    ("- name: a\n  logicalType: strng", 11, "allowed is string, date, timestamp", "Did you mean string?"),
    (
        "- name: a",
        10,
        "a has no logicalType; allowed is string, integer, number, boolean, date, timestamp, time, array",
    ),
    ("- name: a\n  logicalType: time\n  logicalTypeOptions:\n    timezone: true", 13, "time of day with a zone"),
    ("- name: a\n  logicalType: time\n  logicalTypeOptions:\n    format: HH:mm xxx", 13, "time of day with a zone"),
    (
        "- name: a\n  logicalType: time\n  logicalTypeOptions:\n    format: HH:MM",
        13,
        "the month is no part of a time",
        "mm are",
    ),
    ("- name: a\n  logicalType: time\n  logicalTypeOptions:\n    format: mm:ss", 13, "the hour is missing"),
    ("- name: a\n  logicalType: time\n  logicalTypeOptions:\n    minimum: '24:00'", 13, "allowed is a time from 00:00"),
    (
        "- name: a\n  logicalType: array\n  items:\n    logicalType: object\n    properties:\n    - name: b",
        15,
        "a[].b has no logicalType",
    ),
    (
        "- name: a\n  logicalType: array\n  logicalTypeOptions:\n    minItems: 3\n    maxItems: 2",
        13,
        "minItems 3 above maxItems 2",
    ),
    (
        f"- name: a\n  logicalType: object\n  properties:\n  - name: b-c\n    {STRING}",
        13,
        "the property name a.b-c is not",
    ),
    (
        f"- name: a\n  logicalType: object\n  properties:\n  - name: b\n    {STRING}\n  - name: B\n    {STRING}",
        15,
        "the property a.B stands twice",
    ),
    (
        "- name: a\n  logicalType: object\n  properties:\n  - name: b\n    logicalType: integer\n    enum:\n    - value: x",
        16,
        "a value of a.b is 'x'; allowed is a number",
    ),
    (
        "- name: a\n  logicalType: map\n  map:\n    key: {logicalType: boolean}\n    value: {logicalType: string}",
        13,
        "the keys of a are boolean; allowed is string, integer or date",
    ),
    (
        f"- name: a\n  logicalType: object\n  {KEY}\n  properties:\n  - {{name: b, {STRING}}}",
        12,
        "a is a key and object (b string); allowed is a single value",
    ),
    (
        "- name: a\n  logicalType: array\n  enum:\n  - value: 1",
        13,
        "stands on a whole array; allowed are values of what it",
    ),
    ("- name: a\n  logicalType: number\n  physicalType: decimal", 12, "allowed is decimal(p,s)"),
    ("- name: a\n  logicalType: number\n  physicalType: decimal(40,2)", 12, "p from 1 to 38 and s from 0 to p"),
    ("- name: a\n  logicalType: number\n  physicalType: decimal(4,5)", 12, "s from 0 to p"),
    (
        "- name: a\n  logicalType: integer\n  logicalTypeOptions:\n    format: i65",
        13,
        "allowed is i8, i16",
        "Did you mean i64?",
    ),
    (
        "- name: a\n  logicalType: date\n  logicalTypeOptions:\n    format: dd.mm.yyyy",
        13,
        "the month is missing; mm are minutes, MM",
    ),
    (
        "- name: a\n  logicalType: date\n  logicalTypeOptions:\n    format: dd.MM.yy",
        13,
        "yy is not understood (two digits",
    ),
    (
        "- name: a\n  logicalType: timestamp\n  logicalTypeOptions: {timezone: true}\n  physicalType: timestamp_ntz",
        12,
        "one of the two",
    ),
    (
        "- name: a\n  logicalType: timestamp\n  logicalTypeOptions:\n    defaultTimezone: Europe/Berlon",
        13,
        "Did you mean Europe/Berlin?",
    ),
    # names
    (f"- name: a b\n  {STRING}", 10, "the column name 'a b' is not allowed; allowed are letters, digits and _"),
    (f"- name: _record_id\n  {STRING}", 10, "_record_id (a system column) begins with _"),
    (f"- name: a\n  {STRING}\n- name: A\n  {STRING}", 12, "the column A stands twice, first in line 10"),
    (
        f"- name: a\n  {STRING}\n- name: b\n  {STRING}\n  physicalName: a",
        14,
        "belongs to a and to b; allowed is one column",
    ),
    (f"- {STRING}", 10, "properties.1.name is missing"),
    # standard: kinds of values
    (
        f"- name: a\n  {STRING}\n  required: yes please",
        12,
        "required is the text 'yes please'; allowed is true or false",
    ),
    (f"- name: a\n  {STRING}\n  required: 1", 12, "is the number 1; allowed is true or false"),
    (f"- name: a\n  {STRING}\n  description:", 12, "description is empty; allowed is text"),
    (f"- name: a\n  {STRING}\n  tags: one", 12, "tags is the text 'one'; allowed is a list"),
    (
        f"- name: a\n  {STRING}\n  logicalTypeOptions:\n    minLength: -1",
        13,
        "minLength is the number -1; allowed is 0 or more",
    ),
    ("- name: a\n  logicalType: integer\n  logicalTypeOptions:\n    multipleOf: 0", 13, "allowed is more than 0"),
    # options
    (
        "- name: a\n  logicalType: integer\n  logicalTypeOptions:\n    minLength: 3",
        13,
        "no option of the logicalType integer; allowed is",
    ),
    (
        f"- name: a\n  {STRING}\n  logicalTypeOptions:\n    minimum: 3",
        13,
        "allowed is format, maxLength, minLength or pattern",
    ),
    (
        f"- name: a\n  {STRING}\n  logicalTypeOptions:\n    minLength: 3\n    maxLength: 2",
        13,
        "minLength 3 above maxLength 2",
    ),
    (
        f"- name: a\n  {STRING}\n  logicalTypeOptions:\n    pattern: 'a(?=b)'",
        13,
        "allowed is a regular expression of RE2",
    ),
    (
        "- name: a\n  logicalType: integer\n  logicalTypeOptions:\n    minimum: 3\n    maximum: 2",
        13,
        "which no value can satisfy",
    ),
    (
        "- name: a\n  logicalType: date\n  logicalTypeOptions:\n    minimum: 2020-13-01",
        13,
        "allowed is ISO 8601, for example 2026-11-21",
    ),
    (
        "- name: a\n  logicalType: date\n  logicalTypeOptions:\n    format: yyyy-dd-MM\n    minimum: '2020-01-02'",
        14,
        "which ISO 8601 and the column's own format read differently",
    ),
    (
        "- name: a\n  logicalType: timestamp\n  logicalTypeOptions:\n    timezone: false\n    maximum: '2020-01-01 00:00:00Z'",
        14,
        "allowed is a time without offset",
    ),
    (
        "- name: a\n  logicalType: timestamp\n  logicalTypeOptions:\n    defaultTimezone: Europe/Berlin\n    minimum: '2026-10-25 02:30:00'",
        14,
        "which the clocks of Europe/Berlin show twice or never",
    ),
    (
        "- name: a\n  logicalType: number\n  logicalTypeOptions:\n    multipleOf: 0.1",
        13,
        "allowed is a whole number, or a column of type",
    ),
    (
        "- name: a\n  logicalType: number\n  logicalTypeOptions:\n    maximum: .inf",
        13,
        "maximum of a is .inf; allowed is a finite",
    ),
    # lists of values
    (
        "- name: a\n  logicalType: integer\n  enum:\n  - value: 1\n  - value: two",
        14,
        "a value of a is 'two'; allowed is a number",
    ),
    (
        "- name: a\n  logicalType: number\n  physicalType: decimal(4,2)\n  enum:\n  - value: 1.005",
        14,
        "that decimal(4,2) can hold",
    ),
    ("- name: a\n  logicalType: boolean\n  enum:\n  - value: yes", 13, "allowed is true or false"),
    (f"- name: a\n  {STRING}\n  enum:\n  - x", 13, "is the text 'x'; allowed is a mapping"),
    # keys
    (
        f"- name: a\n  {STRING}\n  {KEY}\n- name: b\n  {STRING}\n  {KEY}\n  primaryKeyPosition: 1",
        10,
        "a none, b 1; allowed is a different",
    ),
    (f"- name: a\n  {STRING}\n  primaryKeyPosition: 1", 12, "but not primaryKey: true"),
    # quality
    (f"- name: a\n  {STRING}\n  quality:\n  - metric: nullValue\n    mustBe: 0", 13, "Did you mean nullValues?"),
    (
        f"- name: a\n  {STRING}\n  quality:\n  - metric: nullValues",
        13,
        "has none of them; allowed is exactly one of mustBe, mustNotBe",
    ),
    (
        f"- name: a\n  {STRING}\n  quality:\n  - metric: nullValues\n    mustBe: 0\n    mustBeLessThan: 1",
        13,
        "mustBe and mustBeLessThan",
    ),
    (
        f"- name: a\n  {STRING}\n  quality:\n  - metric: invalidValues\n    mustBe: 0",
        13,
        "allowed is arguments: with validValues or pattern",
    ),
    (
        f"- name: a\n  {STRING}\n  quality:\n  - metric: invalidValues\n    mustBe: 0\n    arguments:\n      validvalues: [x]",
        16,
        "has the argument validvalues; allowed for invalidValues is validValues or pattern. Did you mean validValues?",
    ),
    (
        f"- name: a\n  {STRING}\n  quality:\n  - metric: nullValues\n    mustBe: 0\n    severity: high",
        15,
        "allowed is error, warning or info",
    ),
    (f"- name: a\n  {STRING}\n  quality:\n  - type: sql\n    mustBe: 0", 13, "query is missing; allowed is text"),
    # relationships
    (
        f"- name: a\n  {STRING}\n  relationships:\n  - to: products",
        13,
        "allowed is object.column, layer.name.column or schema/ID",
    ),
    (
        f"- name: a\n  {STRING}\n  relationships:\n  - to: prods.id",
        13,
        "which this file does not have; allowed is sales or bronze.sales",
    ),
    (f"- name: a\n  {STRING}\n  relationships:\n  - to: sales.b", 13, "names the column b; sales has a"),
    (
        f"- name: a\n  {STRING}\n  relationships:\n  - to: sales.n\n- name: n\n  logicalType: integer",
        13,
        "allowed are columns of one type",
    ),
    (
        f"- name: a\n  {STRING}\n  relationships:\n  - to: [bronze.x.b, bronze.x.c]",
        13,
        "to names 2 columns of bronze.x; allowed are 1",
    ),
    (f"- name: a\n  {STRING}\n  relationships:\n  - to: bronze.x.b\n    from: sales.a", 13, "must not have from:"),
    (
        f"- name: a\n  {STRING}\n  relationships:\n  - to: other.yaml#/schema/x/properties/y",
        13,
        "is not supported; allowed is",
    ),
    # our own words
    (
        f"- name: a\n  {STRING}\n  customProperties:\n  - property: entrepot.header\n    value: [x]",
        13,
        "entrepot.header is not known; allowed is entrepot.headers or entrepot.severity on a property. Did you mean entrepot.headers?",
    ),
    (
        f"- name: a\n  {STRING}\n  customProperties:\n  - property: entrepot.timeZone\n    value: UTC",
        13,
        "allowed is it on a contract",
    ),
    (
        f"- name: a\n  {STRING}\n  customProperties:\n  - property: entrepot.severity\n    value: fatal",
        14,
        "allowed is error or warning",
    ),
    (
        f"- name: a\n  {STRING}\n  customProperties:\n  - property: entrepot.headers\n    value: [[x]]",
        14,
        "allowed is a list of header",
    ),
]


@pytest.mark.parametrize(("text", "line", "words"), [(case[0], case[1], case[2:]) for case in WRONG])
def test_wrong_contract(write_properties, text: str, line: int, words: tuple[str, ...]) -> None:
    """The one problem is found, at its line, and the text names what is allowed."""
    path = write_properties(text + "\n")
    with pytest.raises(ContractErrors) as caught:
        load_contracts(path, default_time_zone="UTC")
    (finding,) = caught.value.findings
    assert finding.place.line == line
    assert finding.place.column is not None
    for word in words:
        assert word in str(caught.value)
    assert str(caught.value).startswith(f"{path}:{line}:")


# Whole files, the line, and words of the message.
HEAD = "apiVersion: v3.2.0\nkind: DataContract\nid: x\nversion: 1.0.0\n"
BODY = "schema:\n- name: t\n  physicalName: bronze.t\n  properties: [{name: a, logicalType: string}]\n"
FILES = [
    ("", 1, "the file is empty"),
    ("- a\n", 1, "the file is not a mapping"),
    (f"{HEAD}schema: [\n", 6, "not one YAML document"),
    (f"{HEAD}{BODY}id: y\n", 9, "the key id stands twice, first in line 3"),
    (f"{HEAD}{BODY}---\na: 1\n", 9, "another document"),
    (f"{HEAD}\tname: x\n", 5, "not one YAML document"),
    (f"{HEAD}name: !secret x\n", 5, "the YAML tag !secret is not known"),
    (f"{HEAD}x: &a [*a]\n", 5, "contains itself"),
    ("dataContractSpecification: 1.2.1\nid: x\n", 1, "datacontract export odcs FILE --output"),
    (f"kind: DataContract\n{BODY}", 1, "apiVersion is missing; allowed is v3.0.0, v3.0.1, v3.0.2, v3.1.0 or v3.2.0"),
    (f"apiVersion: v2.2.2\n{BODY}", 1, "apiVersion is 'v2.2.2'; allowed is v3.0.0"),
    (f"apiVersion: 3.1.0\n{BODY}", 1, "Did you mean v3.1.0?"),
    (HEAD.replace("3.2", "3.1") + BODY, 1, "status is missing; ODCS v3.1.0 needs it"),
    (HEAD.replace("DataContract", "Contract") + BODY, 2, "allowed is DataContract"),
    (HEAD.replace("1.0.0", "1.0") + BODY, 4, "version is the number 1.0; allowed is text. Write it in quotes."),
    (HEAD.replace("id: x\n", "") + BODY, 1, "id is missing; allowed is text"),
    (HEAD, 1, "the contract describes no dataset"),
    (f"{HEAD}schema: []\n", 5, "the contract describes no dataset"),
    (
        HEAD + BODY.replace("bronze.t", "t_1"),
        7,
        "its physicalName is 't_1'; allowed is layer.name with layer bronze, silver or gold",
    ),
    (HEAD + BODY.replace("bronze.t", "bronze.T"), 7, "its physicalName is 'bronze.T'"),
    (HEAD + BODY.replace("  physicalName: bronze.t\n", ""), 6, "it has no physicalName"),
    (HEAD + BODY.partition("  properties")[0], 6, "t has no properties"),
    (HEAD + BODY + BODY.partition("\n")[2], 9, "the dataset bronze.t stands twice, first in line 6"),
    (
        f"{HEAD}{BODY}  customProperties: [{{property: entrepot.dataset, value: gold.t}}]\n",
        9,
        "entrepot.dataset is gold.t, but physicalName is bronze.t",
    ),
    (
        f"{HEAD}{BODY}customProperties:\n- property: entrepot.timeZone\n  value: Mars\n",
        11,
        "allowed is a name of the time zone database",
    ),
    (
        f"{HEAD}{BODY}customProperties:\n- property: entrepot.timezone\n  value: UTC\n",
        10,
        "Did you mean entrepot.timeZone?",
    ),
    (f"{HEAD}{BODY}team: Sales\n", 9, "team is the text 'Sales'; allowed is a mapping or a list"),
    (f"{HEAD}{BODY}team:\n- name: Ann\n", 10, "username is missing"),
    (f"{HEAD}{BODY}servers:\n- server: x\n  type: local\n  format: csv\n", 10, "path is missing"),
    (
        f"{HEAD}{BODY}  quality:\n  - metric: duplicateValues\n    mustBe: 0\n    arguments: {{properties: [b]}}\n",
        12,
        "names the column b; allowed is a",
    ),
    (f"{HEAD}{BODY}  relationships:\n  - from: t.a\n", 10, "to is missing"),
    (
        f"{HEAD}{BODY}  relationships:\n  - from: other.a\n    to: gold.x.a\n",
        10,
        "names the object other, which this file does not have",
    ),
]


@pytest.mark.parametrize(("text", "line", "words"), FILES)
def test_wrong_file(tmp_path: Path, text: str, line: int, words: str) -> None:
    """What is wrong with a whole file is found at its line."""
    path = tmp_path / "wrong.odcs.yaml"
    path.write_text(text)
    with pytest.raises(ContractErrors) as caught:
        load_contracts(path, default_time_zone="UTC")
    assert (line, True) in [(finding.place.line, words in str(finding)) for finding in caught.value.findings], str(
        caught.value
    )


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"id: \x00", b"id: \xe9"])
def test_bytes_that_are_no_text(tmp_path: Path, data: bytes) -> None:
    """Bytes that are not UTF-8 text are refused, not guessed."""
    path = tmp_path / "wrong.yaml"
    path.write_bytes(data)
    with pytest.raises(ContractErrors, match=r"wrong\.yaml:1"):
        load_contracts(path, default_time_zone="UTC")


def test_missing_file(tmp_path: Path) -> None:
    """A file that is not there is a contract error too, and a finding for lint."""
    with pytest.raises(ContractErrors, match="cannot be read: No such file"):
        load_contracts(tmp_path / "none.yaml", default_time_zone="UTC")
    assert [finding.severity for finding in lint_contract(tmp_path / "none.yaml")] == [Severity.ERROR]


def test_all_problems_are_told_at_once(write_properties) -> None:
    """Three wrong columns and a wrong key of the standard are four findings in the order of the file."""
    path = write_properties(
        """\
        - name: a
          logicalType: strng
        - name: b c
          logicalType: tim
          unique: perhaps
        """
    )
    with pytest.raises(ContractErrors) as caught:
        load_contracts(path, default_time_zone="UTC")
    assert [finding.place.line for finding in caught.value.findings] == [11, 12, 13, 14]
    assert str(caught.value).startswith(f"4 problems in {path}:\n  {path}:11:18 — ")
    assert isinstance(caught.value, ContractError)
    assert caught.value.place is not None
    assert caught.value.place.line == 11


def test_unknown_keys_warn_when_loading_and_fail_in_lint(write_properties) -> None:
    """A key nobody knows is kept and told: a warning in load, an error in lint, at its own place."""
    path = write_properties("- {name: a, logicalType: string}\n- name: b\n  logicalType: string\n  requird: true\n")
    loaded = load_contracts(path, default_time_zone="UTC")
    (warning,) = loaded.warnings
    (finding,) = lint_contract(path)
    assert (warning.severity, finding.severity) == (Severity.WARNING, Severity.ERROR)
    assert (warning.place.line, warning.place.column) == (13, 5)
    assert warning.hint == "Did you mean required?"
    assert loaded.contracts[0].unknown_keys == ("schema.sales.properties.b.requird",)


def test_doubtful_things_are_warnings(load_properties) -> None:
    """What can be read but may be meant otherwise is said without refusing."""
    loaded = load_properties(
        """\
        - {name: id, logicalType: integer, primaryKey: true, required: false}
        - {name: code, logicalType: string, logicalTypeOptions: {pattern: '^[A-Z]+'}}
        - {name: amount, logicalType: number, physicalType: bigint}
        """
    )
    assert [warning.place.line for warning in loaded.warnings] == [10, 11, 12]


def test_unknown_default_time_zone(write_properties) -> None:
    """The project's time zone must be one that exists."""
    with pytest.raises(ProjectError, match="the project's time zone is 'Mars'"):
        load_contracts(write_properties("- {name: a, logicalType: string}\n"), default_time_zone="Mars")
