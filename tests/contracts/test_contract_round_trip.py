"""Contracts that are written: unchanged bytes, and files made of values that load as these values."""

from __future__ import annotations

import string
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entrepot.contracts.findings import Findings
from entrepot.contracts.load import load_contracts, write_contract
from entrepot.contracts.model import Column, Contract
from entrepot.contracts.odcs.compile import hash_contract
from entrepot.contracts.odcs.draft import render_contract
from entrepot.contracts.render import describe_contract
from entrepot.contracts.row_rules import (
    AnyRule,
    ForeignKey,
    Length,
    Matches,
    Multiple,
    OneOf,
    Range,
    Required,
    Severity,
    Unique,
)
from entrepot.contracts.types import ColumnType, Kind
from entrepot.kernel.names import Dataset

ODD = """\
# a comment, blanks at ends  \r
apiVersion: "v3.2.0"   # quoted
kind:   DataContract\r
id: x
version: '1.0.0'
unheardOf: &anchor {b: 1,   a: [1,2]}
again: *anchor
schema:
    -   name: t
        physicalName: bronze.t
        properties: [{name: a, logicalType: string, description: "Ü ☃"}]
"""


@pytest.mark.parametrize(
    "data", [ODD.encode(), b"\xef\xbb\xbf" + ODD.encode(), ODD.replace("\n", "\r\n").encode(), ODD.encode().rstrip()]
)
def test_a_contract_is_written_byte_for_byte(tmp_path: Path, data: bytes) -> None:
    """Comments, quotes, line ends, anchors, unknown keys and a byte order mark survive."""
    path = tmp_path / "in.yaml"
    path.write_bytes(data)
    loaded = load_contracts(path, default_time_zone="UTC")
    write_contract(loaded, tmp_path / "out.yaml")
    assert (tmp_path / "out.yaml").read_bytes() == data
    assert sorted(item.name for item in tmp_path.iterdir()) == ["in.yaml", "out.yaml"]
    assert loaded.contracts[0].unknown_keys == ("unheardOf", "again")


def test_writing_over_a_file_keeps_its_mode(tmp_path: Path) -> None:
    """The file that is replaced keeps who may read it."""
    path = tmp_path / "in.yaml"
    path.write_bytes(ODD.encode())
    path.chmod(0o640)
    write_contract(load_contracts(path, default_time_zone="UTC"), path)
    assert path.stat().st_mode & 0o777 == 0o640


names = st.text(string.ascii_letters, min_size=1, max_size=6)
words = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=8)
wholes = st.integers(-(2**31), 2**31 - 1)
decimals = st.decimals(min_value=0, max_value=99, places=2)
types = st.one_of(
    st.sampled_from([Kind.STRING, Kind.DOUBLE, Kind.BOOLEAN]).map(ColumnType),
    st.sampled_from([32, 64]).map(lambda bits: ColumnType(Kind.INTEGER, bits=bits)),
    st.integers(2, 38).flatmap(
        lambda p: st.integers(0, p - 2).map(lambda s: ColumnType(Kind.DECIMAL, precision=p, scale=s))
    ),
    st.builds(
        ColumnType,
        st.sampled_from([Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMP_LOCAL]),
        format=st.sampled_from([None, "%d.%m.%Y", "%Y%m%dT%H%M", "%Y-%m-%d o'clock %I %p", "%d %b %Y 100%% [x]"]),
    ),
)


@st.composite
def rules_of(draw: st.DrawFn, column: Column) -> list[AnyRule]:
    """Rules that a column of that type may have, with the ids that loading gives."""
    name = column.name
    rules: list[AnyRule] = []
    if draw(st.booleans()):
        rules.append(Required(id=f"required:{name}", column=name))
    if draw(st.booleans()):
        rules.append(Unique(id=f"unique:{name}", columns=(name,)))
    match column.type.kind:
        case Kind.STRING:
            values = draw(st.lists(words, max_size=3, unique=True))
            rules += [OneOf(id=f"one_of:{name}", column=name, values=tuple(values))] if values else []
            rules.append(Length(id=f"length:{name}", column=name, at_least=draw(st.integers(0, 5)), at_most=9))
            rules.append(
                Matches(id=f"pattern:{name}", column=name, pattern=draw(st.sampled_from(["[a-z]+", "a: b #c", "'"])))
            )
        case Kind.INTEGER:
            rules.append(Range(id=f"range:{name}", column=name, at_least=draw(wholes), below=2**40))
            rules.append(Multiple(id=f"multiple:{name}", column=name, of=Decimal(draw(st.integers(1, 9)))))
        case Kind.DECIMAL | Kind.DOUBLE:
            low = draw(decimals)
            low = int(low) if low == int(low) else low
            rules.append(Range(id=f"range:{name}", column=name, above=low, at_most=100))
        case Kind.DATE:
            rules.append(Range(id=f"range:{name}", column=name, at_least=str(draw(st.dates()))))
        case Kind.TIMESTAMP:
            rules.append(Range(id=f"range:{name}", column=name, below="2020-02-29 13:00:00+00:00"))
        case _:
            pass
    if draw(st.booleans()):
        rules = [replace(rule, severity=Severity.WARNING) for rule in rules]
    return rules


@st.composite
def contracts(draw: st.DrawFn) -> Contract:
    """A contract as loading would give it."""
    chosen = draw(st.lists(names, min_size=1, max_size=5, unique_by=str.lower))
    columns = [
        Column(
            name,
            draw(types),
            headers=tuple(f"{name} {word}" for word in draw(st.lists(words, max_size=2, unique=True))),
            description=draw(st.none() | words),
            classification=draw(st.none() | words),
        )
        for name in chosen
    ]
    key = tuple(draw(st.permutations(chosen))[: draw(st.integers(0, 2))])
    rules: list[AnyRule] = [Required(id=f"required:{name}", column=name) for name in key]
    rules += [Unique(id=f"key:{','.join(key)}", columns=key, is_key=True)] if key else []
    for column in columns:
        own = draw(rules_of(column))
        rules += [r for r in own if not (column.name in key and isinstance(r, Required | Unique))]
    if draw(st.booleans()):
        severity = draw(st.sampled_from(Severity))
        to = ForeignKey(
            id=f"foreign_key:{chosen[0]}",
            columns=(chosen[0],),
            dataset=Dataset("silver", "x"),
            to_columns=("id",),
            severity=severity,
        )
        rules.append(to)
    required = {r.column for r in rules if isinstance(r, Required) and r.severity is Severity.ERROR}
    return Contract(
        Dataset("bronze", "sales"),
        tuple(replace(column, required=column.name in required) for column in columns),
        tuple(rules),
        time_zone=draw(st.sampled_from(["UTC", "Europe/Berlin"])),
        version="1.0.0",
        description=draw(st.none() | words),
        owner=draw(st.none() | words),
    )


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(contract=contracts())
def test_a_rendered_contract_loads_as_it_was(tmp_path: Path, contract: Contract) -> None:
    """Rendering and loading give the same columns, rules, ids, severities, zone and words."""
    path = tmp_path / "rendered.odcs.yaml"
    path.write_text(render_contract(contract), encoding="utf-8")
    loaded = load_contracts(path, default_time_zone="Asia/Tokyo")
    (again,) = loaded.contracts
    assert sorted(map(repr, again.rules)) == sorted(map(repr, contract.rules))
    assert replace(again, rules=(), hash="", set_hash="") == replace(contract, rules=(), hash="")
    assert again.hash == hash_contract(again) != ""
    assert [row.column for row in describe_contract(again)] == [column.name for column in again.columns]


def test_describe_says_rules_in_words(load_properties) -> None:
    """A row of the table names type, need and rules as a person would say them."""
    (contract,) = load_properties(
        """\
        - {name: receipt, logicalType: string, primaryKey: true}
        - {name: line, logicalType: integer, primaryKey: true, logicalTypeOptions: {minimum: 1, exclusiveMaximum: 1000}}
        - name: unit
          logicalType: string
          enum: [{value: kg}, {value: lb}]
          relationships: [{to: silver.units.code}]
        - {name: sold_on, logicalType: date, logicalTypeOptions: {format: dd.MM.yyyy}}
        """
    ).contracts
    said = [(row.column, row.type, row.required, row.rules) for row in describe_contract(contract)]
    assert said == [
        ("receipt", "string", True, ("key (receipt, line)",)),
        ("line", "integer", True, ("key (receipt, line)", "at least 1, below 1000")),
        ("unit", "string", False, ("one of kg, lb", "in silver.units (code) (warning)")),
        ("sold_on", "date (%d.%m.%Y)", False, ()),
    ]


def test_findings_are_told_once() -> None:
    """The same finding at the same place counts once."""
    from entrepot.kernel.errors import Place

    found = Findings()
    found.error(Place(Path("x"), 1, 1), "a")
    found.error(Place(Path("x"), 1, 1), "a")
    assert len(found.all) == 1
