"""Records with one on each line of a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from entrepot.adapters.files.lines import Block, TextFile
from entrepot.intake.json_rows.grammar import NotJson, Scanner
from entrepot.intake.json_rows.records import Fault, Records

BLANKS = " \t\r"


def read_lines(file: TextFile, scanner: Scanner) -> Iterator[Records]:
    """The records of a file with one on each line; the line's number is the record's. Lines of blanks are left out."""
    for block in file.blocks():
        numbers, texts = _written_lines(block)
        if not numbers:
            continue
        values = None if block.damaged else scanner.read_lines(texts)
        if values is not None:
            yield Records(numbers, numbers, texts, values)
        else:
            yield _look_at_each(block, numbers, texts, scanner)


def _written_lines(block: Block) -> tuple[Sequence[int], list[Any]]:
    """Numbers and texts of the lines that are not blank; a damaged one has no text."""
    blank = pc.fill_null(pc.equal(pc.utf8_trim(block.lines, BLANKS), ""), False)
    if not pc.any(blank).as_py():
        return range(block.first, block.first + len(block.lines)), block.lines.to_pylist()
    kept = pc.indices_nonzero(pc.invert(blank))
    numbers = pc.add(kept.cast(pa.int64()), block.first)
    return numbers.to_pylist(), block.lines.take(kept).to_pylist()


def _look_at_each(block: Block, numbers: Sequence[int], texts: Sequence[str | None], scanner: Scanner) -> Records:
    faults: dict[int, Fault] = {}
    values: list[Any] = []
    for place, (number, text) in enumerate(zip(numbers, texts, strict=True)):
        value, fault = _look_at(f"line {number}", text, scanner)
        values.append(value)
        if fault is not None:
            faults[place] = fault
    known = [block.damaged[n - block.first] if t is None else t for n, t in zip(numbers, texts, strict=True)]
    return Records(numbers, numbers, known, values, faults)


def _look_at(at: str, text: str | None, scanner: Scanner) -> tuple[Any, Fault | None]:
    if text is None:
        return None, Fault("undecodable", at)
    try:
        value = scanner.read_whole(text)
    except NotJson as error:
        return None, Fault(error.rule, f"{at}, column {error.position + 1}")
    reason = scanner.find_fault(value, text)
    return (value, None) if reason is None else (None, Fault(reason, at))
