"""The one SELECT that types and judges the rows of a source.

Level by level: the source's columns, the steps of typing, one verdict per row, the output. Accepted rows are written by a first statement;
only when some are missing a second one gathers their reasons, over those rows alone. A rejected row then carries everything that its
quarantine row needs in one JSON text, `REJECT`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from entrepot.adapters.embedded.casts import Steps, sql_type, step, trimmed
from entrepot.adapters.embedded.conversions import ABSENT, BOUNDED, cast_column, family, shown
from entrepot.adapters.embedded.fault_words import expected_sql
from entrepot.adapters.embedded.nested.functions import NestedFunctions, is_nested
from entrepot.adapters.embedded.quoting import ident, literal
from entrepot.adapters.embedded.references import Reference
from entrepot.adapters.embedded.rules import Judgement, Rendering, render_rules
from entrepot.adapters.embedded.sources import Source
from entrepot.adapters.embedded.zones import changing_hours
from entrepot.contracts.model import Column, Contract
from entrepot.contracts.row_rules import Severity
from entrepot.contracts.types import NESTED, Kind
from entrepot.kernel.rows import (
    BATCH,
    CORRECTS,
    ORIGIN,
    RECEIVED_AT,
    RECORD_ID,
    ROW_BITS,
    SOURCE,
    WARNINGS,
    Stamp,
)
from entrepot.ports.engine import SplitTask

if TYPE_CHECKING:
    import duckdb

REJECT = "__reject"
REJECTED = "__rejected"


@dataclass(frozen=True, slots=True)
class Judge:
    """Writes the SELECT for sources of one task."""

    task: SplitTask
    contract: Contract
    connection: duckdb.DuckDBPyConnection
    references: Sequence[Reference]
    nested: NestedFunctions = field(init=False)

    def __post_init__(self) -> None:
        only_warn = bool(self.task.approved_rules)
        object.__setattr__(self, "nested", NestedFunctions(self.contract, self.connection, only_warn))

    def select_accepted(self, source: Source, place: str) -> str:
        """Rows of the table; `place` names the source in errors. Raises: DataError, ContractError."""
        _, warnings, judged = self._judged(source, place)
        return f"SELECT {self._output(source, warnings)} FROM ({judged}) WHERE NOT {REJECTED}"

    def select_unless_rejected(self, source: Source, place: str, mark: str) -> str:
        """Rows of the table; the statement fails with `mark` when one is rejected. Raises: as `select_accepted`."""
        _, warnings, judged = self._judged(source, place)
        stop = f"CASE WHEN {REJECTED} THEN error({literal(mark)}) ELSE true END"
        return f"SELECT {self._output(source, warnings)} FROM ({judged}) WHERE {stop}"

    def select_rejected(self, source: Source, place: str) -> str:
        """The JSON text of each rejected row."""
        errors, _, judged = self._judged(source, place)
        return f"SELECT {self._reject(source, errors)} AS {REJECT} FROM ({judged}) WHERE {REJECTED}"

    def _judged(self, source: Source, place: str) -> tuple[list[Judgement], list[Judgement], str]:
        """What rejects, what warns, and the typed rows with a verdict."""
        failed = self._failures(source)
        judgements = self._rules(failed)
        types = [
            Judgement(f"type:{column.name}", (column.name,), failed[column.name], self._expected(column.name))
            for column in self.contract.columns
            if column.name in failed and column.type.kind not in NESTED
        ]
        errors = types + self._inside(source, "errors") + [j for j in judgements if self._rejects(j)]
        warnings = [j for j in judgements if not self._rejects(j)] + self._inside(source, "warnings")
        verdict = ["(__faults IS NOT NULL)"] if source.has_faults else []
        verdict += [j.broken for j in errors]
        # random() is never below 0: it only keeps the filter above the casts, which DuckDB would otherwise compute twice
        flags = f"coalesce({' OR '.join(verdict) or 'false'}, false) OR random() < 0 AS {REJECTED}"
        flags += f", coalesce({' OR '.join(j.broken for j in warnings) or 'false'}, false) AS __warned"
        joins = "".join(reference.join for reference in self.references)
        return errors, warnings, f"SELECT *, {flags} FROM ({self._typing(source, place)}){joins}"

    def _rules(self, failed: Mapping[str, str]) -> list[Judgement]:
        typed = {column.name: f"__t{i}" for i, column in enumerate(self.contract.columns)}
        hits = {reference.rule: reference.hit for reference in self.references}
        return render_rules(Rendering(self.contract, self.connection, typed, failed, hits))

    def _rejects(self, judgement: Judgement) -> bool:
        return judgement.severity is Severity.ERROR and not self.task.approved_rules

    def _raw(self, source: Source, number: int) -> str:
        absent = source.types[self.contract.columns[number].name] == ABSENT
        return "NULL::VARCHAR" if absent else f"__r{number}"

    def _typing(self, source: Source, place: str) -> str:
        """The source with the typed columns `__t<n>` beside its own."""
        chains = [self._chain(source, i, column, place) for i, column in enumerate(self.contract.columns)]
        query = f"SELECT * FROM {source.relation}"
        for level in range(max(len(chain) for chain in chains)):
            added = []
            for i, chain in enumerate(chains):
                if level < len(chain):
                    name = f"__t{i}" if level == len(chain) - 1 else step(f"__c{i}", level)
                    added.append(f"{chain[level]} AS {name}")
            query = f"SELECT *, {', '.join(added)} FROM ({query})"
        return query

    def _chain(self, source: Source, number: int, column: Column, place: str) -> Steps:
        """How one column is typed."""
        kind, raw, name = source.types[column.name], self._raw(source, number), f"__c{number}"
        if column.type.kind in NESTED and kind != ABSENT:
            text = family(kind) == "VARCHAR"
            function = self.nested.judge(column, "VARCHAR" if text else kind, place)
            return (f"{function}({raw}{'::VARCHAR' if text else ''})", f"{step(name, 0)}.value")
        return cast_column(column, kind, raw, name, column.type.zone or self.contract.time_zone, place)

    def _inside(self, source: Source, found: str) -> list[Judgement]:
        """What is wrong inside of nested columns, `errors` or `warnings`, as their functions report it."""
        judgements = []
        for i, column in enumerate(self.contract.columns):
            if column.type.kind in NESTED and source.types[column.name] != ABSENT:
                reasons = f"{step(f'__c{i}', 0)}.{found}"
                broken = f"({reasons} IS NOT NULL)"
                judgements.append(Judgement("", (column.name,), broken, "", reasons=reasons))
        return judgements

    def _failures(self, source: Source) -> dict[str, str]:
        """column → SQL that is true when there is a value, but not one of the column's type."""
        failures = {}
        for i, column in enumerate(self.contract.columns):
            kind = source.types[column.name]
            if column.type.kind in NESTED and kind != ABSENT:
                failures[column.name] = f"({step(f'__c{i}', 0)}.errors IS NOT NULL)"
                continue
            same = kind == sql_type(column.type) and column.type.kind not in (Kind.TIME, *BOUNDED)
            if kind == ABSENT or same or column.type.kind is Kind.STRING:
                continue
            there = f"{trimmed(f'__r{i}')} <> ''" if family(kind) == "VARCHAR" else f"__r{i} IS NOT NULL"
            failures[column.name] = f"(CASE WHEN __t{i} IS NULL THEN coalesce({there}, false) ELSE false END)"
        return failures

    def _expected(self, name: str) -> str:
        column_type = self.contract.column(name).type
        words = str(column_type) + (f" written as {column_type.format}" if column_type.format else "")
        zone = column_type.zone or self.contract.time_zone
        if column_type.kind is Kind.TIMESTAMP and zone != "UTC" and changing_hours(zone):
            return f"{words}; without an offset, a time that the clocks of {zone} show once"
        return words

    def _output(self, source: Source, warnings: list[Judgement]) -> str:
        own = [f"__t{i} AS {ident(column.name)}" for i, column in enumerate(self.contract.columns)]
        if not self.task.system_columns:
            return ", ".join(own)
        return ", ".join(own + system_columns(self.task.stamp, source, _warned(warnings)))

    def _reject(self, source: Source, judgements: list[Judgement]) -> str:
        """SQL: all that the quarantine row needs, as JSON."""
        identity = identity_columns(self.task.stamp, source)
        row = ", ".join(
            f"{literal(column.name)}, {self._as_it_came(source, i)}" for i, column in enumerate(self.contract.columns)
        )
        fields = {
            "id": identity[RECORD_ID] if self.task.system_columns else "NULL::BIGINT",
            "origin": identity[ORIGIN],
            "corrects": identity[CORRECTS],
            "place": _place(source),
            "row": f"json_object({row})::VARCHAR",
            "reasons": self._reasons(source, judgements),
        }
        return "to_json({" + ", ".join(f"'{name}': {value}" for name, value in fields.items()) + "})::VARCHAR"

    def _as_it_came(self, source: Source, number: int) -> str:
        """SQL: the text of a column; where the reader gave a fault instead of a value, the fault's text."""
        raw = self._text(source, number)
        if not source.has_faults:
            return raw
        name = literal(self.contract.columns[number].name)
        return f'coalesce({raw}, list_filter(__faults, lambda f: f."column" = {name})[1]."text")'

    def _text(self, source: Source, number: int) -> str:
        """SQL: a value as text; what holds others as JSON."""
        kind, raw = source.types[self.contract.columns[number].name], self._raw(source, number)
        return f"{self.nested.as_json(kind)}({raw})" if is_nested(kind) else shown(kind, raw)

    def _reasons(self, source: Source, judgements: list[Judgement]) -> str:
        positions = {column.name: i for i, column in enumerate(self.contract.columns)}
        cases = []
        for j in judgements:
            if j.reasons is not None:
                continue
            values = [self._text(source, positions[column]) for column in j.columns]
            value = values[0] if len(values) == 1 else f"concat_ws(', ', {', '.join(values)})"
            reason = reason_struct(j.rule, ", ".join(j.columns), value, j.expected)
            cases.append(f"CASE WHEN {j.broken} THEN {reason} END")
        broken = f"list_filter([{', '.join(cases)}], lambda r: r IS NOT NULL)" if cases else "[]"
        inside = [f"coalesce({j.reasons}, [])" for j in judgements if j.reasons is not None]
        broken = f"flatten([{', '.join([broken, *inside])}])" if inside else broken
        if not source.has_faults:
            return broken
        # of a record that cannot be read as a whole nothing else is worth saying
        whole = 'len(list_filter(coalesce(__faults, []), lambda f: f."column" IS NULL)) > 0'
        return f"list_concat({_fault_reasons()}, CASE WHEN {whole} THEN [] ELSE {broken} END)"


def reason_struct(rule: str, column: str, value: str, expected: str, at: str = "NULL::VARCHAR") -> str:
    """SQL: one reason; `value` and `at` are SQL."""
    return (
        f"{{'rule': {literal(rule)}, 'column': {literal(column)}, 'value': {value}, "
        f"'expected': {literal(expected)}, 'at': {at}}}"
    )


def _fault_reasons() -> str:
    return (
        "list_transform(coalesce(__faults, []), lambda f: {'rule': f.reason, 'column': f.\"column\", 'value': f.\"text\", "
        f"'expected': {expected_sql('f.reason')}, 'at': f.\"at\"}})"
    )


def _warned(warnings: list[Judgement]) -> str:
    if not warnings:
        return "NULL::VARCHAR[]"
    cases = ", ".join(f"CASE WHEN {j.broken} THEN {literal(j.rule)} END" for j in warnings if j.reasons is None)
    marks = f"list_filter([{cases}], lambda r: r IS NOT NULL)" if cases else "[]::VARCHAR[]"
    inside = [
        f"list_distinct(list_transform({j.reasons}, lambda r: r.rule))" for j in warnings if j.reasons is not None
    ]
    if inside:
        marks = f"flatten([{', '.join([marks, *(f'list_sort(coalesce({each}, []))' for each in inside)])}])"
    return f"CASE WHEN __warned THEN {marks} END"


def _place(source: Source) -> str:
    return "__place" if source.place is None else literal(source.place)


def _origin(source: Source) -> str:
    """SQL: place and record number, `sales.csv#17`; after a sheet the number follows a `!`, `prices.xlsx#Sheet1!12`."""
    if source.place is not None:
        return f"concat({literal(source.place + ('!' if '#' in source.place else '#'))}, __rec)"
    return "concat(__place, CASE WHEN contains(__place, '#') THEN '!' ELSE '#' END, __rec)"


def identity_columns(stamp: Stamp, source: Source) -> dict[str, str]:
    """SQL of the system columns that differ from row to row."""
    first = stamp.batch << ROW_BITS
    brought = {name: f"__q{name}" for name in source.brings}
    return {
        RECORD_ID: f"{first}::BIGINT + __rn",
        ORIGIN: _origin(source),
        SOURCE: literal(stamp.source),
        CORRECTS: "__corrects" if source.has_corrects else "NULL::BIGINT",
    } | brought


def system_columns(stamp: Stamp, source: Source, warnings: str) -> list[str]:
    """SQL of all system columns, in the order of the table."""
    identity = identity_columns(stamp, source)
    values = {
        RECORD_ID: identity[RECORD_ID],
        BATCH: f"{stamp.batch}::BIGINT",
        SOURCE: identity[SOURCE],
        ORIGIN: identity[ORIGIN],
        RECEIVED_AT: received_at(stamp),
        CORRECTS: identity[CORRECTS],
        WARNINGS: warnings,
    }
    return [f"{value} AS {name}" for name, value in values.items()]


def received_at(stamp: Stamp) -> str:
    """SQL: the instant at which the batch was planned."""
    return f"TIMESTAMPTZ {literal(stamp.received_at.isoformat())}"
