"""Rules: what the contract promises about rows, as the rule tree that the engine renders."""

from __future__ import annotations

from decimal import Decimal

import pytest

from entrepot.contracts.row_rules import (
    AnyRule,
    ForeignKey,
    Length,
    Matches,
    Multiple,
    NotOneOf,
    OneOf,
    Range,
    Required,
    Severity,
    Unique,
)
from entrepot.kernel.names import Dataset

WARN = Severity.WARNING

RULES: list[tuple[str, tuple[AnyRule, ...]]] = [
    ("logicalType: string\n  required: true", (Required(id="required:a", column="a"),)),
    ("logicalType: string\n  unique: true", (Unique(id="unique:a", columns=("a",)),)),
    (
        "logicalType: string\n  primaryKey: true\n  unique: true\n  required: true",
        (Required(id="required:a", column="a"), Unique(id="key:a", columns=("a",), is_key=True)),
    ),
    (
        "logicalType: string\n  logicalTypeOptions: {minLength: 2, maxLength: 5, pattern: '[A-Z]+'}",
        (
            Length(id="length:a", column="a", at_least=2, at_most=5),
            Matches(id="pattern:a", column="a", pattern="[A-Z]+"),
        ),
    ),
    (
        "logicalType: integer\n  logicalTypeOptions: {minimum: 0, exclusiveMaximum: 10, multipleOf: 2}",
        (Range(id="range:a", column="a", at_least=0, below=10), Multiple(id="multiple:a", column="a", of=Decimal(2))),
    ),
    (
        "logicalType: integer\n  logicalTypeOptions: {format: u8}",
        (Range(id="format:a", column="a", at_least=0, at_most=255),),
    ),
    (
        "logicalType: number\n  physicalType: decimal(5,2)\n  logicalTypeOptions: {exclusiveMinimum: 0.10, multipleOf: 0.05}",
        (
            Range(id="range:a", column="a", above=Decimal("0.10")),
            Multiple(id="multiple:a", column="a", of=Decimal("0.05")),
        ),
    ),
    (
        "logicalType: date\n  logicalTypeOptions: {minimum: 2020-01-31, format: dd.MM.yyyy, maximum: '31.12.2030'}",
        (Range(id="range:a", column="a", at_least="2020-01-31", at_most="2030-12-31"),),
    ),
    (
        "logicalType: timestamp\n  logicalTypeOptions: {minimum: '2020-07-01 00:00:00', defaultTimezone: Europe/Berlin}",
        (Range(id="range:a", column="a", at_least="2020-06-30 22:00:00+00:00"),),
    ),
    (
        "logicalType: timestamp\n  logicalTypeOptions: {maximum: '2020-07-01T00:00:00+10:00'}",
        (Range(id="range:a", column="a", at_most="2020-06-30 14:00:00+00:00"),),
    ),
    (
        "logicalType: timestamp\n  logicalTypeOptions: {timezone: false, maximum: '2020-07-01 12:30:00.5'}",
        (Range(id="range:a", column="a", at_most="2020-07-01 12:30:00.500000"),),
    ),
    (
        "logicalType: string\n  enum: [{value: open}, {value: 01}, {value: 1.50}, {value: null}]",
        (OneOf(id="one_of:a", column="a", values=("open", "01", "1.50")),),
    ),
    (
        "logicalType: number\n  physicalType: decimal(38,2)\n  enum: [{value: 0.1}, {value: 123456789012345678901234567890123456.78}]",
        (OneOf(id="one_of:a", column="a", values=("0.10", "123456789012345678901234567890123456.78")),),
    ),
    ("logicalType: integer\n  enum: [{value: 1}, {value: 2}]", (OneOf(id="one_of:a", column="a", values=(1, 2)),)),
    (
        "logicalType: string\n  quality: [{metric: invalidValues, mustBe: 0, severity: warning, arguments: {validValues: [kg, lb]}}]",
        (OneOf(id="one_of:a", column="a", values=("kg", "lb"), severity=WARN),),
    ),
    (
        "logicalType: string\n  quality: [{id: iban, metric: invalidValues, mustBeLessThan: 1, arguments: {pattern: '[A-Z]{2}.*'}}]",
        (Matches(id="iban", column="a", pattern="[A-Z]{2}.*"),),
    ),
    (
        "logicalType: string\n  quality: [{name: there, type: library, metric: nullValues, mustBe: 0, description: Why}]",
        (Required(id="there", column="a", description="Why"),),
    ),
    (
        "logicalType: string\n  quality: [{metric: missingValues, mustBe: 0, arguments: {missingValues: [null, '']}}]",
        (Required(id="required:a", column="a"), Length(id="not_empty:a", column="a", at_least=1)),
    ),
    (
        "logicalType: integer\n  quality: [{metric: missingValues, mustBe: 0, arguments: {missingValues: [null, '', N/A]}}]",
        (Required(id="required:a", column="a"),),
    ),
    (
        "logicalType: string\n  quality: [{metric: missingValues, mustBe: 0, arguments: {missingValues: [N/A, '-', N/A]}}]",
        (NotOneOf(id="none_of:a", column="a", values=("N/A", "-")),),
    ),
    (
        "logicalType: integer\n  quality: [{metric: missingValues, mustBe: 0, arguments: {missingValues: [-999, N/A]}}]",
        (NotOneOf(id="none_of:a", column="a", values=(-999,)),),
    ),
    (
        "logicalType: string\n  quality: [{metric: duplicateValues, mustBe: 0, unit: percent}]",
        (Unique(id="unique:a", columns=("a",)),),
    ),
    (
        "logicalType: string\n  relationships: [{to: silver.products.product_id}]",
        (
            ForeignKey(
                id="foreign_key:a",
                columns=("a",),
                dataset=Dataset("silver", "products"),
                to_columns=("product_id",),
                severity=WARN,
            ),
        ),
    ),
    (
        "logicalType: string\n  relationships:\n  - to: silver.products.id\n    id: product"
        "\n    customProperties: [{property: entrepot.severity, value: error}]",
        (ForeignKey(id="product", columns=("a",), dataset=Dataset("silver", "products"), to_columns=("id",)),),
    ),
    (
        "logicalType: string\n  required: true\n  logicalTypeOptions: {maxLength: 3}"
        "\n  customProperties: [{property: entrepot.severity, value: warning}]",
        (
            Required(id="required:a", column="a", severity=WARN),
            Length(id="length:a", column="a", at_most=3, severity=WARN),
        ),
    ),
]


@pytest.mark.parametrize(("text", "expected"), RULES)
def test_rule(load_properties, text: str, expected: tuple[AnyRule, ...]) -> None:
    """Each promise of a property becomes exactly these rules, with these ids and severities."""
    (contract,) = load_properties(f"- name: a\n  {text}\n").contracts
    assert contract.rules == expected


def test_warning_does_not_make_a_column_required(load_properties) -> None:
    """A column whose absence only warns may be missing as a whole."""
    warning = "customProperties: [{property: entrepot.severity, value: warning}]"
    (contract,) = load_properties(f"- {{name: a, logicalType: string, required: true, {warning}}}\n").contracts
    assert not contract.column("a").required


def test_key_follows_its_positions(load_properties) -> None:
    """The key's order is that of primaryKeyPosition, not that of the file; all its columns are required."""
    (contract,) = load_properties(
        """\
        - {name: line, logicalType: integer, primaryKey: true, primaryKeyPosition: 2}
        - {name: receipt, logicalType: string, primaryKey: true, primaryKeyPosition: 1, required: true}
        """
    ).contracts
    assert contract.key == ("receipt", "line")
    assert [rule.id for rule in contract.rules] == ["required:line", "required:receipt", "key:receipt,line"]
    assert all(column.required for column in contract.columns)


def test_key_without_positions_keeps_the_order_of_the_file(load_properties) -> None:
    """primaryKeyPosition -1 is the standard's default and says nothing."""
    (contract,) = load_properties(
        """\
        - {name: line, logicalType: integer, primaryKey: true, primaryKeyPosition: -1}
        - {name: receipt, logicalType: string, primaryKey: true}
        """
    ).contracts
    assert contract.key == ("line", "receipt")


def test_same_judgement_stands_once(load_properties) -> None:
    """required: and a nullValues check are one rule: the stricter severity and the contract's own id win."""
    (contract,) = load_properties(
        """\
        - name: a
          logicalType: string
          required: true
          customProperties: [{property: entrepot.severity, value: warning}]
          quality: [{id: must, metric: nullValues, mustBe: 0, severity: error}]
        """
    ).contracts
    assert contract.rules == (Required(id="must", column="a"),)


def test_ids_are_unique(load_properties) -> None:
    """Two checks of one name and two ranges of values get ids that differ, always the same ones."""
    check = "{name: valid, metric: invalidValues, mustBe: 0, arguments: {validValues: [%s]}}"
    text = f"- name: a\n  logicalType: string\n  quality: [{check % 'x'}, {check % 'y'}, {check % 'z'}]\n"
    text += f"- name: b\n  logicalType: string\n  enum: [{{value: q}}]\n  quality: [{check % 'x'}]\n"
    ids = [rule.id for rule in load_properties(text).contracts[0].rules]
    assert ids == ["valid", "valid:one_of:a", "valid:2", "one_of:b", "valid:one_of:b"]


def test_relationships_inside_one_file(load_properties) -> None:
    """Object names, dataset names and ids of the same file are resolved; composite keys stay in order."""
    loaded = load_properties(
        """\
        - {name: receipt, logicalType: string}
        - {name: line, logicalType: integer, relationships: [{to: schema/prod/properties/number}]}
        """,
        tail="""\
          relationships:
          - from: [sales.line, sales.receipt]
            to: [products.number, bronze.products.code]
        - name: products
          id: prod
          physicalName: bronze.products
          properties:
          - {name: number, id: number, logicalType: integer}
          - {name: code, logicalType: string}
        """,
    )
    sales, products = loaded.contracts
    assert sales.references == (products.dataset,)
    assert [(rule.id, rule.columns, rule.to_columns) for rule in sales.rules if isinstance(rule, ForeignKey)] == [
        ("foreign_key:line", ("line",), ("number",)),
        ("foreign_key:line,receipt", ("line", "receipt"), ("number", "code")),
    ]


def test_duplicates_over_several_columns(load_properties) -> None:
    """A schema-level duplicateValues check makes its columns unique together."""
    loaded = load_properties(
        "- {name: a, logicalType: string}\n- {name: b, logicalType: string}\n",
        tail="  quality: [{metric: duplicateValues, mustBe: 0, arguments: {properties: [b, a]}}]\ntags: []\n",
    )
    assert loaded.contracts[0].rules == (Unique(id="unique:b,a", columns=("b", "a")),)


def test_older_words_for_metrics(load_properties) -> None:
    """ODCS 3.0 says rule: and other names; they mean the same."""
    loaded = load_properties(
        "- {name: a, logicalType: string, quality: [{rule: duplicateCount, mustBe: 0}, {type: library, rule: nullValues, mustBe: 0}]}\n",
        head="apiVersion: v3.0.2\nkind: DataContract\nid: x\nversion: 1.0.0\nstatus: active\n",
    )
    assert loaded.contracts[0].rules == (Unique(id="unique:a", columns=("a",)), Required(id="required:a", column="a"))
    assert loaded.warnings == ()


DEFERRED = [
    ("{type: text, description: Checked by hand}", "text:a", "for people"),
    ("{type: custom, engine: soda, implementation: checks}", "custom:a", "run by soda"),
]


@pytest.mark.parametrize(("check", "id", "why"), DEFERRED)
def test_checks_that_are_not_ours_are_kept_aside(load_properties, check: str, id: str, why: str) -> None:
    """Texts and other engines' checks judge nothing, and are listed with their place and the reason."""
    loaded = load_properties(f"- name: a\n  logicalType: string\n  quality:\n  - {check}\n")
    (deferred,) = loaded.deferred_rules
    assert loaded.contracts[0].rules == () == loaded.contracts[0].set_rules
    assert (deferred.id, deferred.place.line, str(deferred.dataset)) == (id, 13, "bronze.sales")
    assert why in deferred.why


@pytest.mark.parametrize("form", ["password", "binary", "iban"])
def test_a_format_that_says_nothing_of_the_text_is_kept_aside(load_properties, form: str) -> None:
    """It judges no row; that is said, not hidden."""
    loaded = load_properties(f"- {{name: a, logicalType: string, logicalTypeOptions: {{format: {form}}}}}\n")
    assert [rule.id for rule in loaded.deferred_rules] == ["format:a"]


def test_hash_follows_what_judges_rows(load_properties) -> None:
    """A rule, a type, a header or the time zone change the hash; descriptions, owner and version don't."""
    base = "- {name: a, logicalType: string, required: true%s}\n"
    head = "apiVersion: v3.2.0\nkind: DataContract\nid: x\nversion: %s\n"

    def of(extra: str = "", version: str = "1.0.0", zone: str = "UTC") -> str:
        return load_properties(base % extra, head=head % version, zone=zone).contracts[0].hash

    assert of() == of(", description: Words") == of(version="2.0.0") == of(", classification: secret")
    others = [
        of(", physicalName: A1"),
        of(", unique: true"),
        of(", logicalTypeOptions: {maxLength: 3}"),
        of(", customProperties: [{property: entrepot.severity, value: warning}]"),
        of(zone="Europe/Berlin"),
    ]
    assert len({of(), *others}) == 6


def test_foreign_keys_between_files(load_properties, tmp_path) -> None:
    """Over all files of a project, a reference to a missing column or to another type is found."""
    from entrepot.contracts.load import check_references, load_contracts

    path = tmp_path / "products.yaml"
    path.write_text(
        "apiVersion: v3.2.0\nkind: DataContract\nid: p\nversion: 1.0.0\nschema:\n- name: p\n  physicalName: silver.products\n"
        "  properties: [{name: id, logicalType: integer}]\n"
    )
    products = load_contracts(path, default_time_zone="UTC")
    sales = load_properties(
        """\
        - {name: a, logicalType: string, relationships: [{to: silver.products.id}]}
        - {name: b, logicalType: integer, relationships: [{to: silver.products.id}, {to: silver.unknown.id}]}
        - {name: c, logicalType: integer, relationships: [{to: silver.products.code}]}
        """
    )
    messages = [finding.message for finding in check_references([sales, products])]
    assert len(messages) == 2
    assert "a, which is string, though silver.products.id is integer" in messages[0]
    assert "the column code of silver.products; allowed is id" in messages[1]
