"""One landing: parts in, accepted and rejected files out, counts that close."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from entrepot.adapters.embedded.connections import Settings, open_instance
from entrepot.adapters.embedded.direct import prepare_direct, write_direct
from entrepot.adapters.embedded.feed import Feed
from entrepot.adapters.embedded.judge import Judge
from entrepot.adapters.embedded.queries import BATCH_ROWS, Resolve, iterate, open_views, query_schema, translated
from entrepot.adapters.embedded.quoting import literal
from entrepot.adapters.embedded.references import join_references
from entrepot.adapters.embedded.rejects import count_warnings, settle_rejects
from entrepot.adapters.embedded.sources import (
    BRINGABLE,
    Prepared,
    Source,
    Window,
    cut_windows,
    describe_misfits,
    group_parts,
    prepare_scan,
    prepare_stream,
    scan_source,
    stream_source,
)
from entrepot.adapters.embedded.staging import Staging
from entrepot.adapters.embedded.uniques import Uniques
from entrepot.contracts.model import Contract, table_schema
from entrepot.kernel.errors import EntrepotError, ProjectError, RunError, UsageError
from entrepot.kernel.rows import ORIGIN, RECORD_ID, SYSTEM_COLUMNS, record_id
from entrepot.ports.engine import REJECT_SCHEMA, Counts, SplitResult, SplitTask, Staged
from entrepot.ports.relations import ParquetScan, Part, QueryScan, Stream

if TYPE_CHECKING:
    import duckdb

STREAM, MISSING = "__stream", "__missing"
Progress = Callable[[int], None]


@dataclass(slots=True)
class Landing:
    """The state of one call of `split` under a contract."""

    task: SplitTask
    contract: Contract
    connection: duckdb.DuckDBPyConnection
    settings: Settings
    zone: str
    """Where queries stand; values without a zone are read in the contract's."""
    resolve: Resolve
    into: Path
    progress: Progress
    received: Counter[str] = field(default_factory=Counter)
    """place → rows, counted as they are read; the outputs are counted as they are written."""
    starts: list[tuple[int, str]] = field(default_factory=list)
    notes: tuple[str, ...] = ()

    def run(self) -> SplitResult:
        """Judge all parts. Raises: as `Engine.split`."""
        staging = Staging(self.connection, self.into, self._schema())
        references = join_references(self.task, self.contract, self.connection, self.resolve)
        judge = Judge(self.task, self.contract, self.connection, references)
        with failures():
            if self._pass_directly(judge, staging):
                return self._settle(staging)
            first_row = 1
            prepared = [self._prepare(number, part) for number, part in enumerate(self.task.parts)]
            if not any(isinstance(part.rows, QueryScan) for part in self.task.parts):
                self.notes = describe_misfits(self.contract, prepared)
            self.notes += tuple(f"{part.place}: {note}" for part in self.task.parts for note in part.notes)
            for group in group_parts(self._ordered(prepared)):
                first_row = self._pass(judge, staging, group, first_row)
            inside = judge.nested.note()
            self.notes += (f"{self.contract.dataset}: {inside}",) if inside else ()
            return self._settle(staging)

    def _pass_directly(self, judge: Judge, staging: Staging) -> bool:
        """Take a query's rows in one statement; False when that cannot be, or a row is rejected."""
        direct = prepare_direct(self.task, self.contract, self.connection, self.zone, self.resolve)
        rows = write_direct(direct, judge, staging) if direct is not None else None
        if rows is None:
            return False
        self.received[self.task.parts[0].place] += rows
        if rows:
            self.starts.append((1, self.task.parts[0].place))
        self.notes = self.task.parts[0].notes
        self.progress(rows)
        return True

    def _ordered(self, parts: list[Prepared]) -> list[Prepared]:
        """Parts that look alike side by side, so that few statements judge them; where the last of a key wins, the order given holds.

        So of several rows with one key the first in the order of reading is kept: files of one shape, one after the other.
        """
        if self.task.keep_last_of_key:
            return parts
        first = {signature: place for place, signature in reversed(list(enumerate(part.signature for part in parts)))}
        return sorted(parts, key=lambda part: first[part.signature])

    def _schema(self) -> pa.Schema:
        schema = table_schema(self.contract)
        if self.task.system_columns:
            return schema
        if len(self.task.parts) != 1:
            raise UsageError(f"{len(self.task.parts)} parts without system columns; allowed is one.")
        return pa.schema([schema.field(column.name) for column in self.contract.columns])

    def _prepare(self, number: int, part: Part) -> Prepared:
        match part.rows:
            case Stream() as stream:
                return prepare_stream(self.contract, number, part, stream, (ORIGIN,) if stream.has_origins else ())
            case ParquetScan() as scan:
                return prepare_scan(self.contract, self.connection, number, part, scan)
            case QueryScan() as scan:
                return self._prepare_query(number, part, scan)

    def _prepare_query(self, number: int, part: Part, scan: QueryScan) -> Prepared:
        """A query becomes a stream of an instance of its own."""
        stream = query_stream(self.settings, self.zone, self.resolve, scan)
        brings = tuple(name for name in BRINGABLE if scan.carries_record_ids and name in stream.schema.names)
        if self.task.system_columns and not {RECORD_ID, ORIGIN}.issubset(brings):
            raise UsageError(
                f"{part.place}: rows of a query have no record ids unless it gives {RECORD_ID} and {ORIGIN}.",
                hint="Models without a driving input are full: they are written without system columns.",
            )
        if len(self.task.parts) != 1:
            raise UsageError(f"{part.place}: a query stands alone in its batch; here are {len(self.task.parts)} parts.")
        own = [name for name in stream.schema.names if name not in SYSTEM_COLUMNS]
        headers = prepare_stream(
            self.contract, number, part, Stream(pa.schema([stream.schema.field(n) for n in own]), stream.open)
        )
        return replace(headers, part=Part(part.place, stream), brings=brings)

    def _pass(self, judge: Judge, staging: Staging, group: list[Prepared], first_row: int) -> int:
        if isinstance(group[0].part.rows, ParquetScan):
            return self._pass_scan(judge, staging, group, first_row)
        with Feed(self.contract, group, [part.place for part in self.task.parts], first_row) as feed:
            if feed.has_more:
                self.connection.register(STREAM, pa.Table.from_batches([], feed.schema))
                source = stream_source(self.contract, self.connection, STREAM, group)
                accepted = judge.select_accepted(source, group[0].part.place)
                while feed.has_more:
                    self._pass_slice(judge, staging, source, accepted, feed)
        for item in group:
            self._note_received(item, first_row, feed.received[item.number])
            first_row += feed.received[item.number]
        return first_row

    def _pass_slice(self, judge: Judge, staging: Staging, source: Source, accepted: str, feed: Feed) -> None:
        self.connection.register(STREAM, feed.slice())
        try:
            written = staging.write_accepted(accepted)
        except Exception:
            feed.raise_error()
            raise
        if written < feed.held_rows:
            missing = self._missing(staging, written, source, feed.held_from, feed.held_rows)
            self.connection.register(STREAM, feed.held(missing))
            staging.write_raw_rejects(judge.select_rejected(source, "rejected rows"))
        self.progress(feed.held_rows)

    def _pass_scan(self, judge: Judge, staging: Staging, group: list[Prepared], first_row: int) -> int:
        for windows in cut_windows(group, first_row):
            self._pass_windows(judge, staging, windows)
        for item in group:
            self._note_received(item, first_row, item.rows)
            first_row += item.rows
        return first_row

    def _pass_windows(self, judge: Judge, staging: Staging, windows: list[Window]) -> None:
        source = scan_source(self.contract, windows)
        written = staging.write_accepted(judge.select_accepted(source, windows[0].item.part.place))
        rows = sum(window.end - window.start for window in windows)
        if written < rows:
            missing = self._missing(staging, written, source, windows[0].first_row, rows)
            if missing is not None:
                numbers = pc.add(missing, pa.scalar(windows[0].first_row, pa.int64()))
                self.connection.register(MISSING, pa.table({"__rn": numbers}))
                source = replace(source, relation=f"(SELECT * FROM {source.relation} SEMI JOIN {MISSING} USING (__rn))")
            staging.write_raw_rejects(judge.select_rejected(source, "rejected rows"))
        self.progress(rows)

    def _missing(self, staging: Staging, written: int, source: Source, first_row: int, rows: int) -> pa.Array | None:
        """Places (from 0) of those rows that the file just accepted does not have; None where it has no numbers: then all are judged again."""
        if not written or not self.task.system_columns or RECORD_ID in source.brings:
            return None
        ids = pq.read_table(staging.accepted[-1].path, columns=[RECORD_ID]).column(0)
        first_id = pa.scalar(record_id(self.task.stamp.batch, first_row), pa.int64())
        there = pc.inverse_permutation(pc.subtract(ids, first_id), max_index=rows - 1)
        return pc.indices_nonzero(pc.is_null(there)).cast(pa.int64())

    def _note_received(self, item: Prepared, first_row: int, rows: int) -> None:
        self.received[item.part.place] += rows
        if rows:
            self.starts.append((first_row, item.part.place))

    def _settle(self, staging: Staging) -> SplitResult:
        """Quarantine rows, uniqueness, and the counts."""
        self._refuse_doubled_ids(staging)
        reasons, rejected = settle_rejects(staging, self.task.stamp, have_ids=self._have_ids())
        replaced = None
        if self.task.find_replaced is not None:
            replaced = self.task.find_replaced(Staged(staging.schema, tuple(staging.accepted)))
            self.task = replace(self.task, ignore_key_conflicts_where=replaced)
        pa.default_memory_pool().release_unused()
        uniques = Uniques(self.task, self.contract, staging, self.resolve, self.starts or [(1, "")])
        outcome = uniques.judge(sum(rejected.values()))
        reasons.update(outcome.reasons)
        reasons.update(count_warnings(staging) if self.task.system_columns else outcome.warnings)
        rejected.update(outcome.rejected)
        staging.clean()
        places = {
            place: Counts(
                n, n - rejected[place] - outcome.duplicates[place], rejected[place], outcome.duplicates[place]
            )
            for place, n in self.received.items()
        }
        accepted = Staged(staging.schema, tuple(staging.accepted))
        refused = Staged(REJECT_SCHEMA, tuple(staging.rejected))
        counts = Counts(sum(self.received.values()), accepted.rows, refused.rows, sum(outcome.duplicates.values()))
        check_counts(counts, places)
        return SplitResult(
            accepted, refused, counts, {k: n for k, n in sorted(reasons.items()) if n}, places, replaced, self.notes
        )

    def _refuse_doubled_ids(self, staging: Staging) -> None:
        """A join that gives a driving record twice would make two rows of one id. Raises: ProjectError."""
        brought = any(isinstance(part.rows, QueryScan) and part.rows.may_repeat_records for part in self.task.parts)
        if not (brought and self.task.system_columns and staging.accepted):
            return
        files = ", ".join(literal(str(file.path)) for file in staging.accepted)
        found = self.connection.execute(
            f"SELECT count(*) - count(DISTINCT {RECORD_ID}) FROM read_parquet([{files}])"
        ).fetchone()
        if found is not None and found[0]:
            raise ProjectError(
                f"{self.contract.dataset}: a join gives {found[0]:,} record(s) of the driving input more than once.",
                hint="Join on keys that are unique on the other side, or make the model kind: full.",
            )

    def _have_ids(self) -> bool:
        return self.task.system_columns


def query_stream(settings: Settings, zone: str, resolve: Resolve, scan: QueryScan) -> Stream:
    """A query as a stream: each opening runs it in an instance of its own."""

    def run() -> Iterator[pa.RecordBatch]:
        opened = open_instance(settings, zone)
        try:
            sql = open_views(opened.connection, scan, resolve)
            with translated():
                reader = opened.connection.execute(sql).to_arrow_reader(BATCH_ROWS)
            yield from iterate(reader)
        finally:
            opened.close()

    opened = open_instance(settings, zone)
    try:
        return Stream(query_schema(opened.connection, open_views(opened.connection, scan, resolve)), run)
    finally:
        opened.close()


def check_counts(counts: Counts, places: dict[str, Counts]) -> None:
    """Raise: RunError when a row is missing or counted twice."""
    accepted = sum(count.accepted for count in places.values())
    if counts.closes and accepted == counts.accepted:
        return
    raise RunError(
        f"the batch does not close: received {counts.received}, accepted {counts.accepted}, rejected {counts.rejected}, "
        f"duplicate {counts.duplicate}.",
        hint="Nothing was committed. Keep the input and report this: it is a fault of the engine.",
    )


@contextmanager
def failures() -> Iterator[None]:
    """Turn what DuckDB raises of its own into a RunError."""
    import duckdb

    try:
        yield
    except EntrepotError:
        raise
    except duckdb.OutOfMemoryException as error:
        raise RunError(
            f"the rows did not fit into the engine's memory: {error}.", hint="Give it more memory or fewer threads."
        ) from error
    except duckdb.Error as error:
        raise RunError(f"the engine could not judge the rows: {type(error).__name__}: {error}") from error
