"""How a source goes on from fetch to fetch: by a field of the records, by a word of the server, or all anew."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from hashlib import blake2b, sha256
from typing import Any, Protocol

from entrepot.adapters.http.asks import Ask
from entrepot.adapters.http.landing import NOTHING_KNOWN, Known, count_known
from entrepot.adapters.http.marks import Values
from entrepot.adapters.http.options import ByToken, ByValue, Pagination
from entrepot.adapters.http.pages import Page
from entrepot.kernel.errors import DataError


class Progress(Protocol):
    """What a way of going on (by value, by token, by all anew) makes of the pages."""

    has_news: bool

    def take(self, page: Page, asked: Ask) -> tuple[int, ...]:
        """Look through a page; say which of its records, counted from 1, came before."""
        ...

    def ends(self) -> bool:
        """True when no further page belongs to this batch."""
        ...

    def value(self) -> str:
        """Where this fetch ends."""
        ...

    def known(self) -> Known:
        """What the next fetch will meet again."""
        ...

    def notes(self) -> tuple[str, ...]:
        """What people should know."""
        ...


@dataclass(slots=True)
class Anew:
    """All records each time; something is new when they are not the same as before."""

    before: str | None
    takes_empty: bool
    has_news: bool = False
    _digest: Any = field(default_factory=sha256)

    def take(self, page: Page, asked: Ask) -> tuple[int, ...]:
        """Everything is taken; whether it is news is known at the end only."""
        for text in page.texts:
            self._digest.update(sha256(text.encode()).digest())
        return ()

    def ends(self) -> bool:
        """Only where the pages end."""
        return False

    def value(self) -> str:
        """The digest of all records."""
        return f"sha256:{self._digest.hexdigest()[:32]}"

    def decide(self, *, is_empty: bool) -> bool:
        """Is it other than before? A list that has become empty is not believed unless the source says so."""
        self.has_news = self.value() != self.before and (not is_empty or (self.takes_empty and self.before is not None))
        return self.has_news

    def known(self) -> Known:
        """Nothing: all is taken again."""
        return NOTHING_KNOWN

    def notes(self) -> tuple[str, ...]:
        """None."""
        return ()


@dataclass(slots=True)
class OnByValue:
    """Records whose field is not less than what was asked for; those that came before are left out, as often as they came."""

    cursor: ByValue
    values: Values
    asked: str | None
    before: str | None
    """Where the fetch before ended."""
    known_before: Known
    has_news: bool = False
    _greatest: str | None = None
    _met: Counter[str] = field(default_factory=Counter)
    _next: Counter[str] = field(default_factory=Counter)
    _kept: dict[str, str | None] = field(default_factory=dict)
    _pruned_at: int = 10_000
    _without: int = 0
    _older: int = 0

    def __post_init__(self) -> None:
        self._greatest = self.before

    def take(self, page: Page, asked: Ask) -> tuple[int, ...]:
        """As the protocol says. Raises: DataError when the field is nowhere, or older records come than were asked for."""
        found = [_field(value, self.cursor.field) for value in page.values]
        if found and all(value is None for value in found):
            raise DataError(
                f"{self.values.where}: no record has a value in {self.cursor.field}.",
                hint="Correct the option cursor.field.",
            )
        left_out = []
        for number, (text, value) in enumerate(zip(page.texts, found, strict=True), 1):
            digest = blake2b(text.encode(), digest_size=16).hexdigest()
            self._met[digest] += 1
            self._note(digest, value)
            if self._met[digest] <= self.known_before.counts.get(digest, 0):
                left_out.append(number)
            else:
                self.has_news = True
        if len(self._next) > self._pruned_at:
            self._prune()
            self._pruned_at = 2 * max(5_000, len(self._next))
        return tuple(left_out)

    def ends(self) -> bool:
        """Only where the pages end: nothing is known of the order."""
        return False

    def value(self) -> str:
        """The greatest value so far."""
        return self._greatest or ""

    def known(self) -> Known:
        """What lies within the overlap of the next fetch."""
        for digest, count in self.known_before.counts.items():
            value = self.known_before.values.get(digest)
            if value is not None and count > self._next[digest]:
                self._next[digest] = count
                self._kept[digest] = value
        self._prune()
        return count_known(self._next, self._kept)

    def notes(self) -> tuple[str, ...]:
        """What was odd."""
        odd = {
            f"{self._without:,} records have no value in {self.cursor.field}": self._without,
            f"{self._older:,} records lie before {self.cursor.param}, which was asked for": self._older,
            "what was taken before is not known any more, so that records of the overlap come again": int(
                self.known_before.is_lost
            ),
        }
        return tuple(text for text, count in odd.items() if count)

    def _note(self, digest: str, value: Any) -> None:
        """Remember a record that the next fetch may meet. `None` as its value: it is met always."""
        kept = value
        if value is None:
            self._without += 1
        else:
            key = self.values.key(value)
            if self.asked is not None and self.values.is_older(key, self.values.key(self.asked)):
                self._refuse_older()
                kept = None
            if not self._greatest or self.values.greater(key, self.values.key(self._greatest)):
                self._greatest = value
        self._next[digest] += 1
        self._kept[digest] = kept

    def _refuse_older(self) -> None:
        self._older += 1
        if not self.cursor.takes_older:
            raise DataError(
                f"{self.values.where}: a record comes whose {self.cursor.field} lies before what was asked for with {self.cursor.param}: "
                "does the server know this parameter?",
                hint="Correct cursor.param; if the server means it so (it looks at another field, or at whole days), write cursor.older: take.",
            )

    def _prune(self) -> None:
        if not self._greatest:
            return
        start = self.values.key(self.values.look_back(self._greatest, self.cursor.overlap))
        for digest in [
            one for one, value in self._kept.items() if value is not None and self.values.key(value) < start
        ]:
            del self._kept[digest], self._next[digest]


@dataclass(slots=True)
class OnByToken:
    """The server says where the stream goes on; the position is the last word that leads further."""

    cursor: ByToken
    batch_pages: int
    where: str
    token: str | None
    known_before: Known
    has_news: bool = False
    _pages: int = 0
    _is_over: bool = False
    _next: Counter[str] = field(default_factory=Counter)

    def take(self, page: Page, asked: Ask) -> tuple[int, ...]:
        """As the protocol says."""
        met: Counter[str] = Counter()
        left_out = []
        for number, text in enumerate(page.texts, 1):
            digest = blake2b(text.encode(), digest_size=16).hexdigest()
            met[digest] += 1
            if not self._pages and met[digest] <= self.known_before.counts.get(digest, 0):
                left_out.append(number)
            else:
                self.has_news = True
        self._pages += 1
        self._go_on(page, met)
        return tuple(left_out)

    def ends(self) -> bool:
        """After an empty page, the last one, or as many as a batch may hold."""
        return self._is_over or (self.has_news and self._pages >= self.batch_pages)

    def value(self) -> str:
        """The token that leads further; empty before the first."""
        return self.token or ""

    def known(self) -> Known:
        """The records of the last page, where the same token will bring them again."""
        return count_known(self._next, dict.fromkeys(self._next))

    def notes(self) -> tuple[str, ...]:
        """What was odd."""
        if self.known_before.is_lost:
            return ("what was taken before is not known any more, so that records may come again",)
        return ()

    def _go_on(self, page: Page, met: Counter[str]) -> None:
        _, said = page.at(self.cursor.next_from)
        if said in (None, "", False) or said == self.token:
            self._is_over = True
            self._next = met
        elif isinstance(said, str):
            self.token = said
            self._next = Counter()
            self._is_over = not page.texts
        else:
            raise DataError(
                f"{self.where}: {self.cursor.next_from} is neither a text nor a number.",
                hint="Correct the option cursor.from.",
            )


def token_pagination(cursor: ByToken, pagination: Pagination) -> Pagination:
    """Within a fetch the stream goes on as it does between fetches."""
    return replace(pagination, kind="cursor", param=cursor.param, sent_in=cursor.sent_in, next_from=cursor.next_from)


def _field(record: Any, path: str) -> Any:
    """A value of a record, numbers as they are written; None when it has none, or is no object."""
    for step in path.split("."):
        record = record.get(step) if isinstance(record, dict) else None
    return record
