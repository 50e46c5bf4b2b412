"""Values of a file of `publish/`, taken one by one: each error says where, what came and what is allowed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from entrepot.kernel.documents import Document, KeyPath, check_keys
from entrepot.kernel.durations import DURATION_WORDS, parse_duration
from entrepot.kernel.errors import ProjectError


@dataclass(frozen=True, slots=True)
class SecretName:
    """Where a secret is kept: `{secret: scope/key}`."""

    scope: str
    key: str

    def __str__(self) -> str:
        return f"{self.scope}/{self.key}"


@dataclass(frozen=True, slots=True)
class Keys:
    """A mapping in a document, and where it stands."""

    document: Document
    at: KeyPath
    value: Mapping[str, Any]

    def only(self, *allowed: str) -> Keys:
        """Refuse other keys. Raises: ProjectError."""
        check_keys(self.document, self.at, self.value, allowed)
        return self

    def error(self, key: str, allowed: str, *, hint: str | None = None) -> ProjectError:
        """What is wrong with a key."""
        came = "missing" if self.value.get(key) is None else repr(self.value[key])
        return self.document.error(f"{key} is {came}; allowed is {allowed}.", *self.at, key, hint=hint)

    def below(self, key: str) -> Keys:
        """The mapping under a key; an empty one where it is not there."""
        value = self.value.get(key)
        if value is not None and not isinstance(value, Mapping):
            raise self.error(key, "a mapping")
        return Keys(self.document, (*self.at, key), value or {})

    def text(self, key: str, default: str | None = None) -> str:
        """A text; without a default it must be there."""
        value = self.value.get(key, default)
        if not isinstance(value, str) or (default is None and not value):
            raise self.error(key, "a text")
        return value

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        value = self.value.get(key, default)
        if not isinstance(value, bool):
            raise self.error(key, "true or false")
        return value

    def choice(self, key: str, allowed: Sequence[str], default: str) -> str:
        """One of some words."""
        value = self.value.get(key, default)
        if value not in allowed:
            raise self.error(key, f"one of {', '.join(allowed)}")
        return str(value)

    def whole(self, key: str, default: int, least: int = 1, most: int = 1_000_000) -> int:
        """A whole number."""
        value = self.value.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self.error(key, f"a whole number from {least} to {most:,}")
        return value

    def number(self, key: str) -> float | None:
        """A number above 0; None when it is not there."""
        value = self.value.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9:
            raise self.error(key, "a number above 0")
        return float(value)

    def seconds(self, key: str, default: float, most: float = 31 * 86_400.0) -> float:
        """A duration: seconds, or a text such as `30 s`, `5m`, `2h`, `1d`."""
        return default if self.value.get(key) is None else self._seconds(key, self.value[key], most)

    def durations(self, key: str, default: tuple[float, ...]) -> tuple[float, ...]:
        """A list of durations."""
        value = self.value.get(key)
        if value is None:
            return default
        if not isinstance(value, list) or len(value) > 100:
            raise self.error(key, "a list of at most 100 durations, such as [5 s, 5m, 2h]")
        return tuple(self._seconds(key, one, 7 * 86_400.0) for one in value)

    def words(self, key: str) -> tuple[str, ...]:
        """A text or a list of texts."""
        value = self.value.get(key) or []
        many = [value] if isinstance(value, str) else value
        if not isinstance(many, list) or not all(isinstance(one, str) and one for one in many):
            raise self.error(key, "a text or a list of texts")
        return tuple(many)

    def secrets(self, key: str) -> tuple[SecretName, ...]:
        """`{secret: scope/key}`, or a list of such. A value in the file itself is refused."""
        value = self.value.get(key)
        many = value if isinstance(value, list) else [] if value is None else [value]
        return tuple(self._secret(key, one) for one in many)

    def _secret(self, key: str, value: object) -> SecretName:
        name = value.get("secret") if isinstance(value, Mapping) and set(value) == {"secret"} else None
        scope, slash, rest = name.partition("/") if isinstance(name, str) else ("", "", "")
        if not (scope and slash and rest) or "/" in rest:
            raise self.document.error(
                f"{key} holds something that is not the name of a secret; allowed is {{secret: scope/key}}.",
                *self.at,
                key,
                hint="Secrets do not stand in the project: set ENTREPOT_SECRET_SCOPE_KEY, or write .entrepot/secrets/scope/key.",
            )
        return SecretName(scope, rest)

    def headers(self, key: str) -> tuple[tuple[str, str | SecretName], ...]:
        """Names to texts or to `{secret: scope/key}`."""
        found: list[tuple[str, str | SecretName]] = []
        for name, value in self.below(key).value.items():
            if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
                raise self.error(key, "names of headers with texts")
            if isinstance(value, Mapping):
                found.append((name, self._secret(key, value)))
            elif isinstance(value, str | int | float) and not isinstance(value, bool) and str(value).isprintable():
                found.append((name, str(value)))
            else:
                raise self.error(key, "names of headers with texts of one line")
        return tuple(found)

    def _seconds(self, key: str, value: object, most: float) -> float:
        if isinstance(value, str):
            try:
                seconds = parse_duration(value).total_seconds()
            except ValueError as error:
                raise self.error(key, DURATION_WORDS) from error
        elif isinstance(value, int | float) and not isinstance(value, bool):
            seconds = float(value)
        else:
            raise self.error(key, f"{DURATION_WORDS}; a bare number is seconds")
        if not 0 <= seconds <= most:
            raise self.error(key, f"a duration of at most {most / 86_400:g} days")
        return seconds
