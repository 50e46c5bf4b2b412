"""From counts to a draft: types, keys, enumerations, ranges and likely personal data, each with the reason."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from entrepot.contracts.infer.forms import FORMS, LEADING_ZERO, MARKS, NUMBER_COMMA, WALL_CLOCK, Form
from entrepot.contracts.infer.personal import find_personal
from entrepot.contracts.infer.profile import ColumnProfile, TableProfile
from entrepot.contracts.model import Column, Contract
from entrepot.contracts.row_rules import AnyRule, OneOf, Required, Severity, Unique
from entrepot.contracts.types import ColumnType, Kind
from entrepot.kernel.names import Dataset

_STRING = ColumnType(Kind.STRING)
_FEW = 12
"""Distinct values that may be an enumeration."""
_ROWS_FOR_ENUM = 50
_ROWS_FOR_KEY = 10
_ENUM_SHARE = 0.1
"""Distinct values per value, at most: others are simply few rows."""
_KEY_NAME = re.compile(r"(.*_)?(id|key|code|number|no|nr|uuid|sku|ean|gtin)")
_KEY_KINDS = (Kind.STRING, Kind.INTEGER, Kind.DATE, Kind.TIMESTAMP)
_VALUE = r"[-+]?[0-9][0-9.,: /-]*"
"""A header that is a number or a date."""
_MOST_PLACES = 9
"""Decimal places that people write; more are a computer's."""
_TWO_WAYS = (("date_dmy", "date_mdy"), ("instant_dmy", "instant_mdy"))


@dataclass(frozen=True, slots=True)
class Inferred:
    """A draft, and what should be known about it."""

    contract: Contract
    remarks: Mapping[str, tuple[str, ...]]
    """Column → sentences for the person who completes the draft."""
    notes: tuple[str, ...] = ()
    """The same about the table as a whole."""


def infer_contract(profile: TableProfile, dataset: Dataset, time_zone: str) -> Inferred:
    """Draft a contract. Doubt becomes a remark, never a silent choice."""
    drafts = [_Draft(column, name, time_zone) for column, name in zip(profile.columns, _names(profile), strict=True)]
    key, notes = _choose_key(profile, drafts)
    rules: list[AnyRule] = []
    for draft in drafts:
        rules += draft.rules(profile)
    if key:
        rules += [Unique(id="primary_key", columns=key, is_key=True)]
        rules += [
            Required(id=f"required:{name}", column=name)
            for name in key
            if f"required:{name}" not in {r.id for r in rules}
        ]
    strange = [column.name for column in profile.columns if re.fullmatch(_VALUE, column.name)]
    if len(strange) * 2 >= len(profile.columns) and strange:
        notes.append(
            f"the header looks like a row of values ({', '.join(strange[:3])}): say where the header is in the source's options"
        )
    if profile.faulty:
        notes.append(
            f"{profile.faulty:,} rows cannot be read as they are (cells with errors, broken records): they will be rejected"
        )
    if profile.is_sample:
        notes.append(f"only the first {profile.rows:,} rows were looked at")
    columns = tuple(draft.column for draft in drafts)
    contract = Contract(dataset, columns, tuple(rules), time_zone)
    return Inferred(contract, {draft.name: tuple(draft.remarks) for draft in drafts}, tuple(notes))


class _Draft:
    """One column while it is decided."""

    def __init__(self, profile: ColumnProfile, name: str, time_zone: str) -> None:
        self.profile = profile
        self.name = name
        self._zone = time_zone
        self.remarks: list[str] = [_figures(profile)]
        self._distinct = profile.distinct
        self.type = self._keep_type(profile.type) if profile.type else self._choose_type()
        reason = find_personal(profile, name)
        if reason:
            self.remarks.append(f"likely personal data: {reason}")
        self.column = Column(
            name,
            self.type,
            required=self.is_full,
            headers=() if name == profile.name else (profile.name,),
            classification="personal" if reason else None,
        )

    @property
    def is_full(self) -> bool:
        """True when every row has a value."""
        return self.profile.values > 0 and self.profile.nulls == 0 and self.profile.blanks == 0

    @property
    def is_unique(self) -> bool:
        """True when the column could be a key by itself."""
        full = self.is_full and self.type.kind in _KEY_KINDS
        return full and self._distinct == self.profile.values

    def rules(self, table: TableProfile) -> list[AnyRule]:
        """Rules that the data speak for."""
        found: list[AnyRule] = []
        if self.is_full:
            found.append(Required(id=f"required:{self.name}", column=self.name))
        few = 1 < len(self.profile.listed) <= _FEW and self.type.kind is Kind.STRING
        if few and table.rows >= _ROWS_FOR_ENUM and self.profile.distinct / self.profile.values <= _ENUM_SHARE:
            self.remarks.append("few values: the list is a guess, so that others are only warned of")
            values = tuple(sorted(self.profile.listed))
            if not self.is_full:  # a severity stands for all rules of a column
                found.append(
                    OneOf(id=f"one_of:{self.name}", column=self.name, values=values, severity=Severity.WARNING)
                )
            else:
                self.remarks[-1] = f"few values; to allow no others add enum: {', '.join(values)}"
        return found

    def _keep_type(self, stated: ColumnType) -> ColumnType:
        """The source's own type, unless it holds values that tables cannot."""
        count = self.profile.misfits
        if not count:
            return stated
        self.remarks.append(
            f"{count:,} of {self.profile.values:,} values are no {stated} that a table can hold (finer than microseconds, or a year "
            f"outside of 1 to 9999): kept as text; as {stated} their rows would be rejected, unless the source rounds them"
        )
        return _STRING

    def _choose_type(self) -> ColumnType:
        profile = self.profile
        if not profile.values:
            self.remarks.append("no value at all: its type is a guess")
            return _STRING
        fitting = profile.fitting()
        names = {form.name for form in fitting}
        if profile.forms.get(LEADING_ZERO.name, 0):
            self.remarks.append("text, since leading zeros would be lost in numbers")
            return _STRING
        for first, second in _TWO_WAYS:
            if {first, second} <= names:
                self.remarks.append(
                    "could be day/month or month/day: say which with logicalType: date and logicalTypeOptions: format: dd/MM/yyyy or MM/dd/yyyy"
                )
                return _STRING
        if not fitting:
            return self._explain_text()
        return self._narrow(_prefer(fitting))

    def _narrow(self, form: Form) -> ColumnType:
        self._distinct = self.profile.distinct_as.get(form.name, self.profile.distinct)
        if self.profile.unclear.get(form.name, 0):
            return self._on_wall_clock(form)
        if form.codes or form.name not in ("integer", "number"):
            if form.said:
                self.remarks.append(form.said)
            if form.codes and form.type.kind is Kind.TIMESTAMP:
                self.remarks.append(f"without a zone: read in {self._zone}")
            return form.type
        if form.name == "integer":
            return form.type
        if self.profile.scale > _MOST_PLACES:
            self.remarks.append(
                f"up to {self.profile.scale} decimal places: likely computed; "
                "for money write physicalType: decimal(18,2) and have its sender round it"
            )
            return ColumnType(Kind.DOUBLE)
        precision = min(38, max(18, self.profile.digits + self.profile.scale))
        return ColumnType(Kind.DECIMAL, precision=precision, scale=self.profile.scale)

    def _on_wall_clock(self, form: Form) -> ColumnType:
        """What becomes of times of which some name no instant in the contract's zone."""
        self._distinct = self.profile.distinct
        count = self.profile.unclear[form.name]
        said = (
            f"{count:,} of {self.profile.values:,} values are times that the clocks of {self._zone} skip or show twice"
        )
        zoned = form.codes is None and self.profile.forms.get(WALL_CLOCK, 0) != self.profile.values
        if zoned:
            self.remarks.append(
                f"{said}, and others have an offset: kept as text; as a timestamp these would be rejected"
            )
            return _STRING
        self.remarks.append(
            f"{said}: kept as times on a wall clock (timezone: false). With timezone: true, and defaultTimezone where another zone is "
            "meant, they become instants; those that are skipped or shown twice are then rejected"
        )
        self._distinct = self.profile.distinct_as.get(WALL_CLOCK, 0) if form.codes is None else self._distinct
        return replace(form.type, kind=Kind.TIMESTAMP_LOCAL)

    def _explain_text(self) -> ColumnType:
        profile = self.profile
        if profile.has(NUMBER_COMMA):
            self.remarks.append(
                "numbers with a decimal comma: make it a number, and say decimal: ',' in the source's options"
            )
            return _STRING
        near = max(FORMS, key=lambda form: profile.forms.get(form.name, 0))
        count = profile.forms.get(near.name, 0)
        if count / profile.values >= 0.9:
            self.remarks.append(
                f"{count:,} of {profile.values:,} values are {near.said}: with that type the other {profile.values - count:,} would be rejected"
            )
        for form in MARKS:
            if form.said and profile.has(form) and form.name in ("uuid", "json", "email"):
                self.remarks.append(form.said)
        return _STRING


def _prefer(fitting: list[Form]) -> Form:
    """Dates before whole numbers for 20261231; else the narrowest."""
    return next((form for form in fitting if form.name == "date_compact"), fitting[0])


def _figures(profile: ColumnProfile) -> str:
    said = f"{profile.values:,} values, {profile.distinct:,} distinct"
    missing = profile.nulls + profile.blanks
    said += f", {missing:,} missing" if missing else ", none missing"
    if profile.smallest is not None and profile.smallest != profile.largest:
        said += f", from {profile.smallest} to {profile.largest}"
    return said


def _choose_key(profile: TableProfile, drafts: list[_Draft]) -> tuple[tuple[str, ...], list[str]]:
    unique = [draft.name for draft in drafts if draft.is_unique]
    if profile.rows < _ROWS_FOR_KEY:
        return (), [f"{profile.rows:,} rows are too few to tell a key"]
    named = [name for name in unique if _KEY_NAME.fullmatch(name)]
    if named or len(unique) == 1:
        chosen = (named or unique)[0]
        others = [name for name in unique if name != chosen]
        return (chosen,), [f"also unique: {', '.join(others)}"] if others else []
    if unique:
        return (), [f"no key was chosen; unique are: {', '.join(unique)}"]
    by_header = {draft.profile.name: draft.name for draft in drafts}
    pairs = [" + ".join(by_header[name] for name in pair) for pair in profile.pairs]
    return (), [
        f"no column is unique; together are: {', '.join(pairs)}" if pairs else "no column is unique, and no two are"
    ]


def _names(profile: TableProfile) -> list[str]:
    """Headers in snake case, each once."""
    found: list[str] = []
    for number, column in enumerate(profile.columns, 1):
        base = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", column.name)
        base = re.sub(r"\W+", "_", base).strip("_").lower() or f"column_{number}"
        base = f"c_{base}" if base[0].isdigit() else base
        name, count = base, 2
        while name in found:
            name, count = f"{base}_{count}", count + 1
        found.append(name)
    return found
