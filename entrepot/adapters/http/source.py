"""The reader of the connector `http`: what is new at an API is landed as received, and read from there."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from entrepot.adapters.http.asks import Answer, Ask
from entrepot.adapters.http.cassette import Player, Recorder
from entrepot.adapters.http.credentials import Credentials
from entrepot.adapters.http.fetch import Fetch
from entrepot.adapters.http.landing import NOTHING_KNOWN, Known, Landing, PageNote
from entrepot.adapters.http.marks import Mark, Values
from entrepot.adapters.http.options import ByToken, ByValue, HttpOptions
from entrepot.adapters.http.pages import CutShort, read_page, records_of
from entrepot.adapters.http.paging import Pager
from entrepot.adapters.http.progress import Anew, OnByToken, OnByValue, token_pagination
from entrepot.adapters.http.sender import Pace, Sender
from entrepot.adapters.http.transport import Network, Transport
from entrepot.intake.json_rows.columns import Builder
from entrepot.intake.json_rows.names import Names
from entrepot.intake.sources.base import ReaderContext
from entrepot.kernel.errors import DataError, RunError
from entrepot.kernel.points import reached
from entrepot.kernel.positions import Cursor, Position
from entrepot.ports.relations import FAULTS, RECORD, Part, Stream

_MOST_BESIDE = 200
"""Keys that the contract does not know and that are given nevertheless, so that people see them."""
_MOST_KEYS = 5_000
_SYSTEM = (RECORD, FAULTS)


class HttpReader:
    """Fetches into `.entrepot/landing/<flow>/<fetch>/`; the position is where the fetch ended, and its name."""

    def __init__(self, options: HttpOptions, context: ReaderContext) -> None:
        self._options = options
        self._context = context
        self._landing = Landing(context.runtime / "landing" / context.flow, context.flow)
        self._credentials = Credentials(options.auth, context.secret)
        self._pace = Pace(options.patience.per_second)
        self._player: Player | None = None
        self._fetch: Fetch | None = None

    def find_next(self, previous: Position | None) -> Cursor | None:
        """Ask for as many pages as it takes to see something new; they wait for the claim.

        Raises: SystemError_, DataError, which say what to check; nothing of the fetch is kept then.
        """
        self._drop()
        before = _as_cursor(previous).upto if previous is not None else None
        fetch = self._begin(before)
        if fetch is None:
            return None
        self._fetch = fetch
        return Cursor(before, str(fetch.mark))

    def claim(self, position: Position) -> Cursor:
        """Fetch the rest, and keep all of it."""
        after = _as_cursor(position).after
        reached("claim.before")
        fetch = self._fetch
        if fetch is None or str(fetch.mark) != _as_cursor(position).upto:
            self._drop()
            fetch = self._begin(after)
        if fetch is None:
            raise RunError(f"{self._context.flow}: what was new is no longer there.", hint="Nothing is to be done.")
        try:
            with self._sender() as sender:
                fetch.complete(sender, self._choose_columns)
        except BaseException:
            self._drop()
            raise
        reached("claim.moved")
        self._fetch = None
        self._landing.remove_orphans(fetch.mark.fetch, self._context.clock.now())
        reached("claim.after")
        return Cursor(after, str(fetch.mark))

    def read(self, position: Position) -> list[Part]:
        """A part for each page, `flow@fetch/page-000001.json`; a record's number is its place in the page."""
        fetch = Mark.read(_as_cursor(position).upto).fetch
        manifest = self._landing.manifest(fetch)
        names = Names(self._context.columns, manifest.keys)
        pages = [page for page in manifest.pages if page.records > len(page.left_out)] or list(manifest.pages[:1])
        parts = [self._part(fetch, page, names) for page in pages]
        if parts and manifest.notes:
            parts[0] = Part(parts[0].place, parts[0].rows, manifest.notes)
        return parts

    def acknowledge(self, position: Position) -> None:
        """The pages stay for a while, so that people can look at them; older ones go."""
        fetch, now = Mark.read(_as_cursor(position).upto).fetch, self._context.clock.now()
        self._landing.settle(fetch, now)
        reached("acknowledge.moved")
        self._landing.tidy(fetch, self._options.keep_raw, now)

    def refuse(self, position: Position, reason: str) -> None:
        """As `acknowledge`, with the reason beside the pages."""
        self._landing.settle(Mark.read(_as_cursor(position).upto).fetch, self._context.clock.now(), reason)

    def _begin(self, before: object) -> Fetch | None:
        """A fetch in which something new was found."""
        mark = Mark.read(str(before)) if before is not None else None
        progress, pager = self._plan(mark)
        fetch = Fetch(
            self._options, pager, progress, self._landing.begin(self._context.clock.now()), self._context.clock
        )
        found = False
        try:
            with self._sender() as sender:
                found = fetch.find_news(sender)
            if isinstance(progress, Anew):
                found = progress.decide(is_empty=fetch.is_empty)
        finally:
            if not found:
                fetch.drop()
        return fetch if found else None

    def _plan(self, mark: Mark | None) -> tuple[Anew | OnByValue | OnByToken, Pager]:
        options, cursor = self._options, self._options.cursor
        ask = Ask(options.method, options.url, options.params, options.headers, options.body)
        known = self._landing.known(mark.fetch) if mark is not None and cursor is not None else NOTHING_KNOWN
        match cursor:
            case None:
                return Anew(mark.value if mark else None, options.takes_empty), Pager(
                    options.pagination, ask, options.max_pages
                )
            case ByValue():
                return self._plan_by_value(cursor, mark, ask, known)
            case ByToken():
                token = mark.value if mark is not None else cursor.start
                if token:
                    ask = ask.with_value(cursor.sent_in, cursor.param, token)
                progress = OnByToken(cursor, options.batch_pages or 100, ask.where, token, known)
                return progress, Pager(token_pagination(cursor, options.pagination), ask, options.max_pages)

    def _plan_by_value(self, cursor: ByValue, mark: Mark | None, ask: Ask, known: Known) -> tuple[OnByValue, Pager]:
        values = Values(cursor.type, ask.where)
        before = mark.value if mark is not None else None
        asked = values.look_back(before, cursor.overlap) if before else cursor.start
        if asked is not None:
            ask = ask.with_value(cursor.sent_in, cursor.param, asked)
        progress = OnByValue(cursor, values, asked, before, known)
        return progress, Pager(self._options.pagination, ask, self._options.max_pages)

    def _sender(self) -> Sender:
        options = self._options
        return Sender(
            self._transport(), self._credentials, options.patience, self._context.clock,
            is_repeatable=options.is_repeatable, pace=self._pace,
        )  # fmt: skip

    def _transport(self) -> Transport:
        options = self._options
        if options.cassette is not None and not options.cassette.records:
            self._player = self._player or Player(options.cassette.folder)
            return self._player
        network = Network(options.patience.timeout_s, options.page_bytes)
        return network if options.cassette is None else Recorder(network, options.cassette.folder)

    def _drop(self) -> None:
        if self._fetch is not None:
            self._fetch.drop()
            self._fetch = None

    def _choose_columns(self, keys: tuple[str, ...]) -> tuple[str, ...]:
        """The keys that get a column of their own beside the contract's. Raises: DataError when none is the contract's."""
        columns = self._context.columns
        keys = tuple(key for key in keys if key not in _SYSTEM)
        if columns and keys:
            names = Names(columns, ())
            if not any(names.knows(key) for key in keys):
                raise DataError(
                    f"{self._options.method} {self._options.url}: no key of the records is a column of the contract; "
                    f"found: {', '.join(keys[:20])}.",
                    hint="Check the options records and flatten. Other names of a column stand under `entrepot.headers` in the contract.",
                )
            return keys[:_MOST_BESIDE]
        if len(keys) > _MOST_KEYS:
            raise DataError(
                f"{self._options.method} {self._options.url}: the records have {len(keys):,} different keys; at most "
                f"{_MOST_KEYS:,} become columns.",
                hint="Are the keys values? Write a contract for those that are meant.",
            )
        return keys

    def _part(self, fetch: str, page: PageNote, names: Names) -> Part:
        place = f"{self._context.flow}@{fetch}/{page.name}"
        schema = Builder(self._options.json, names, ()).schema
        return Part(place, Stream(schema, lambda: self._batches(fetch, page, place, names)))

    def _batches(self, fetch: str, page: PageNote, place: str, names: Names) -> Iterator[pa.RecordBatch]:
        answer = Answer(page.status, page.headers, self._landing.body(fetch, page))
        try:
            found = read_page(answer, self._options.records, place)
        except CutShort:
            raise DataError(f"{place} is not whole.", hint="Put it back from a backup.") from None
        builder = Builder(self._options.json, names, self._context.columns)
        for records in records_of(found, frozenset(page.left_out)):
            yield builder.build(records)


def _as_cursor(position: Position) -> Cursor:
    if not isinstance(position, Cursor):
        raise RunError(f"the connector http was given a position of kind {position.kind}; it reads kind cursor only.")
    return position
