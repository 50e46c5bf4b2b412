"""One fetch: page after page is asked for, landed, and looked through for what is new."""

from __future__ import annotations

from collections.abc import Callable

from entrepot.adapters.http.asks import Ask
from entrepot.adapters.http.landing import Fetched
from entrepot.adapters.http.marks import Mark
from entrepot.adapters.http.options import HttpOptions
from entrepot.adapters.http.pages import CutShort, Page, read_page, records_of
from entrepot.adapters.http.paging import Pager
from entrepot.adapters.http.problems import Unanswered, unanswered
from entrepot.adapters.http.progress import Progress
from entrepot.adapters.http.sender import Sender
from entrepot.intake.json_rows.members import Opener
from entrepot.ports.clock import Clock

_MOST_CUTS = 3


class Fetch:
    """Pages on their way from a server to the landing; may stand still between two of them."""

    def __init__(self, options: HttpOptions, pager: Pager, progress: Progress, fetched: Fetched, clock: Clock) -> None:
        self._options = options
        self._pager = pager
        self._progress = progress
        self._fetched = fetched
        self._clock = clock
        self._opener = Opener(options.json)
        self._keys: dict[str, None] = {}
        self._ask: Ask | None = pager.begin()

    @property
    def mark(self) -> Mark:
        """Where it stands."""
        return Mark(self._progress.value(), self._fetched.fetch)

    @property
    def is_empty(self) -> bool:
        """True when no page holds a record."""
        return not self._pager.records

    @property
    def has_news(self) -> bool:
        """True when there is a record that no earlier fetch has brought."""
        return self._progress.has_news

    def find_news(self, sender: Sender) -> bool:
        """Ask for pages until there is something new; False at the end."""
        while not self.has_news and self._advance(sender):
            pass
        return self.has_news

    def complete(self, sender: Sender, check: Callable[[tuple[str, ...]], tuple[str, ...]]) -> None:
        """Ask for the rest, and make all of it durable. Args: check: which keys become columns; may refuse."""
        while self._advance(sender):
            pass
        keys = check(tuple(self._keys))
        notes = (*self._pager.notes, *self._progress.notes())
        self._fetched.finish(keys, notes, self._progress.known(), self._clock.now())

    def drop(self) -> None:
        """Forget what was landed."""
        self._fetched.drop()

    def _advance(self, sender: Sender) -> bool:
        if self._ask is None:
            return False
        asked = self._ask
        page = self._request(sender, asked)
        left_out = self._progress.take(page, asked)
        for records in records_of(page, frozenset(left_out)):
            self._keys.update(dict.fromkeys(key for row in self._opener.open(records).values for key in row))
        self._fetched.write(page.answer, self._clock.now(), len(page.texts), left_out)
        self._pager.note(page)
        self._ask = None if self._progress.ends() else self._pager.follow(page)
        return True

    def _request(self, sender: Sender, ask: Ask) -> Page:
        """A document that ends too early is asked for again: nothing else tells that a connection broke."""
        where = f"{ask.where}, page {self._pager.given + 1}"
        for _ in range(_MOST_CUTS if self._options.is_repeatable else 1):
            try:
                return read_page(sender.send(ask), self._options.records, where)
            except CutShort:
                continue
        raise unanswered(where, Unanswered("cut", "the answer ends within the JSON document"), _MOST_CUTS)
