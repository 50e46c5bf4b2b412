"""From a record forward: what became of it, and every row of every table that it reached."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from entrepot.app.explaining.answers import Fate, Limits, Reached
from entrepot.app.explaining.asking import Asker
from entrepot.app.explaining.builds import Build, Builds
from entrepot.app.explaining.identities import Identity, same_rows
from entrepot.app.explaining.records import rows_of
from entrepot.app.wiring import Platform
from entrepot.flow.rejects import Reject
from entrepot.kernel.errors import DamageError, EntrepotError, UsageError
from entrepot.kernel.rows import CORRECTS, ORIGIN, RECORD_ID, SYSTEM_COLUMNS, split_record_id
from entrepot.ports.relations import TableVersion
from entrepot.ports.state import Release
from entrepot.ports.workbench import TooLarge, Workbench
from entrepot.sql.explain import NotExplainable
from entrepot.sql.expressions import quote_name

RECORD = Identity(((RECORD_ID, "BIGINT"),))


@dataclass(slots=True)
class Forward:
    """Follows records of sources through the models of a release. Each model that may be reached is run once, with a mark beside its rows."""

    platform: Platform
    bench: Workbench
    builds: Builds
    release: Release
    limits: Limits
    asker: Asker = field(init=False)
    hits: dict[TableVersion, str] = field(default_factory=dict)
    """Tables with the identities of their reached rows."""

    def __post_init__(self) -> None:
        self.asker = Asker(self.platform.project, self.bench, self.limits)

    def find_origin(self, origin: str) -> list[tuple[str, int]]:
        """Datasets and record ids that came from a place: `sales.csv#17`. Raises: UsageError when there is none."""
        found: list[tuple[str, int]] = []
        text = "'" + origin.replace("'", "''") + "'"
        for source in self.platform.project.sources:
            for name in (source.dataset, f"quarantine.{source.dataset}"):
                if not self.platform.tables.exists(name):
                    continue
                version = self.release.tables.get(name, self.platform.tables.version(name))
                relation = self.bench.open_table(TableVersion(name, version))
                rows = self.bench.rows(f"SELECT {RECORD_ID} AS id FROM {relation} WHERE {ORIGIN} = {text} LIMIT 100")
                found += [(source.dataset, int(id)) for id in rows.column("id").to_pylist()]
        if not found:
            raise UsageError(
                f"no record came from {origin!r}.",
                hint="Origins look like sales.csv#17 or prices.xlsx#Sheet1!12; they stand in the column _origin.",
            )
        return list(dict.fromkeys(found))

    def fate(self, dataset: str, record: int) -> Fate:
        """What became of a record when it came; records that are in the table are followed from then on."""
        id_ = _id(dataset, record)
        version = self.release.tables.get(dataset)
        if version is not None:
            row = self._row(TableVersion(dataset, version), f"{RECORD_ID} = {record}")
            if row is not None:
                corrects = row.get(CORRECTS)
                words = "it is in the table" + (", as the correction of a rejected record" if corrects else "")
                self._hit(TableVersion(dataset, version), record)
                shown = {name: value for name, value in row.items() if name not in SYSTEM_COLUMNS}
                return Fate(
                    dataset, record, id_, row[ORIGIN], "accepted", words, shown,
                    corrects=_id(dataset, corrects) if corrects else None,
                )  # fmt: skip
        rejects = self.platform.rejects.find(dataset, [record])
        if rejects:
            return self._rejected(dataset, rejects[0], version)
        words = "it is neither in the table of this release nor in quarantine: a later file, a correction or a rebuild took its place, or it never came"
        return Fate(dataset, record, id_, None, "gone", words)

    def _rejected(self, dataset: str, reject: Reject, version: int | None) -> Fate:
        rules = ", ".join(dict.fromkeys(reason.rule for reason in reject.reasons))
        words = f"it broke {rules} and is {reject.status.value}"
        corrected = None
        if version is not None:
            row = self._row(TableVersion(dataset, version), f"{CORRECTS} = {reject.record}")
            if row is not None:
                corrected = _id(dataset, int(row[RECORD_ID]))
                words += f"; its corrected form is {corrected}, which is followed"
                self._hit(TableVersion(dataset, version), int(row[RECORD_ID]))
        return Fate(
            dataset, reject.record, reject.id, reject.origin, "rejected", words, reject.row, corrected_by=corrected
        )

    def _row(self, table: TableVersion, condition: str) -> dict[str, Any] | None:
        rows = self.bench.rows(f"SELECT * FROM {self.bench.open_table(table)} WHERE {condition} LIMIT 1").to_pylist(
            maps_as_pydicts="strict"
        )
        return rows[0] if rows else None

    def _hit(self, table: TableVersion, record: int) -> None:
        before = f"SELECT * FROM {self.hits[table]} UNION " if table in self.hits else ""
        name = self.asker.new_name("hits")
        self.bench.keep(name, f"{before}SELECT CAST({record} AS BIGINT) AS {RECORD_ID}")
        self.hits[table] = name

    def follow(self) -> tuple[Reached, ...]:
        """Every table below, in the order of dependency."""
        found = []
        for model in self.platform.project.graph.ordered():
            name = str(model.name)
            version = self.release.tables.get(name)
            if version is None:
                continue  # a view, or not released yet
            build = self.builds.find(name, version)
            if build is None or not any(table in self.hits for table in build.inputs.values()):
                continue
            found.append(self._reach(name, version, build))
        return tuple(reached for reached in found if reached.rows or reached.refused or reached.notes)

    def _reach(self, name: str, version: int, build: Build) -> Reached:
        through = tuple(str(dataset) for dataset, table in build.inputs.items() if table in self.hits)
        empty = Reached(name, version, build.kind, 0, through)
        if build.query is None:
            return Reached(name, version, build.kind, 0, through, refused=build.problem)
        table = TableVersion(name, version)
        try:
            relation = self.bench.open_table(table)
            identity = self.asker.identity(name, relation)
            made, kept = self.asker.new_name("made"), self.asker.new_name("hits")
            self.asker.marked(build, self.hits, made)
            types = {column.lower(): type_ for column, type_ in self.bench.columns(f"SELECT * FROM {made}")}
            known = Identity(tuple(pair for pair in identity.columns if pair[0].lower() in types))
            candidates = self.asker.new_name("candidates")
            items = ", ".join(f"TRY_CAST({quote_name(n)} AS {t}) AS {quote_name(n)}" for n, t in known.columns)
            self.bench.keep(candidates, f"SELECT DISTINCT {items} FROM {made}")
            rows = self.bench.keep(
                kept, f"SELECT DISTINCT {identity.names} FROM ({rows_of(self.bench, table, candidates, known)})"
            )
            lost = self._number(
                f"SELECT count(*) FROM {candidates} AS _a ANTI JOIN {kept} AS _q ON "
                f"{same_rows('_q', '_a', known, {n.lower(): t for n, t in known.columns})}"
            )
            notes = [identity.note] if identity.note else []
            if lost:
                notes.append(f"{lost:,} computed rows are not in the table: its contract or a merge kept them out.")
            if not rows:
                return Reached(name, version, build.kind, 0, through, notes=tuple(notes))
            self.hits[table] = kept
            shown = [
                column for column, _ in self.bench.columns(f"SELECT * FROM {relation}") if column not in SYSTEM_COLUMNS
            ]
            sample = self.asker.sample(relation, kept, identity, shown)
            return Reached(name, version, build.kind, rows, through, sample, notes=tuple(notes))
        except NotExplainable as error:
            return Reached(name, version, empty.kind, 0, through, refused=error.message)
        except (TooLarge, DamageError, EntrepotError) as error:
            return Reached(name, version, empty.kind, 0, through, refused=error.message)

    def _number(self, sql: str) -> int:
        return int(self.bench.rows(sql).column(0)[0].as_py())


def _id(dataset: str, record: int) -> str:
    batch, row = split_record_id(int(record))
    return f"{dataset}:{batch}.{row}"
