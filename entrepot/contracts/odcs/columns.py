"""A dataset's columns while it is compiled: names, types, keys, and what each is called in sources."""

from __future__ import annotations

import re
from dataclasses import dataclass

from entrepot.contracts.findings import Findings
from entrepot.contracts.model import Column
from entrepot.contracts.odcs.custom import HEADERS, read_headers, read_severity
from entrepot.contracts.odcs.document import Section
from entrepot.contracts.odcs.types import read_type
from entrepot.contracts.row_rules import Severity
from entrepot.contracts.types import ColumnType
from entrepot.kernel.rows import SYSTEM_COLUMNS

_NAME = re.compile(r"[^\W\d_]\w*")


@dataclass(frozen=True, slots=True)
class Draft:
    """One column before its rules are known. `type` is None when the contract says it wrongly."""

    name: str
    type: ColumnType | None
    section: Section
    severity: Severity
    headers: tuple[str, ...]
    is_key: bool

    def compile(self, *, required: bool) -> Column | None:
        """The finished column, None without type."""
        if self.type is None:
            return None
        return Column(
            name=self.name,
            type=self.type,
            required=required,
            headers=self.headers,
            description=self.section.text("description"),
            classification=self.section.text("classification"),
        )


def read_columns(label: str, schema_object: Section, found: Findings) -> tuple[Draft, ...]:
    """The columns of a schema object, in its order; doubtful names are reported.

    Args: label: the object's name, for messages.
    """
    drafts = [draft for item in schema_object.sections("properties") if (draft := _read(item, found))]
    if not schema_object.items("properties"):
        place = schema_object.place_of("properties")
        found.error(place, f"{label} has no properties; allowed is a list of one column or more.")
    _check_names(drafts, found)
    _check_headers(drafts, found)
    return tuple(drafts)


def key_columns(drafts: tuple[Draft, ...], found: Findings) -> tuple[str, ...]:
    """The columns of the primary key: by primaryKeyPosition, or in the order of the file when none has one."""
    for draft in drafts:
        position = draft.section.whole("primaryKeyPosition")
        if position is not None and position > 0 and not draft.is_key:
            place = draft.section.place_of("primaryKeyPosition")
            found.error(
                place, f"{draft.name} has a primaryKeyPosition, but not primaryKey: true; allowed is both or none."
            )
    keys = [draft for draft in drafts if draft.is_key]
    positions = {draft.name: _position(draft) for draft in keys}
    given = [position for position in positions.values() if position is not None]
    if given and (len(given) < len(keys) or len(set(given)) < len(given)):
        said = ", ".join(f"{name} {'none' if position is None else position}" for name, position in positions.items())
        text = f"the primary key has the positions {said}; allowed is a different one from 1 for each of its columns, or none at all."
        found.error(keys[0].section.place_of("primaryKeyPosition"), text)
        return tuple(positions)
    return tuple(sorted(positions, key=lambda name: positions[name] or 0))


def _position(draft: Draft) -> int | None:
    position = draft.section.whole("primaryKeyPosition")
    return position if position is not None and position > 0 else None


def _read(prop: Section, found: Findings) -> Draft | None:
    name = prop.text("name")
    if name is None:
        return None
    is_key = prop.flag("primaryKey") is True
    severity = read_severity(prop, Severity.ERROR, found)
    headers = [header for header in (prop.text("physicalName"), *read_headers(prop, found)) if header]
    if prop.text("semanticType") == "measure":
        found.error(
            prop.place_of("semanticType"),
            f"{name} is a measure, which no row holds; allowed is semanticType column or dimension.",
            "Write a measure as a KPI, in kpis/.",
        )
    return Draft(
        name=name,
        type=read_type(prop, name, found),
        section=prop,
        severity=severity,
        headers=tuple(dict.fromkeys(header for header in headers if header != name)),
        is_key=is_key,
    )


def _check_names(drafts: list[Draft], found: Findings) -> None:
    seen: dict[str, Draft] = {}
    for draft in drafts:
        place = draft.section.place_of("name")
        if draft.name.startswith("_"):
            own = " (a system column)" if draft.name in SYSTEM_COLUMNS else ""
            found.error(
                place, f"the column name {draft.name}{own} begins with _; allowed is a letter first, _ is the system's."
            )
        elif not _NAME.fullmatch(draft.name):
            found.error(
                place,
                f"the column name {draft.name!r} is not allowed; allowed are letters, digits and _, a letter first.",
                f"Name it as you will write it in SQL; put the source's name into physicalName or {HEADERS}.",
            )
        other = seen.setdefault(draft.name.lower(), draft)
        if other is not draft:
            line = other.section.place_of("name").line
            text = f"the column {draft.name} stands twice, first in line {line}; allowed is each name once, capital or small."
            found.error(place, text)


def _check_headers(drafts: list[Draft], found: Findings) -> None:
    owners: dict[str, str] = {draft.name: draft.name for draft in drafts}
    for draft in drafts:
        for header in draft.headers:
            owner = owners.setdefault(header, draft.name)
            if owner != draft.name:
                place = draft.section.place_of("physicalName")
                text = f"the header {header!r} belongs to {owner} and to {draft.name}; allowed is one column for each header."
                found.error(place, text)
