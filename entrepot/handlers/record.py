"""One inbound record as its handler sees it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from entrepot.handlers.bodies import read_json, read_xml
from entrepot.handlers.reject import Unreadable

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_MOST_FIELDS = 10_000


class Headers(Mapping[str, str]):
    """Headers by name, upper and lower case alike; one that came several times is joined by `, `."""

    def __init__(self, pairs: tuple[tuple[str, str], ...] = ()) -> None:
        self._pairs = pairs
        self._found: dict[str, str] = {}
        for name, value in pairs:
            key = name.lower()
            self._found[key] = f"{self._found[key]}, {value}" if key in self._found else value

    def __getitem__(self, name: str) -> str:
        return self._found[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __repr__(self) -> str:
        return f"Headers({self._found!r})"


@dataclass(frozen=True, slots=True)
class Record:
    """One inbound record. In tests of your handler, `Record(body=b"…")` is enough."""

    id: str = ""
    """Ours: a UUID that sorts by time of receipt."""
    integration: str = ""
    reference: str = ""
    """The sender's own id of it."""
    received_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    content_type: str = ""
    headers: Mapping[str, str] = field(default_factory=Headers)
    body: bytes = b""
    """As received, or as a person last corrected it."""

    def json(self) -> Any:
        """The body as JSON, in UTF-8. Whole numbers are `int`, others `Decimal`: exactly as they were written.

        Raises: Unreadable for what is no JSON, names a key twice, holds NaN or Infinity, or is nested too deeply.
        """
        return read_json(self._decode("utf-8").removeprefix("\ufeff"))

    def text(self, encoding: str | None = None) -> str:
        """The body as text: in `encoding`, else the charset that the content type names, else UTF-8. Raises: Unreadable."""
        return self._decode(encoding or _charset(self.content_type) or "utf-8")

    def form(self) -> dict[str, str]:
        """The fields of an HTML form (`application/x-www-form-urlencoded`). Raises: Unreadable, also when a field comes twice."""
        found: dict[str, str] = {}
        for name, values in self.form_lists().items():
            if len(values) > 1:
                raise Unreadable(f"the field {name!r} comes {len(values)} times; allowed is once.", path=name)
            found[name] = values[0]
        return found

    def form_lists(self) -> dict[str, list[str]]:
        """As `form`, for fields that may come several times. Raises: Unreadable."""
        try:
            text = self.body.decode("ascii")
            pairs = parse_qsl(
                text, keep_blank_values=True, strict_parsing=bool(text), errors="strict", max_num_fields=_MOST_FIELDS
            )
        except ValueError:  # a UnicodeDecodeError is one
            raise Unreadable("the body is not a form (application/x-www-form-urlencoded in UTF-8).") from None
        found: dict[str, list[str]] = {}
        for name, value in pairs:
            found.setdefault(name, []).append(value)
        return found

    def xml(self) -> Element:
        """The body as XML: its root, as of `xml.etree`. Document types and so entities of the sender's are refused. Raises: Unreadable."""
        return read_xml(self.body)

    def _decode(self, encoding: str) -> str:
        try:
            return self.body.decode(encoding)
        except UnicodeDecodeError as error:
            raise Unreadable(f"the body is not text in {encoding}: byte {error.start} cannot be read.") from None
        except LookupError:
            raise Unreadable(f"the encoding {encoding[:40]!r} is not known.") from None


def _charset(content_type: str) -> str | None:
    found = re.search(r";\s*charset=\"?([^\s;\"]+)", content_type, re.IGNORECASE)
    return found.group(1) if found else None
