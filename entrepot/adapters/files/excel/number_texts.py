"""Numbers that stand in text cells: rewritten as the layout says they are written; what could mean two numbers is a fault."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from entrepot.adapters.files.excel.options import NumberText
from entrepot.adapters.files.numbers import NumberStyle, normalize_numbers

_AMBIGUOUS = r"^\s*[+-]?\d{1,3}\.\d{3}\s*$"
"""1.234 is one and a bit, or one thousand two hundred and thirty-four."""
_BLANKS = ("\u00a0", "\u202f")


@dataclass(frozen=True, slots=True)
class NumberTexts:
    """What is known of a source's numbers. `numeric`: lower-case names of columns that the contract wants as numbers."""

    styles: tuple[NumberText, ...]
    numeric: frozenset[str]

    def style_of(self, name: str) -> NumberText | None:
        """How numbers of a column are written when they are texts; None: it holds no numbers."""
        lower = name.casefold()
        own = (style for style in self.styles if lower in {column.casefold() for column in style.columns})
        general = (style for style in self.styles if not style.columns and lower in self.numeric)
        return next(own, None) or next(general, None) or (NumberText() if lower in self.numeric else None)

    def needs_look(self, name: str, texts: pa.Array) -> bool:
        """True when cells of the column must be told apart: numbers, and texts that look like numbers."""
        style = self.style_of(name)
        if style is None:
            return False
        return _is_stated(style) or bool(pc.any(pc.match_substring_regex(texts, _AMBIGUOUS)).as_py())

    def read(self, name: str, texts: pa.Array, is_text: pa.Array) -> tuple[pa.Array, Mapping[int, str]]:
        """The column with its numbers rewritten; and the places (from 0) that must not be read as numbers, with their texts."""
        style = self.style_of(name)
        if style is None:
            return texts, {}
        own = pc.if_else(is_text, texts, pa.scalar(None, pa.string()))
        if style.decimal is None and style.thousands is None:
            cleaned = _remove(own, style.remove)
            doubtful = pc.indices_nonzero(
                pc.fill_null(pc.match_substring_regex(cleaned, _AMBIGUOUS), False)
            ).to_pylist()
            rewritten = cleaned
        else:
            numbers = NumberStyle(style.decimal or ".", style.thousands)
            rewritten, doubtful = normalize_numbers(_remove(_unify(own, style), style.remove), numbers)
            doubtful = [] if numbers.is_plain else doubtful
        originals = pc.take(texts, pa.array(doubtful, pa.int64())).to_pylist() if doubtful else []
        return pc.coalesce(rewritten, texts), dict(zip(doubtful, originals, strict=True))


def _is_stated(style: NumberText) -> bool:
    return bool(style.remove) or not (style.decimal in (None, ".") and style.thousands is None)


def _unify(texts: pa.Array, style: NumberText) -> pa.Array:
    """Blanks of any width group digits where a blank does."""
    if style.thousands == " ":
        for blank in _BLANKS:
            texts = pc.replace_substring(texts, blank, " ")
    return pc.utf8_trim_whitespace(texts)


def _remove(texts: pa.Array, signs: Iterable[str]) -> pa.Array:
    """Take signs such as € away where what remains is digits and their signs."""
    cleaned = texts
    for sign in signs:
        cleaned = pc.replace_substring(cleaned, sign, "")
    if cleaned is texts:
        return texts
    cleaned = pc.utf8_trim_whitespace(cleaned)
    return pc.if_else(
        pc.fill_null(pc.match_substring_regex(cleaned, r"^[+-]?[\d.,' \x{A0}\x{202F}]+$"), False), cleaned, texts
    )
