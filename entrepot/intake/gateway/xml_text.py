"""Texts in XML by simple paths. Documents with a DOCTYPE are refused, so no entity is ever declared or fetched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.parsers import expat

from entrepot.intake.gateway.unreadable import Unreadable

_MOST_LEVELS = 100


def find_xml_texts(raw: bytes, steps: Sequence[str | int]) -> list[str]:
    """The texts of all elements at a path from the root: `order`, `lines`, 0, `@id`. Namespaces do not count.

    Raises: Unreadable when it is not XML, has a DOCTYPE, or goes too deep.
    """
    search = _Search(steps)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = search.start
    parser.EndElementHandler = search.end
    parser.CharacterDataHandler = search.text
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        parser.Parse(raw, True)
    except expat.ExpatError as error:
        raise Unreadable(
            "unreadable", f"the body is not XML: {expat.ErrorString(error.code)} (line {error.lineno})."
        ) from None
    return search.found


def _refuse_doctype(*_: object) -> None:
    raise Unreadable("unreadable", "the XML has a DOCTYPE, which is not taken: entities are never resolved.")


class _Search:
    """Follows the path while the document goes by."""

    def __init__(self, steps: Sequence[str | int]) -> None:
        texts = [step for step in steps if isinstance(step, str)]
        self._attribute = texts.pop()[1:] if texts[-1].startswith("@") else None
        self._wanted = _positions(steps, len(texts))
        self._depth = 0
        self._matched = 0
        """How many elements of the path are open."""
        self._seen: list[dict[str, int]] = [{}]
        self._texts: list[str] = []
        self.found: list[str] = []

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        if self._depth >= _MOST_LEVELS:
            raise Unreadable("unreadable", f"the XML has more than {_MOST_LEVELS} levels.")
        name = name.rpartition(":")[2]
        counted = self._seen[-1]
        number = counted[name] = counted.get(name, -1) + 1
        if self._depth == self._matched < len(self._wanted):
            wanted, place = self._wanted[self._matched]
            if name == wanted and place in (None, number):
                self._matched += 1
                self._begin(attributes)
        self._depth += 1
        self._seen.append({})

    def end(self, name: str) -> None:
        """An element ends."""
        self._depth -= 1
        self._seen.pop()
        if self._matched > self._depth:
            if self._matched == len(self._wanted) and self._attribute is None:
                self.found.append("".join(self._texts).strip())
            self._matched = self._depth

    def text(self, text: str) -> None:
        """Characters within the element that is wanted."""
        if self._matched == len(self._wanted) == self._depth:
            self._texts.append(text)

    def _begin(self, attributes: Mapping[str, str]) -> None:
        if self._matched < len(self._wanted):
            return
        self._texts = []
        if self._attribute is not None:
            values = [value for key, value in attributes.items() if key.rpartition(":")[2] == self._attribute]
            self.found += values


def _positions(steps: Sequence[str | int], elements: int) -> list[tuple[str, int | None]]:
    """Each element's name, and which of its name it must be; None: any."""
    found: list[tuple[str, int | None]] = []
    for step in steps:
        if isinstance(step, int) and found:
            found[-1] = (found[-1][0], step)
        elif isinstance(step, str) and len(found) < elements:
            found.append((step, None))
    return found
