"""One page of records: the answer's JSON, the texts of its records, and what stands beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from entrepot.adapters.http.asks import Answer, find_at
from entrepot.adapters.http.problems import not_json
from entrepot.intake.json_rows.grammar import NotJson, Scanner
from entrepot.intake.json_rows.records import Fault, Records
from entrepot.intake.json_rows.spans import Spans
from entrepot.kernel.errors import DataError

_TOGETHER = 4_096


class CutShort(Exception):
    """The document ends too early: perhaps the connection did."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page that was read. Numbers are texts, as they are written."""

    answer: Answer
    document: Any
    texts: Sequence[str]
    """The records, letter by letter."""
    values: Sequence[Any]

    def at(self, address: str) -> tuple[bool, Any]:
        """What `body.a.b` or `header.Name` says: whether it is there, and its value."""
        where, _, name = address.partition(".")
        if where == "header":
            value = self.answer.header(name)
            return value is not None, value
        return find_at(self.document, tuple(name.split(".")))


def read_page(answer: Answer, path: tuple[str, ...], where: str) -> Page:
    """Read an answer. Raises: CutShort; DataError when it is not JSON, or has no list of records at the path."""
    if answer.status == 204:
        return Page(answer, None, (), ())
    text, document = _parse(answer, where)
    found, records = find_at(document, path)
    if not found:
        said = ".".join(path)
        keys = (
            ", ".join(sorted(document)[:20])
            if isinstance(document, dict)
            else "a list"
            if isinstance(document, list)
            else "no object"
        )
        raise DataError(
            f"{where}: the answer has no {said}; found: {keys or 'no key at all'}.", hint="Correct the option records."
        )
    if records is None:
        return Page(answer, document, (), ())
    if isinstance(records, dict):
        return Page(answer, document, (Spans(text).text_at(path),), (records,))
    if not isinstance(records, list):
        raise DataError(
            f"{where}: {'.'.join(path) or 'the answer'} is neither a list nor an object.",
            hint="Correct the option records.",
        )
    spans = Spans(text)
    texts = [spans.text_at((*path, number)) for number in range(len(records))]
    return Page(answer, document, texts, records)


def records_of(page: Page, left_out: frozenset[int]) -> list[Records]:
    """The records that are to be taken, some thousand at a time; their numbers are their places in the page, from 1."""
    wanted = [number for number in range(1, len(page.texts) + 1) if number not in left_out]
    return [_some(page, wanted[first : first + _TOGETHER]) for first in range(0, len(wanted), _TOGETHER)]


def _some(page: Page, numbers: list[int]) -> Records:
    texts = [page.texts[number - 1] for number in numbers]
    values: list[Any] = []
    faults: dict[int, Fault] = {}
    scanner = Scanner(tells_numbers=False)
    quick = scanner.read_lines([text.replace("\n", " ").replace("\r", " ") for text in texts])
    if quick is not None:
        return Records(numbers, numbers, texts, quick)
    for place, text in enumerate(texts):
        value = scanner.read_whole(text)
        reason = scanner.find_fault(value, text)
        values.append(value if reason is None else None)
        if reason is not None:
            faults[place] = Fault(reason, f"record {numbers[place]}")
    return Records(numbers, numbers, texts, values, faults)


def _parse(answer: Answer, where: str) -> tuple[str, Any]:
    content_type = answer.header("content-type") or ""
    try:
        text = answer.body.decode(_charset(content_type)).removeprefix("\ufeff")
    except (UnicodeDecodeError, LookupError) as error:
        raise not_json(where, content_type, answer.body, "its bytes are not text of its charset") from error
    scanner = Scanner(tells_numbers=False)
    try:
        return text, scanner.read_whole(text)
    except NotJson as error:
        if _seems_cut(text, error.position):
            raise CutShort from error
        raise not_json(where, content_type, answer.body, f"{error}, at character {error.position + 1}") from error


def _seems_cut(text: str, position: int) -> bool:
    closing = {"{": "}", "[": "]"}.get(text.lstrip()[:1])
    end = text.rstrip()
    return closing is not None and (not end.endswith(closing) or position >= len(end))


def _charset(content_type: str) -> str:
    """UTF-8 by the standard; some servers say another one."""
    for part in content_type.lower().split(";")[1:]:
        name, _, value = part.strip().partition("=")
        if name == "charset" and value:
            return value.strip("\"' ")
    return "utf-8"
