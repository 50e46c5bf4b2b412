"""Where the values within a record's text stand, so that nested ones can be kept letter by letter."""

from __future__ import annotations

from entrepot.intake.json_rows.grammar import Scanner, skip_blanks

Span = tuple[int, int]
_SCANNER = Scanner(tells_numbers=False)


class Spans:
    """The text of one record, which is known to be JSON. Each level is looked through once, and only when asked for."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._levels: dict[tuple[str | int, ...], dict[str | int, Span]] = {}

    def text_at(self, path: tuple[str | int, ...]) -> str:
        """The value at a path of keys and places, as it is written."""
        start, end = self._span(path)
        return self._text[start:end]

    def _span(self, path: tuple[str | int, ...]) -> Span:
        if not path:
            start = skip_blanks(self._text, 0)
            return start, _SCANNER.read(self._text, start)[1]
        outer = path[:-1]
        if outer not in self._levels:
            self._levels[outer] = _members(self._text, self._span(outer)[0])
        return self._levels[outer][path[-1]]


def _members(text: str, start: int) -> dict[str | int, Span]:
    """The values of the object or list that begins there."""
    has_keys = text[start] == "{"
    found: dict[str | int, Span] = {}
    position = skip_blanks(text, start + 1)
    while text[position] not in "]}":
        key: str | int = len(found)
        if has_keys:
            key, position = _SCANNER.read(text, position)
            position = skip_blanks(text, skip_blanks(text, position) + 1)  # the colon
        end = _SCANNER.read(text, position)[1]
        found[key] = (position, end)
        position = skip_blanks(text, end)
        if text[position] == ",":
            position = skip_blanks(text, position + 1)
    return found
