"""Lines of a compiled SELECT in the file of its author."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable

from entrepot.sql.query import Query


def original_lines(original: Query, compiled: Query) -> Callable[[int], int]:
    """From a character of the compiled text to a line of the original, of which it is a version with additions."""
    marks: list[tuple[int, int]] = []
    tokens, position = compiled.tokens, 0
    for token in original.tokens:
        found = next((i for i in range(position, len(tokens)) if tokens[i].text == token.text), None)
        if found is None:
            continue
        marks.append((tokens[found].start, original.text.count("\n", 0, token.start) + 1))
        position = found + 1
    starts = [start for start, _ in marks]
    return lambda offset: marks[max(bisect_right(starts, offset) - 1, 0)][1] if marks else 1
