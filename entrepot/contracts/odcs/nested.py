"""Types that hold others: arrays, objects, maps and vectors, and the paths under which what is in them is known.

A path is `lines[].price`: the property price of the items of lines; `prices{}` are the values of a map, `prices{key}` its keys.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from entrepot.contracts.findings import Findings, say_allowed
from entrepot.contracts.model import Column
from entrepot.contracts.odcs.custom import read_headers
from entrepot.contracts.odcs.document import Section
from entrepot.contracts.row_rules import AnyRule
from entrepot.contracts.types import ColumnType, Kind, Property

_NAME = re.compile(r"[^\W\d]\w*")
_KEY_KINDS = (Kind.STRING, Kind.INTEGER, Kind.DATE)
_FLOATS = ("bfloat16", "float16", "float32", "float64")

ReadType = Callable[[Section, str], ColumnType | None]
"""Reads the type of an inner section under its path; None when it is wrong, which is then reported."""


def items_path(path: str) -> str:
    """The path of an array's items."""
    return f"{path}[]"


def values_path(path: str) -> str:
    """The path of a map's values."""
    return f"{path}{{}}"


def keys_path(path: str) -> str:
    """The path of a map's keys."""
    return f"{path}{{key}}"


def read_array(prop: Section, label: str, read: ReadType) -> ColumnType | None:
    """An array of what `items` says; of anything when it says nothing."""
    if "items" not in prop.entries:
        return ColumnType(Kind.ARRAY)
    inner = read(prop.section("items"), items_path(label))
    return inner and ColumnType(Kind.ARRAY, items=Property("", inner))


def read_object(prop: Section, label: str, read: ReadType, found: Findings) -> ColumnType | None:
    """An object with the properties that are said; with any when none is."""
    inner: list[Property] = []
    is_whole = True
    for item in prop.sections("properties"):
        name = item.text("name")
        if name is None:
            is_whole = False
            continue
        path = f"{label}.{name}"
        _check_name(name, path, inner, item, found)
        column_type = read(item, path)
        if column_type is None:
            is_whole = False
            continue
        headers = [header for header in (item.text("physicalName"), *read_headers(item, found)) if header]
        inner.append(Property(name, column_type, tuple(dict.fromkeys(h for h in headers if h != name))))
    _check_headers(label, inner, prop, found)
    return ColumnType(Kind.OBJECT, properties=tuple(inner)) if is_whole else None


def _check_name(name: str, path: str, before: Sequence[Property], item: Section, found: Findings) -> None:
    place = item.place_of("name")
    if not _NAME.fullmatch(name):
        found.error(
            place,
            f"the property name {path} is not allowed; allowed are letters, digits and _, no digit first.",
            "Name it as you will write it in SQL; put the source's key into physicalName or entrepot.headers.",
        )
    if name.lower() in {other.name.lower() for other in before}:
        found.error(place, f"the property {path} stands twice; allowed is each name once, capital or small.")


def _check_headers(label: str, inner: Sequence[Property], prop: Section, found: Findings) -> None:
    owners = {item.name: item.name for item in inner}
    for item in inner:
        for header in item.headers:
            owner = owners.setdefault(header, item.name)
            if owner != item.name:
                text = f"the key {header!r} of {label} belongs to {owner} and to {item.name}; allowed is one of them."
                found.error(prop.place_of("properties"), text)


def read_map(prop: Section, label: str, read: ReadType, found: Findings) -> ColumnType | None:
    """A map, which says what its keys and values are."""
    said = prop.section("map")
    keys, values = read(said.section("key"), keys_path(label)), read(said.section("value"), values_path(label))
    if keys is None or values is None:
        return None
    if keys.kind not in _KEY_KINDS:
        text = f"the keys of {label} are {keys.kind}; allowed is {say_allowed(_KEY_KINDS)}."
        found.error(said.section("key").place_of("logicalType"), text)
        return None
    return ColumnType(Kind.MAP, keys=Property("", keys), items=Property("", values))


def read_vector(prop: Section) -> ColumnType:
    """A vector is an array of numbers; its dimensions become a rule."""
    element = vector_element(prop)
    if element in _FLOATS:
        inner = ColumnType(Kind.DOUBLE, bits=64 if element == "float64" else 32)
    else:
        inner = ColumnType(Kind.INTEGER, bits=32)
    return ColumnType(Kind.ARRAY, items=Property("", inner))


def vector_element(prop: Section) -> str:
    """The type of a vector's elements, as the standard names it."""
    return prop.section("logicalTypeOptions").text("elementType") or "float32"


def inner_sections(prop: Section, path: str, column_type: ColumnType) -> Iterator[tuple[str, Section, ColumnType]]:
    """What stands directly in a property of this type: path, section and type of each."""
    if prop.text("logicalType") == "vector":
        return
    if column_type.kind is Kind.OBJECT:
        types = {inner.name: inner.type for inner in column_type.properties}
        for item in prop.sections("properties"):
            name = item.text("name")
            if name in types:
                yield f"{path}.{name}", item, types[name]
    elif column_type.kind is Kind.ARRAY and column_type.items:
        yield items_path(path), prop.section("items"), column_type.items.type
    elif column_type.kind is Kind.MAP and column_type.items and column_type.keys:
        yield keys_path(path), prop.section("map").section("key"), column_type.keys.type
        yield values_path(path), prop.section("map").section("value"), column_type.items.type


def nest_rules(columns: Sequence[Column], rules: Sequence[AnyRule]) -> tuple[tuple[Column, ...], tuple[AnyRule, ...]]:
    """Columns that carry the rules on what is in them, and the rules that are left."""
    names = {column.name for column in columns}
    by_path: dict[str, list[AnyRule]] = {}
    left: list[AnyRule] = []
    for rule in rules:
        path = getattr(rule, "column", None)
        if isinstance(path, str) and path not in names and re.split(r"[.\[{]", path)[0] in names:
            by_path.setdefault(path, []).append(rule)
        else:
            left.append(rule)
    return tuple(replace(c, type=_nest(c.type, c.name, by_path)) for c in columns), tuple(left)


def _nest(column_type: ColumnType, path: str, by_path: Mapping[str, Sequence[AnyRule]]) -> ColumnType:
    def fill(inner: Property, at: str) -> Property:
        return replace(inner, type=_nest(inner.type, at, by_path), rules=tuple(by_path.get(at, ())))

    if not by_path:
        return column_type
    over_items = items_path if column_type.kind is Kind.ARRAY else values_path
    return replace(
        column_type,
        items=column_type.items and fill(column_type.items, over_items(path)),
        keys=column_type.keys and fill(column_type.keys, keys_path(path)),
        properties=tuple(fill(inner, f"{path}.{inner.name}") for inner in column_type.properties),
    )
