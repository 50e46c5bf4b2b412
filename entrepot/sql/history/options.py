"""What a model's head says about its history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from entrepot.kernel.documents import Document, check_keys
from entrepot.kernel.errors import ProjectError

HISTORY_KEYS = ("key", "valid_from", "deleted", "snapshot", "order", "ignore")
_EXAMPLE = "For example: history: {key: [material_key], valid_from: changed_at}"


@dataclass(frozen=True, slots=True)
class History:
    """How rows of a SELECT become versions of entities. All names are columns of the SELECT."""

    key: tuple[str, ...]
    """What tells entities apart."""
    valid_from: str | None = None
    """When the state that a row tells began (a date or a timestamp). Either this or `snapshot`."""
    snapshot: str | None = None
    """The day of the full snapshot that a row stands in; an entity that the next snapshot lacks ended there."""
    deleted: str | None = None
    """True: the entity ended then. Null counts as false."""
    order: tuple[str, ...] = ()
    """Of several rows of one entity and instant the one with the highest values here holds. Without it they must say the same."""
    ignore: tuple[str, ...] = ()
    """Columns whose change opens no new version; a version shows them as its first row had them."""

    @property
    def time(self) -> str:
        """The column that says from when a row holds."""
        found = self.valid_from or self.snapshot
        assert found is not None
        return found


def read_history(document: Document, at: str = "history") -> History | None:
    """Read `history:` of a head; None when it has none.

    Raises: ProjectError with line and column of what is wrong.
    """
    if at not in document.value:
        return None
    value = document.value[at]
    if not isinstance(value, Mapping):
        raise document.error(f"{at} is a mapping.", at, hint=_EXAMPLE)
    check_keys(document, (at,), value, HISTORY_KEYS)
    options = History(
        key=_read_names(document, at, value, "key"),
        valid_from=_read_name(document, at, value, "valid_from"),
        snapshot=_read_name(document, at, value, "snapshot"),
        deleted=_read_name(document, at, value, "deleted"),
        order=_read_names(document, at, value, "order"),
        ignore=_read_names(document, at, value, "ignore"),
    )
    for key, message in find_contradictions(options):
        raise document.error(message, at, *([key] if key in value else []), hint=_EXAMPLE)
    return options


def find_contradictions(options: History) -> Iterator[tuple[str, str]]:
    """What is wrong with the options themselves: (option, message)."""
    if not options.key:
        yield "key", "a history needs the columns that tell entities apart: key."
    if (options.valid_from is None) == (options.snapshot is None):
        yield "valid_from", "a history needs either valid_from or snapshot: the column that says from when a row holds."
        return
    roles: dict[str, str] = {}
    single = [("snapshot" if options.snapshot else "valid_from", options.time)]
    single += [("deleted", options.deleted)] if options.deleted else []
    several = [("key", name) for name in options.key] + [("ignore", name) for name in options.ignore]
    for role, name in [*several, *single]:
        before = roles.setdefault(name.lower(), role)
        if before != role:
            yield role, f"the column {name} cannot be both {before} and {role}."
    for role, names in (("key", options.key), ("order", options.order), ("ignore", options.ignore)):
        if len({name.lower() for name in names}) < len(names):
            yield role, f"{role} names a column twice."
    for name in options.order:
        if roles.get(name.lower()) not in (None, "ignore"):
            yield "order", f"the column {name} cannot be both {roles[name.lower()]} and order."


def _read_name(document: Document, at: str, value: Mapping[str, Any], key: str) -> str | None:
    name = value.get(key)
    if name is None:
        return None
    if not isinstance(name, str) or not name:
        raise _not_names(document, at, key, "one column's name")
    return name


def _read_names(document: Document, at: str, value: Mapping[str, Any], key: str) -> tuple[str, ...]:
    names = value.get(key)
    if names is None:
        return ()
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise _not_names(document, at, key, "a list of columns, [a, b]")
    return tuple(names)


def _not_names(document: Document, at: str, key: str, allowed: str) -> ProjectError:
    return document.error(f"{at}.{key} is not understood; allowed is {allowed}.", at, key, hint=_EXAMPLE)
