"""What a change does to rows: in come two compiled contracts of one dataset, out goes each promise that differs, judged.

This is where a verdict comes from. Texts that differ without an effect here change no row: `required: true` beside `primaryKey: true`, an `enum` that a check
said before. Only rules of severity error count; a warning rejects nothing and promises nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from entrepot.contracts.diff.change import Level, breaking, harmless, loosened, tightened
from entrepot.contracts.diff.families import (
    ONE_COLUMN,
    Effect,
    compare_keys,
    compare_others,
    compare_references,
    compare_uniques,
)
from entrepot.contracts.diff.types import compare_types
from entrepot.contracts.model import Column, Contract
from entrepot.contracts.render import columns_of
from entrepot.contracts.row_rules import AnyRule, ForeignKey, Severity, Unique


@dataclass(frozen=True, slots=True)
class Pairing:
    """Which columns of two contracts are the same: names of the old contract to names of the new one."""

    names: Mapping[str, str]


def find_effects(old: Contract, new: Contract, pairing: Pairing) -> list[Effect]:
    """Everything that changes how rows are read, judged or promised. Columns go by their new names."""
    before = _rename(old, pairing)
    both = [name for name in _names(before) if name in _names(new) and name in pairing.names.values()]
    effects = [effect for name in both for effect in _of_column(before, new, name)]
    effects += _of_new_columns(before, new, both)
    effects += compare_keys(before, new)
    first, second = _errors(before), _errors(new)
    effects += compare_uniques(first, second)
    effects += compare_references(first, second)
    effects += compare_others(first, second)
    effects += _of_limits(old, new)
    return effects


def _of_column(old: Contract, new: Contract, name: str) -> Iterator[Effect]:
    before, after = old.column(name), new.column(name)
    yield from compare_types(before, after, old.time_zone, new.time_zone)
    yield from _compare_headers(before, after)
    first = [rule for rule in _errors(old) if columns_of(rule) == (name,)]
    second = [rule for rule in _errors(new) if columns_of(rule) == (name,)]
    for family, compare in ONE_COLUMN.items():
        judgement = compare(name, first, second)
        if judgement is not None:
            yield Effect((name,), family, judgement)


def _of_new_columns(old: Contract, new: Contract, both: Sequence[str]) -> Iterator[Effect]:
    """A column that comes or goes: what is demanded of it, what was promised."""
    for column in new.columns:
        if column.name in both:
            continue
        if column.required:
            text = f"Deliveries without the new column {column.name} are refused."
        else:
            text = f"Rows without the new column {column.name} have null there."
        judgement = tightened(text) if column.required else harmless(text, Level.MINOR)
        yield Effect((column.name,), "column", judgement)
    known = {name.casefold() for column in new.columns for name in (column.name, *column.headers)}
    is_other = not any(name.casefold() in known for column in old.columns for name in (column.name, *column.headers))
    for column in old.columns:
        if column.name in both:
            continue
        if is_other:
            text = f"Queries that name {column.name} fail; no column that sources bring is left, so that their files are refused."
            yield Effect((column.name,), "column", breaking(text))
        else:
            text = f"Queries that name {column.name} fail; what sources bring in it is left out."
            yield Effect((column.name,), "column", loosened(text))


def _compare_headers(old: Column, new: Column) -> Iterator[Effect]:
    """Names under which sources bring the column: one that is gone loses the values without a word."""
    before, after = {old.name, *old.headers}, {new.name, *new.headers}
    gone = sorted(before - after)
    if gone:
        text = f"Sources that bring {new.name} as {', '.join(gone)} are no longer understood."
        yield Effect((new.name,), "headers", tightened(text))
    elif before != after:
        text = f"Sources may bring {new.name} under another name, too."
        yield Effect((new.name,), "headers", harmless(text, Level.MINOR))
    elif old.headers != new.headers and len(new.headers) > 1:
        text = f"Of several headers for {new.name} in one file another may win."
        yield Effect((new.name,), "headers", breaking(text))


def _of_limits(old: Contract, new: Contract) -> Iterator[Effect]:
    before, after = old.max_rejects, new.max_rejects
    if before == after:
        return
    said = (
        f"A batch may have {after or 'any number of'} rejects before its release is held, not {before or 'any number'}."
    )
    if before is not None and after is not None and before.unit is not after.unit:
        yield Effect((), "max_rejects", breaking(said))
    elif after is None or (before is not None and before.value < after.value):
        yield Effect((), "max_rejects", loosened(said))
    else:
        yield Effect((), "max_rejects", tightened(said))


def _rename(contract: Contract, pairing: Pairing) -> Contract:
    """The contract with its columns under their new names; what is no longer there keeps its own, marked when that is taken."""
    taken = set(pairing.names.values())
    names = {
        column.name: pairing.names.get(column.name, f"{column.name} (old)" if column.name in taken else column.name)
        for column in contract.columns
    }
    return replace(
        contract,
        columns=tuple(_rename_column(column, names) for column in contract.columns),
        rules=tuple(_rename_rule(rule, names) for rule in contract.rules),
    )


def _rename_column(column: Column, names: Mapping[str, str]) -> Column:
    """The old name stays a header: a source brings it still."""
    new = names.get(column.name, column.name)
    headers = column.headers if new == column.name else (column.name, *column.headers)
    return replace(column, name=new, headers=headers)


def _rename_rule(rule: AnyRule, names: Mapping[str, str]) -> AnyRule:
    if isinstance(rule, Unique | ForeignKey):
        return replace(rule, columns=tuple(names.get(name, name) for name in rule.columns))
    return replace(rule, column=names.get(rule.column, rule.column))


def _errors(contract: Contract) -> list[AnyRule]:
    return [rule for rule in contract.rules if rule.severity is Severity.ERROR]


def _names(contract: Contract) -> list[str]:
    return [column.name for column in contract.columns]
