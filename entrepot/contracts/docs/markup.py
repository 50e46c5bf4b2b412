"""HTML as values: whatever is not markup already is escaped, so that no name and no description can become a tag."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

_VOID = frozenset({"meta", "link", "input", "br"})
_NOT_ALLOWED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
"""Characters that a page may not hold, in whatever way they are written."""


class Html(str):
    """Text that is markup; only this room makes it from plain text."""

    __slots__ = ()


NOTHING = Html("")


def plain(value: object) -> Html:
    """The markup of anything: markup as it is, nothing for None, everything else escaped."""
    if isinstance(value, Html):
        return value
    return NOTHING if value is None else Html(escape(_NOT_ALLOWED.sub("\ufffd", str(value))))


def el(name: str, *children: object, **attributes: str | int | bool | None) -> Html:
    """An element. `class_` and `for_` lose their underscore, others become hyphens; None and False are left out, True is bare."""
    said = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{plain(value)}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    return Html(f"<{name}{said}>") if name in _VOID else Html(f"<{name}{said}>{join(children)}</{name}>")


def join(children: Iterable[object], between: object = "") -> Html:
    """Several pieces behind each other."""
    return Html(plain(between).join(map(plain, children)))


def badge(text: str, kind: str = "") -> Html:
    """A word in a frame; the word says it, the colour only repeats it."""
    return el("span", text, class_=f"badge {kind}".strip())


def section(title: str, *body: object, id: str | None = None) -> Html:
    """A part of a page under its heading; nothing when there is nothing to say."""
    said = join(body, "\n")
    return el("section", el("h2", title), "\n", said, id=id) if said else NOTHING


@dataclass(frozen=True, slots=True)
class Head:
    """A column's heading. `number`: figures, at the right; `wide`: sentences, which want room."""

    text: str
    number: bool = False
    wide: bool = False

    @property
    def kind(self) -> str | None:
        """The class of its cells."""
        return "num" if self.number else "wide" if self.wide else None


def table(label: str, heads: Sequence[str | Head], rows: Iterable[Sequence[object]], *, id: str | None = None) -> Html:
    """A table that scrolls inside of its own frame where it is too wide; nothing when it has no rows."""
    columns = [head if isinstance(head, Head) else Head(head) for head in heads]
    kinds = [head.kind for head in columns]
    body = [
        el("tr", *(el("td", cell, class_=kind) for cell, kind in zip(row, kinds, strict=True)), "\n") for row in rows
    ]
    if not body:
        return NOTHING
    first = el(
        "tr", *(el("th", head.text, scope="col", class_=kind) for head, kind in zip(columns, kinds, strict=True))
    )
    inner = el("table", el("thead", first), "\n", el("tbody", *body), id=id)
    return _frame(label, inner)


def facts(label: str, pairs: Iterable[tuple[str, object]]) -> Html:
    """A table of two columns: what, and what it is; nothing when there are none."""
    rows = [el("tr", el("th", word, scope="row"), el("td", said)) for word, said in pairs]
    return _frame(label, el("table", el("tbody", *rows), class_="facts")) if rows else NOTHING


def _frame(label: str, inner: Html) -> Html:
    """Can be scrolled by keys as well."""
    return el("div", inner, class_="scroll", tabindex=0, role="region", aria_label=label)


def code(text: str) -> Html:
    """A name as it is written."""
    return el("code", text)


def page_name(name: str) -> str:
    """The file of a page about something: its own name, with what not every file system and address takes written in hexadecimal."""
    return re.sub(r"[^A-Za-z0-9_.-]", lambda found: f"%{ord(found[0]):x}".replace("%", "~"), name) + ".html"
