"""Verdicts: in comes a difference of the texts and what changed for rows, out goes a judgement."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from entrepot.contracts.diff import checks, promises
from entrepot.contracts.diff.change import (
    ChangeKind,
    Judgement,
    Level,
    breaking,
    harmless,
    join,
    loosened,
    tightened,
    unclear,
)
from entrepot.contracts.diff.families import Effect
from entrepot.contracts.diff.inner import find_path
from entrepot.contracts.diff.tree import Difference
from entrepot.contracts.odcs.document import Section

_ALL = ("*",)
_BY_KEY: dict[str, tuple[str, ...]] = {
    "logicalType": ("type", "format", "time_zone"),
    "physicalType": ("type", "format", "time_zone"),
    "logicalTypeOptions.format": ("type", "format", "minimum", "maximum"),
    "logicalTypeOptions.timezone": ("type", "time_zone", "format"),
    "logicalTypeOptions.defaultTimezone": ("time_zone",),
    "logicalTypeOptions.minimum": ("minimum",),
    "logicalTypeOptions.exclusiveMinimum": ("minimum",),
    "logicalTypeOptions.maximum": ("maximum",),
    "logicalTypeOptions.exclusiveMaximum": ("maximum",),
    "logicalTypeOptions.minLength": ("shortest",),
    "logicalTypeOptions.maxLength": ("longest",),
    "logicalTypeOptions.pattern": ("pattern",),
    "logicalTypeOptions.multipleOf": ("multiple",),
    "logicalTypeOptions": _ALL,
    "required": ("required",),
    "primaryKey": ("key", "required", "unique"),
    "primaryKeyPosition": ("key",),
    "unique": ("unique",),
    "enum": ("one_of",),
    "relationships": ("foreign_key",),
    "physicalName": ("headers",),
    "items": _ALL,
    "map": _ALL,
    "quality": ("required", "one_of", "not_one_of", "pattern", "shortest", "unique", "other"),
    "customProperties.entrepot.headers": ("headers",),
    "customProperties.entrepot.severity": _ALL,
    "customProperties.entrepot.maxRejects": ("max_rejects",),
    "customProperties.entrepot.timeZone": ("time_zone",),
}
"""Which effects a key of the standard can have; the longest that the path begins with counts."""

_FOREIGN_NAME = "Readers and senders go by this name."


@dataclass
class Effects:
    """The effects of one schema object, and which of them a change has told."""

    items: list[Effect]
    known: bool
    """False when a side could not be compiled: a key that could have an effect is then judged by its text alone."""
    uncompiled: frozenset[str] = frozenset()
    """Columns that a side could not compile."""
    keeps_place: bool = False
    """True when the object's physicalName is the same in both."""
    told: set[int] = field(default_factory=set)

    def take(self, column: str | None, families: tuple[str, ...]) -> list[Judgement]:
        """The judgements of a column's effects of these kinds (None: of any column); they count as told."""
        found = []
        for number, effect in enumerate(self.items):
            mine = column is None or column in effect.columns
            if mine and (families == _ALL or effect.family in families):
                self.told.add(number)
                found.append(effect.judgement)
        return found

    def left(self) -> Iterable[Effect]:
        """The effects that no difference of the texts explained."""
        return (effect for number, effect in enumerate(self.items) if number not in self.told)


def judge_contract_key(difference: Difference) -> Judgement:
    """Judge a difference outside of the schema."""
    key, *rest = difference.steps
    if key == "status":
        return promises.judge_status(difference.old, difference.new)
    if key == "slaProperties" and rest:
        return promises.judge_service_level(rest[0], ".".join(rest[1:]), difference.old, difference.new)
    if key == "version":
        return harmless("The version of the contract itself.")
    if key == "apiVersion":
        return harmless("The version of the standard; what it means for rows is told where it changes them.")
    if key == "customProperties" and rest and rest[0].startswith("entrepot.") and rest[0] != "entrepot.timeZone":
        return promises.judge_own_word(rest[0])
    return promises.judge_words(key)


def judge_object(difference: Difference, effects: Effects) -> Judgement:
    """Judge a schema object that comes, goes or gets another name."""
    match difference.kind:
        case ChangeKind.ADDED:
            return harmless("A new dataset; nobody depends on it yet.", Level.MINOR)
        case ChangeKind.REMOVED:
            return breaking("Readers find nothing there, and what senders bring has no contract.")
        case _ if effects.keeps_place:
            return harmless("Its physicalName stays, and readers and senders go by that.", Level.MINOR)
        case _:
            return breaking(_FOREIGN_NAME)


def judge_object_key(difference: Difference, effects: Effects) -> Judgement:
    """Judge a difference on a schema object itself."""
    key = difference.steps[2]
    path = ".".join(difference.steps[2:])
    if key == "properties":
        return harmless("Columns go by name; their order is another.")
    if key == "physicalName" or path.startswith("customProperties.entrepot.dataset"):
        return breaking("The dataset has another name: readers ask for it by name, and sources name it.")
    if key == "quality":
        return _judge_check(difference, None, effects)
    return _judge_key(path, None, difference, effects)


def judge_property(difference: Difference, effects: Effects) -> Judgement:
    """Judge a difference of a column, of something inside of it, or of something on either."""
    column, rest = find_path(difference.steps[3:])
    if not rest:
        return _judge_column(difference, column, effects)
    match rest[0]:
        case "quality":
            return _judge_check(difference, column, effects)
        case "classification":
            return promises.judge_class(difference.old, difference.new)
        case "properties":
            return harmless("What an object holds goes by name; its order is another.")
        case "id" | "name":
            return promises.judge_words(rest[0])
    return _judge_key(".".join(rest), column, difference, effects)


def _judge_column(difference: Difference, column: str, effects: Effects) -> Judgement:
    if difference.kind is ChangeKind.RENAMED:
        return _judge_renamed(difference, column, effects)
    found = effects.take(column, _ALL)
    if found:
        return join(found)
    if difference.kind is ChangeKind.REMOVED:
        return loosened(f"Queries that name {column} fail; what sources bring in it is left out.")
    if difference.kind is ChangeKind.CHANGED:
        return breaking("It holds something else.")
    needed = isinstance(difference.new, Section) and (
        difference.new.flag("required") or difference.new.flag("primaryKey")
    )
    text = f"Deliveries without the new column {column} are refused."
    return (
        tightened(text) if needed else harmless(f"Rows without the new column {column} have null there.", Level.MINOR)
    )


def _judge_renamed(difference: Difference, column: str, effects: Effects) -> Judgement:
    old, _ = find_path(difference.old_steps[3:])
    gone = loosened("Queries that use the old name fail.")
    if "." in column:
        return join([gone, *effects.take(column, _ALL), *effects.take(old, _ALL)])
    headers = effects.take(column, ("headers",))
    if headers or effects.known:
        return join([gone, *headers])
    return join([gone, tightened("Sources that bring it under its old name may not be understood.")])


def _judge_check(difference: Difference, column: str | None, effects: Effects) -> Judgement:
    """A check as a whole, or a key of it; what became rules of single rows is judged as these."""
    old, new = difference.old_item or difference.old, difference.new_item or difference.new
    first, second = (side if isinstance(side, Section) and _is_check(side) else None for side in (old, new))
    sides = [side for side in (first, second) if side is not None]
    if not sides:
        return promises.judge_words(difference.steps[-1])
    rows = [side for side in sides if checks.judges_rows(side)]
    found = effects.take(column, _BY_KEY["quality"]) if rows and effects.known else []
    if len(rows) == len(sides) and effects.known:
        return join(found) if found else harmless("Every row is judged as before.")
    if first is None or second is None:
        return join([*found, checks.judge_added(sides[0]) if first is None else checks.judge_removed(sides[0])])
    return join([*found, checks.judge_changed(first, second)])


def _is_check(section: Section) -> bool:
    return "property" not in section.entries


def _judge_key(path: str, column: str | None, difference: Difference, effects: Effects) -> Judgement:
    key = _find_key(path)
    if key is None:
        if path.startswith("customProperties.entrepot."):
            return promises.judge_own_word(path.removeprefix("customProperties."))
        return promises.judge_words(path.partition(".")[0])
    found = effects.take(column, _BY_KEY[key])
    if found:
        return join(found)
    if effects.known and (column or "").partition(".")[0].partition("[")[0].partition("{")[0] not in effects.uncompiled:
        return harmless("Every row is read and judged as before.")
    if key == "logicalType":
        return breaking("Values are read otherwise or not at all, and readers get another type.")
    if key in ("physicalType", "physicalName"):
        return unclear("The type is one that is not judged here." if key == "physicalType" else _FOREIGN_NAME)
    return breaking("The column is of a kind that is not judged here, so that nothing can be excluded.")


def _find_key(path: str) -> str | None:
    """The longest key of the table that the path begins with."""
    found = [key for key in _BY_KEY if path == key or path.startswith(f"{key}.")]
    return max(found, key=len) if found else None
