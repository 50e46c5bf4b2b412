"""Types of columns: what the contract says and what the table stores."""

from __future__ import annotations

import pytest

from entrepot.contracts.types import ColumnType, Kind, Property

LOCAL, INSTANT = ColumnType(Kind.TIMESTAMP_LOCAL), ColumnType(Kind.TIMESTAMP)

TYPES = [
    ("logicalType: string", ColumnType(Kind.STRING)),
    ("logicalType: boolean", ColumnType(Kind.BOOLEAN)),
    ("logicalType: integer", ColumnType(Kind.INTEGER)),
    ("logicalType: integer\n  physicalType: int", ColumnType(Kind.INTEGER, bits=32)),
    ("logicalType: integer\n  physicalType: INTEGER32", ColumnType(Kind.INTEGER, bits=32)),
    ("logicalType: integer\n  physicalType: bigint", ColumnType(Kind.INTEGER)),
    ("logicalType: integer\n  logicalTypeOptions: {format: i32}", ColumnType(Kind.INTEGER, bits=32)),
    ("logicalType: integer\n  physicalType: int\n  logicalTypeOptions: {format: i64}", ColumnType(Kind.INTEGER)),
    ("logicalType: integer\n  logicalTypeOptions: {format: u32}", ColumnType(Kind.INTEGER)),
    ("logicalType: integer\n  logicalTypeOptions: {format: u16}", ColumnType(Kind.INTEGER, bits=32)),
    ("logicalType: number", ColumnType(Kind.DOUBLE)),
    ("logicalType: number\n  physicalType: double", ColumnType(Kind.DOUBLE)),
    ("logicalType: number\n  physicalType: decimal(12,3)", ColumnType(Kind.DECIMAL, precision=12, scale=3)),
    ("logicalType: number\n  physicalType: NUMERIC( 38 , 0 )", ColumnType(Kind.DECIMAL, precision=38, scale=0)),
    ("logicalType: number\n  physicalType: number(9)", ColumnType(Kind.DECIMAL, precision=9, scale=0)),
    ("logicalType: date", ColumnType(Kind.DATE)),
    ("logicalType: date\n  logicalTypeOptions: {format: dd.MM.yyyy}", ColumnType(Kind.DATE, format="%d.%m.%Y")),
    ("logicalType: timestamp", INSTANT),
    ("logicalType: timestamp\n  logicalTypeOptions: {timezone: true}", INSTANT),
    ("logicalType: timestamp\n  logicalTypeOptions: {timezone: false}", LOCAL),
    ("logicalType: timestamp\n  physicalType: timestamp", INSTANT),
    ("logicalType: timestamp\n  physicalType: timestamp without time zone", LOCAL),
    ("logicalType: timestamp\n  physicalType: TIMESTAMP(6) WITHOUT TIME ZONE", LOCAL),
    ("logicalType: timestamp\n  physicalType: timestamp_ntz", LOCAL),
    ("logicalType: integer\n  logicalTypeOptions: {format: u64}", ColumnType(Kind.DECIMAL, precision=20, scale=0)),
    ("logicalType: integer\n  logicalTypeOptions: {format: i128}", ColumnType(Kind.DECIMAL, precision=38, scale=0)),
    ("logicalType: time", ColumnType(Kind.TIME)),
    (
        "logicalType: time\n  logicalTypeOptions: {format: 'HH:mm:ss', timezone: false}",
        ColumnType(Kind.TIME, format="%H:%M:%S"),
    ),
    ("logicalType: array", ColumnType(Kind.ARRAY)),
    (
        "logicalType: array\n  items: {logicalType: integer}",
        ColumnType(Kind.ARRAY, items=Property("", ColumnType(Kind.INTEGER))),
    ),
    ("logicalType: object", ColumnType(Kind.OBJECT)),
    (
        "logicalType: object\n  properties:\n  - {name: b, physicalName: B-1, logicalType: date}",
        ColumnType(Kind.OBJECT, properties=(Property("b", ColumnType(Kind.DATE), ("B-1",)),)),
    ),
    (
        "logicalType: map\n  map: {key: {logicalType: string}, value: {logicalType: boolean}}",
        ColumnType(Kind.MAP, keys=Property("", ColumnType(Kind.STRING)), items=Property("", ColumnType(Kind.BOOLEAN))),
    ),
    (
        "logicalType: timestamp\n  logicalTypeOptions: {defaultTimezone: Asia/Tokyo}",
        ColumnType(Kind.TIMESTAMP, zone="Asia/Tokyo"),
    ),
    (
        "logicalType: timestamp\n  logicalTypeOptions: {format: 'yyyy-MM-dd HH:mm:ss'}",
        ColumnType(Kind.TIMESTAMP, format="%Y-%m-%d %H:%M:%S"),
    ),
]


@pytest.mark.parametrize(("text", "expected"), TYPES)
def test_type(load_properties, text: str, expected: ColumnType) -> None:
    """Logical type, physical type and options together give one stored type."""
    (contract,) = load_properties(f"- name: value\n  {text}\n").contracts
    assert contract.column("value").type == expected


def test_column_carries_what_the_contract_says_about_it(load_properties) -> None:
    """Description, classification, and the names that sources use: the physical name first, then our own list."""
    (contract,) = load_properties(
        """\
        - name: customer_id
          physicalName: Customer ID
          logicalType: string
          description: Who bought
          classification: restricted
          required: true
          customProperties:
          - property: entrepot.headers
            value: [Cust, Kunde, Customer ID]
        """
    ).contracts
    column = contract.column("customer_id")
    assert column.headers == ("Customer ID", "Cust", "Kunde")
    assert (column.description, column.classification, column.required) == ("Who bought", "restricted", True)


def test_contract_carries_version_owner_and_description(load_properties) -> None:
    """What people need to know about the dataset comes along."""
    loaded = load_properties(
        "- {name: a, logicalType: string}\n",
        tail="""\
        team:
          name: Sales
        description:
          purpose: What was sold
        """,
    )
    (contract,) = loaded.contracts
    assert (str(contract.dataset), contract.version) == ("bronze.sales", "1.2.0")
    assert (contract.owner, contract.description) == ("Sales", "What was sold")


def test_owner_of_the_older_team_is_the_member_with_that_role(load_properties) -> None:
    """ODCS 3.0 lists members; the one whose role is owner stands for the contract."""
    team = "team:\n- {username: ann, role: Engineer}\n- {username: bob, role: Owner}\n"
    (contract,) = load_properties("- {name: a, logicalType: string}\n", tail=team).contracts
    assert contract.owner == "bob"


@pytest.mark.parametrize(
    ("options", "contract_zone", "expected"),
    [
        ("", None, "Europe/Zurich"),
        ("", "Europe/Berlin", "Europe/Berlin"),
        ("{defaultTimezone: Asia/Tokyo}", "Europe/Berlin", "Asia/Tokyo"),
    ],
)
def test_time_zone(load_properties, options: str, contract_zone: str | None, expected: str) -> None:
    """The column's time zone wins over the contract's, the contract's over the project's."""
    own = f"customProperties:\n- property: entrepot.timeZone\n  value: {contract_zone}\n" if contract_zone else ""
    extra = f"\n  logicalTypeOptions: {options}" if options else ""
    loaded = load_properties(f"- name: at\n  logicalType: timestamp{extra}\n", zone="Europe/Zurich", tail=own)
    assert loaded.contracts[0].time_zone == expected


def test_columns_may_have_zones_of_their_own(load_properties) -> None:
    """Where two columns name different zones each keeps its own, and the dataset's stays the contract's."""
    (contract,) = load_properties(
        """\
        - {name: a, logicalType: timestamp, logicalTypeOptions: {defaultTimezone: Asia/Tokyo}}
        - {name: b, logicalType: timestamp}
        """,
        zone="Europe/Zurich",
    ).contracts
    assert contract.time_zone == "Europe/Zurich"
    assert [column.type.zone for column in contract.columns] == ["Asia/Tokyo", None]


def test_dataset_may_be_named_by_our_own_property(tmp_path) -> None:
    """Where the physical name is taken by another system, entrepot.dataset says which dataset it is."""
    from entrepot.contracts.load import load_contracts

    path = tmp_path / "c.yaml"
    path.write_text(
        "apiVersion: v3.0.2\nkind: DataContract\nid: x\nversion: 1.0.0\nstatus: active\n"
        "schema:\n- name: T\n  physicalName: ERP.T001\n"
        "  customProperties: [{property: entrepot.dataset, value: silver.companies}]\n"
        "  properties: [{name: a, logicalType: string}]\n"
    )
    (contract,) = load_contracts(path, default_time_zone="UTC").contracts
    assert str(contract.dataset) == "silver.companies"


@pytest.mark.parametrize("version", ["v3.0.0", "v3.0.1", "v3.0.2", "v3.1.0", "v3.2.0"])
def test_versions(load_properties, version: str) -> None:
    """All versions from 3.0.0 to 3.2.0 are read."""
    head = f"apiVersion: {version}\nkind: DataContract\nid: x\nversion: 1.0.0\nstatus: active\n"
    assert load_properties("- {name: a, logicalType: string}\n", head=head).contracts[0].columns[0].name == "a"
