"""A contract as a contract file (ODCS 3.2), for drafts that somebody then completes."""

from __future__ import annotations

import io
import re
from decimal import Decimal
from typing import Any

from entrepot.contracts.model import Column, Contract
from entrepot.contracts.odcs.custom import HEADERS, SEVERITY, TIME_ZONE
from entrepot.contracts.render import columns_of
from entrepot.contracts.row_rules import (
    AnyRule,
    Distinct,
    ForeignKey,
    Has,
    Length,
    Matches,
    Multiple,
    NotOneOf,
    OneOf,
    Range,
    Required,
    Severity,
    Size,
    Unique,
)
from entrepot.contracts.types import ColumnType, Kind, Property

_LETTERS = {
    "%Y": "yyyy", "%m": "MM", "%b": "MMM", "%B": "MMMM", "%d": "dd", "%H": "HH", "%I": "hh", "%M": "mm", "%S": "ss",
    "%f": "SSSSSS", "%p": "a", "%a": "EEE", "%A": "EEEE", "%z": "xxx",
}  # fmt: skip


def render_contract(contract: Contract) -> str:
    """A contract file that loads as this contract, when its rule ids are those that loading gives.

    Raises: ValueError for what the standard has no place for: rules of one column that differ in severity.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.representer import RoundTripRepresenter

    class Representer(RoundTripRepresenter):
        """Writes decimals as numbers with all their digits."""

    Representer.add_representer(Decimal, _represent_decimal)
    yaml = YAML()
    yaml.Representer = Representer
    yaml.width = 120
    text = io.StringIO()
    yaml.dump(_document(contract), text)
    return text.getvalue()


def _represent_decimal(representer: Any, value: Decimal) -> Any:
    kind = "int" if value == value.to_integral_value() else "float"
    text = str(int(value)) if kind == "int" else f"{value:f}"
    return representer.represent_scalar(f"tag:yaml.org,2002:{kind}", text)


def _document(contract: Contract) -> dict[str, Any]:
    description = {"description": contract.description} if contract.description else {}
    team = {"team": {"name": contract.owner}} if contract.owner else {}
    schema = {
        "name": contract.dataset.name,
        "physicalName": str(contract.dataset),
        "physicalType": "table",
        **description,
        "properties": [_property(contract, column) for column in contract.columns],
        **_schema_rules(contract),
    }
    return {
        "apiVersion": "v3.2.0",
        "kind": "DataContract",
        "id": str(contract.dataset).replace(".", "-"),
        "version": contract.version,
        "status": "draft",
        **team,
        "customProperties": [{"property": TIME_ZONE, "value": contract.time_zone}],
        "schema": [schema],
    }


def _property(contract: Contract, column: Column) -> dict[str, Any]:
    own = [rule for rule in contract.rules if columns_of(rule) == (column.name,) and not isinstance(rule, ForeignKey)]
    key = contract.key
    judged = [rule for rule in own if not (column.name in key and (isinstance(rule, Required) or _is_key(rule)))]
    severities = {rule.severity for rule in judged}
    if len(severities) > 1:
        raise ValueError(f"{column.name} has rules of both severities, which the contract file cannot say")
    custom: list[dict[str, Any]] = []
    if column.headers:
        custom.append({"property": HEADERS, "value": list(column.headers)})
    if severities == {Severity.WARNING}:
        custom.append({"property": SEVERITY, "value": "warning"})
    options = {**_type_options(column), **{k: v for rule in own for k, v in _options(rule, column.type).items()}}
    enum = [{"value": value} for rule in own if isinstance(rule, OneOf) for value in rule.values]
    links = [
        _relationship(rule)
        for rule in contract.rules
        if isinstance(rule, ForeignKey) and rule.columns == (column.name,)
    ]
    parts: dict[str, Any] = {
        "name": column.name,
        "logicalType": _logical(column),
        "physicalType": f"decimal({column.type.precision},{column.type.scale})"
        if column.type.kind is Kind.DECIMAL
        else None,
        "logicalTypeOptions": options,
        **_holds(column.type),
        "primaryKey": column.name in key,
        "primaryKeyPosition": key.index(column.name) + 1 if column.name in key else None,
        "required": any(isinstance(rule, Required) for rule in own),
        "unique": any(isinstance(rule, Unique) and not rule.is_key for rule in own),
        "enum": enum,
        "quality": [_missing_values(rule) for rule in own if isinstance(rule, NotOneOf)],
        "description": column.description,
        "classification": column.classification,
        "relationships": links,
        "customProperties": custom,
    }
    return {name: value for name, value in parts.items() if value not in (None, False, [], {})}


def _holds(type: ColumnType) -> dict[str, Any]:
    """What stands inside of an array, object or map."""
    if type.kind is Kind.MAP and type.keys and type.items:
        return {"map": {"key": _inner(type.keys), "value": _inner(type.items)}}
    if type.items:
        return {"items": _inner(type.items)}
    return {"properties": [{"name": each.name, **_inner(each)} for each in type.properties]}


def _inner(prop: Property) -> dict[str, Any]:
    if len({rule.severity for rule in prop.rules}) > 1:
        raise ValueError(f"{prop.name or 'items'} has rules of both severities, which the contract file cannot say")
    custom: list[dict[str, Any]] = [{"property": HEADERS, "value": list(prop.headers)}] if prop.headers else []
    if prop.rules and prop.rules[0].severity is Severity.WARNING:
        custom.append({"property": SEVERITY, "value": "warning"})
    decimal = prop.type.kind is Kind.DECIMAL
    parts: dict[str, Any] = {
        "logicalType": _logical(prop),
        "physicalType": f"decimal({prop.type.precision},{prop.type.scale})" if decimal else None,
        "logicalTypeOptions": {
            **_type_options(prop),
            **{k: v for rule in prop.rules for k, v in _options(rule, prop.type).items()},
        },
        **_holds(prop.type),
        "required": any(isinstance(rule, Required) for rule in prop.rules),
        "enum": [{"value": value} for rule in prop.rules if isinstance(rule, OneOf) for value in rule.values],
        "customProperties": custom,
    }
    return {name: value for name, value in parts.items() if value not in (None, False, [], {})}


def _missing_values(rule: NotOneOf) -> dict[str, Any]:
    arguments = {"missingValues": list(rule.values)}
    return {"metric": "missingValues", "mustBe": 0, "arguments": arguments, "severity": rule.severity.value}


def _is_key(rule: AnyRule) -> bool:
    return isinstance(rule, Unique) and rule.is_key


def _logical(column: Column | Property) -> str:
    match column.type.kind:
        case Kind.DECIMAL | Kind.DOUBLE:
            return "number"
        case Kind.TIMESTAMP_LOCAL:
            return "timestamp"
    return column.type.kind.value


def _type_options(column: Column | Property) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if column.type.kind is Kind.INTEGER:
        options["format"] = f"i{column.type.bits}"
    if column.type.kind in (Kind.TIMESTAMP, Kind.TIMESTAMP_LOCAL):
        options["timezone"] = column.type.kind is Kind.TIMESTAMP
    if column.type.zone is not None:
        options["defaultTimezone"] = column.type.zone
    if column.type.format is not None:
        options["format"] = say_format(column.type.format)
    return options


def say_format(codes: str) -> str:
    """strptime codes as the standard's letters; the other way round is `formats.read_format`."""
    return "".join(_say_piece(piece) for piece in re.findall(r"%[^%]|(?:%%|[^%])+", codes))


def _say_piece(piece: str) -> str:
    if piece in _LETTERS:
        return _LETTERS[piece]
    text = piece.replace("%%", "%")
    plain = not re.search(r"[A-Za-z'\[\]{}#]", text)
    return text if plain else "'" + text.replace("'", "''") + "'"


def _options(rule: AnyRule, type: ColumnType) -> dict[str, Any]:
    match rule:
        case Size():
            unit = "Properties" if type.kind is Kind.OBJECT else "Items"
            said: dict[str, Any] = {f"min{unit}": rule.at_least, f"max{unit}": rule.at_most}
        case Distinct():
            said = {"uniqueItems": True}
        case Has():
            said = {"required": list(rule.names)}
        case Length():
            said = {"minLength": rule.at_least, "maxLength": rule.at_most}
        case Matches():
            said = {"pattern": rule.pattern}
        case Range():
            said = {"minimum": rule.at_least, "maximum": rule.at_most}
            said |= {"exclusiveMinimum": rule.above, "exclusiveMaximum": rule.below}
        case Multiple():
            said = {"multipleOf": rule.of}
        case _:
            said = {}
    return {name: value for name, value in said.items() if value is not None}


def _relationship(rule: ForeignKey) -> dict[str, Any]:
    targets = [f"{rule.dataset}.{column}" for column in rule.to_columns]
    custom = [{"property": SEVERITY, "value": "error"}] if rule.severity is Severity.ERROR else []
    return {"to": targets[0] if len(targets) == 1 else targets, **({"customProperties": custom} if custom else {})}


def _schema_rules(contract: Contract) -> dict[str, Any]:
    checks = [
        {
            "metric": "duplicateValues",
            "mustBe": 0,
            "arguments": {"properties": list(rule.columns)},
            "severity": rule.severity.value,
        }
        for rule in contract.rules
        if isinstance(rule, Unique) and not rule.is_key and len(rule.columns) > 1
    ]
    name = contract.dataset.name
    links = [
        {"from": [f"{name}.{column}" for column in rule.columns], **_relationship(rule)}
        for rule in contract.rules
        if isinstance(rule, ForeignKey) and len(rule.columns) > 1
    ]
    return {**({"quality": checks} if checks else {}), **({"relationships": links} if links else {})}
