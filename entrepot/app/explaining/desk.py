"""One object for CLI and API: explain rows of a release, follow a record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from entrepot.app.explaining.answers import Answer, ForwardAnswer, Limits, Row
from entrepot.app.explaining.asking import Asker
from entrepot.app.explaining.backward import Pending, Walk
from entrepot.app.explaining.builds import Builds
from entrepot.app.explaining.forward import Forward
from entrepot.app.explaining.identities import find_identity
from entrepot.app.explaining.records import export_records
from entrepot.app.wiring import Platform, read_pins
from entrepot.flow.rejects import parse_reject_id
from entrepot.kernel.errors import ProjectError, UsageError
from entrepot.ports.relations import QueryScan, TableVersion
from entrepot.ports.state import Release
from entrepot.ports.workbench import Workbench
from entrepot.serve.kpis.kpi import TREND_COLUMNS
from entrepot.sql.expressions import quote_name
from entrepot.sql.query import parse_query

MOST_ROWS = 20
"""So many rows may be asked for at once."""


class ExplainDesk:
    """Reads only. The versions of the release are pinned while it works."""

    def __init__(self, platform: Platform, limits: Limits | None = None) -> None:
        self._platform = platform
        self._limits = limits or Limits()

    def explain(
        self,
        dataset: str,
        where: str | None,
        *,
        columns: Sequence[str] = (),
        at: str | None = None,
        csv: Path | None = None,
    ) -> Answer:
        """What made the rows of a dataset that fulfil a predicate.

        Args:
            columns: those that are asked about; default: of a KPI all but its trend, of other datasets all.
            csv: where to write every record that it ends at.

        Raises: UsageError when the dataset is not there, or when no row or too many fulfil the predicate.
        """
        release = self._platform.release_for(at)
        self._check_dataset(dataset, release)
        with self._open(release) as bench:
            rows = self._find_rows(dataset, where, release)
            version = release.tables.get(dataset)
            walk = Walk(self._platform, bench, Builds(self._platform, release.tables), self._limits)
            start = self._start(walk.asker, bench, dataset, version, rows)
            start.columns = self._asked_columns(dataset, columns, rows.schema.names)
            steps = walk.run(start)
            exported = None
            if csv is not None:
                found = {
                    table: (asked, walk.asker.identity(table.name, bench.open_table(table)))
                    for table, asked in walk.records.items()
                }
                exported = export_records(bench, found, csv)
            return Answer(dataset, release.id, _listed(rows), steps, exported)

    def follow(self, *, record: str | None = None, origin: str | None = None, at: str | None = None) -> ForwardAnswer:
        """What became of a record (`bronze.sales:3.17`), or of those of a place (`sales.csv#17`), and every row that they reached.

        Raises: UsageError when the id cannot be read or the origin is not known.
        """
        release = self._platform.release_for(at)
        with self._open(release) as bench:
            forward = Forward(self._platform, bench, Builds(self._platform, release.tables), release, self._limits)
            if record is not None:
                records = [self._parse_record(record)]
            else:
                records = forward.find_origin(origin or "")
            fates = tuple(forward.fate(dataset, id) for dataset, id in records)
            return ForwardAnswer(release.id, fates, forward.follow())

    def _parse_record(self, text: str) -> tuple[str, int]:
        try:
            dataset, id = parse_reject_id(text)
        except ValueError as error:
            raise UsageError(
                f"{text!r} is not the id of a record.",
                hint="Ids are dataset, batch and row: bronze.sales:3.17. Or name its place: --origin 'sales.csv#17'.",
            ) from error
        known = {source.dataset for source in self._platform.project.sources}
        if dataset not in known:
            raise UsageError(f"no source brings {dataset!r}; records come to: {', '.join(sorted(known))}.")
        return dataset, id

    def _asked_columns(self, dataset: str, columns: Sequence[str], known: Sequence[str]) -> frozenset[str] | None:
        """In lower case; None: all. Raises: UsageError for a column that is not there."""
        unknown = [name for name in columns if name.lower() not in {each.lower() for each in known}]
        if unknown:
            raise UsageError(f"{dataset} has no column {unknown[0]!r}; it has: {', '.join(known)}.")
        if columns:
            return frozenset(name.lower() for name in columns)
        is_kpi = any(str(kpi.dataset) == dataset for kpi in self._platform.project.kpis)
        return frozenset(name.lower() for name in known if name not in TREND_COLUMNS) if is_kpi else None

    @contextmanager
    def _open(self, release: Release) -> Iterator[Workbench]:
        from entrepot.adapters.embedded.connections import Settings
        from entrepot.adapters.embedded.delta import table_resolver
        from entrepot.adapters.embedded.workbench import DuckWorkbench

        platform = self._platform
        temp = platform.project.runtime / "tmp"
        temp.mkdir(parents=True, exist_ok=True)
        read_pins(platform, release.tables)
        bench = DuckWorkbench(
            table_resolver(platform.tables),
            Settings(platform.threads, platform.memory_mb, temp),
            zone=platform.project.time_zone,
            seconds=self._limits.seconds,
        )
        try:
            yield bench
        finally:
            bench.close()
            platform.state.unpin(platform.holder)

    def _check_dataset(self, dataset: str, release: Release) -> None:
        known = {*release.tables, *release.views}
        if dataset not in known:
            from difflib import get_close_matches

            near = get_close_matches(dataset, sorted(known), n=3)
            meant = f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join(sorted(known))}."
            raise UsageError(f"release {release.id} has no dataset {dataset!r}.", hint=meant)

    def _find_rows(self, dataset: str, where: str | None, release: Release) -> pa.Table:
        """The asked rows as the release holds them; the predicate runs as a query of the user does."""
        condition = f" WHERE (\n{check_predicate(where)}\n)" if where else ""
        tables = {name: TableVersion(name, version) for name, version in release.tables.items()}
        scan = QueryScan(f"SELECT * FROM {dataset}{condition}", tables, release.views)
        found: list[pa.RecordBatch] = []
        count = 0
        reader = self._platform.engine.query(scan).batches()
        for batch in reader:
            if count <= MOST_ROWS:
                found.append(batch.slice(0, MOST_ROWS + 1))
            count += batch.num_rows
        rows = pa.Table.from_batches(found, reader.schema)
        if count > MOST_ROWS:
            raise UsageError(
                f"{count:,} rows of {dataset} fulfil this; {MOST_ROWS} may be explained at once.",
                hint=self._how_to_narrow(dataset, rows),
            )
        if not count:
            raise UsageError(
                f"no row of {dataset} in release {release.id} fulfils this.",
                hint=f'Look at its rows first: entrepot query "SELECT * FROM {dataset} LIMIT 10"',
            )
        return rows

    def _how_to_narrow(self, dataset: str, rows: pa.Table) -> str:
        columns = tuple((field.name, str(field.type)) for field in rows.schema)
        identity = find_identity(self._platform.project, dataset, columns)
        names = [name for name, _ in identity.columns if name in rows.schema.names][:4]
        return f'Narrow it by its key: --where "{" AND ".join(f"{name} = …" for name in names)}"'

    def _start(self, asker: Asker, bench: Workbench, dataset: str, version: int | None, rows: pa.Table) -> Pending:
        held = asker.new_name("start")
        bench.load(held, rows)
        relation = bench.open_table(TableVersion(dataset, version)) if version is not None else held
        identity = asker.identity(dataset, relation)
        asked = asker.new_name("rows")
        items = ", ".join(f"CAST({quote_name(n)} AS {t}) AS {quote_name(n)}" for n, t in identity.columns)
        bench.keep(asked, f"SELECT DISTINCT {items} FROM {held}")
        return Pending(dataset, version, asked, identity, 0)


def check_predicate(text: str) -> str:
    """A predicate over columns that may stand in WHERE.

    Raises: UsageError when it is none, or more than that.
    """
    try:
        query = parse_query(f"SELECT 1 WHERE (\n{text}\n)")
    except ProjectError as error:
        raise UsageError(
            f"--where is no SQL predicate: {error.message}",
            hint="Write it as after WHERE: --where \"day = '2026-09-27'\"",
        ) from error
    select = query.tree
    plain = all(not value or key in ("expressions", "where", "kind") for key, value in select.args.items())
    where = select.args.get("where")
    if not plain or where is None or type(where.this).__name__ != "Paren":
        raise UsageError(
            "--where is more than one predicate.", hint="Write it as after WHERE: --where \"day = '2026-09-27'\""
        )
    return text


def _listed(rows: pa.Table) -> list[Row]:
    found: list[Row] = rows.to_pylist(maps_as_pydicts="strict")
    return found
