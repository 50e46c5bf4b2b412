"""From rows back to the records that made them, table by table, each only after all that use it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from entrepot.app.explaining.answers import Limits, Step, Use
from entrepot.app.explaining.asking import Asker, Found, Hop
from entrepot.app.explaining.builds import Build, Builds
from entrepot.app.explaining.identities import Identity
from entrepot.app.explaining.records import files_of
from entrepot.app.wiring import Platform
from entrepot.kernel.errors import DamageError, EntrepotError
from entrepot.kernel.rows import ORIGIN, SYSTEM_COLUMNS
from entrepot.ports.relations import TableVersion
from entrepot.ports.workbench import TooLarge, Workbench
from entrepot.sql.explain import NotExplainable
from entrepot.sql.query import Query


@dataclass(slots=True)
class Pending:
    """A table whose rows wait to be explained."""

    dataset: str
    version: int | None
    asked: str
    """Their identities on the workbench."""
    identity: Identity
    depth: int
    columns: frozenset[str] | None = None
    """Those that are asked about, in lower case; None: all."""
    is_part: bool = False
    """True when not all rows are known that would have to be followed."""


@dataclass(slots=True)
class Walk:
    """The way of one explanation. Call `run` once."""

    platform: Platform
    bench: Workbench
    builds: Builds
    limits: Limits
    asker: Asker = field(init=False)
    waiting: dict[tuple[str, int | None], Pending] = field(default_factory=dict)
    records: dict[TableVersion, str] = field(default_factory=dict)
    """Tables where it ended, with the identities of the rows on the workbench."""

    def __post_init__(self) -> None:
        self.asker = Asker(self.platform.project, self.bench, self.limits)

    def run(self, start: Pending) -> tuple[Step, ...]:
        """All steps, the start first."""
        self.waiting[start.dataset, start.version] = start
        order = {str(model.name): place for place, model in enumerate(self.platform.project.graph.ordered())}
        steps = []
        while self.waiting:
            key = max(self.waiting, key=lambda each: (order.get(each[0], -1), each[1] or 0))
            steps.append(self._explain(self.waiting.pop(key)))
        return tuple(steps)

    def _explain(self, node: Pending) -> Step:
        rows = int(self.bench.rows(f"SELECT count(*) AS n FROM {node.asked}").column(0)[0].as_py())
        notes = [node.identity.note] if node.identity.note else []
        if node.is_part:
            notes.append("only a part of the rows is followed; all of them with --full")
        build = self.builds.find(node.dataset, node.version)
        if build is None:
            return self._end(node, rows, notes)
        step = Step(node.dataset, node.version, build.kind, rows, notes=tuple(notes))
        if build.problem is not None or build.query is None:
            uses = tuple(Use(table.name, table.version, 0, 0, "unknown") for table in build.inputs.values())
            return replace(step, refused=build.problem, uses=uses)
        if self.limits.steps is not None and node.depth >= self.limits.steps:
            self._remember(node)
            return step
        stored = None
        try:
            if node.version is not None:
                stored = self.bench.open_table(TableVersion(node.dataset, node.version))
            build = build.narrowed(self._columns(node))
            hop = self.asker.hop(node.dataset, build, node.asked, node.identity, stored)
            return replace(step, uses=self._uses(node, build, hop), notes=(*notes, *hop.notes))
        except NotExplainable as error:
            return replace(step, refused=error.message)
        except TooLarge as error:
            return replace(step, refused=f"{error.message} Ask for fewer rows, or without --full.")
        except DamageError as error:
            return replace(step, refused=f"a version it was built from is not kept any more: {error.message}")
        except EntrepotError as error:
            return replace(step, refused=f"the rewritten SELECT is refused by the engine: {error.message}")

    def _end(self, node: Pending, rows: int, notes: list[str]) -> Step:
        """What a source brought: by file."""
        assert node.version is not None
        table = TableVersion(node.dataset, node.version)
        self._remember(node)
        try:
            files, count = files_of(self.bench, table, node.asked, node.identity)
        except DamageError as error:
            return Step(node.dataset, node.version, "source", rows, refused=error.message, notes=tuple(notes))
        return Step(node.dataset, node.version, "source", rows, files=files, file_count=count, notes=tuple(notes))

    def _remember(self, node: Pending) -> None:
        if node.version is not None:
            self.records[TableVersion(node.dataset, node.version)] = node.asked

    def _uses(self, node: Pending, build: Build, hop: Hop) -> tuple[Use, ...]:
        rewritten = hop.rewritten
        uses = []
        for dataset, found in zip(rewritten.tables, hop.found, strict=True):
            relation = self.bench.open_table(found.table)
            identity = self.asker.identity(str(dataset), relation)
            absences = tuple(map(str, rewritten.absences.get(dataset, ())))
            if not found.records and not absences:
                continue
            columns = self._shown(relation, build.query, identity) if found.records else []
            sample = self.asker.sample(relation, found.name, identity, columns) if found.records else []
            longer = tuple(map(str, rewritten.longer.get(dataset, ())))
            uses.append(
                Use(
                    str(dataset),
                    found.table.version,
                    found.records,
                    found.total,
                    found.total_is,
                    longer,
                    absences,
                    sample,
                )
            )
            if found.records:
                self._wait(found, identity, node, build.columns_of(dataset))
        return tuple(uses)

    def _columns(self, node: Pending) -> frozenset[str] | None:
        """The asked columns with those that tell the rows apart."""
        return None if node.columns is None else node.columns | {name.lower() for name, _ in node.identity.columns}

    def _wait(self, found: Found, identity: Identity, node: Pending, columns: frozenset[str] | None) -> None:
        """Let the rows of an input wait; together with those by which another table uses it."""
        key = (found.table.name, found.table.version)
        is_part = node.is_part or found.records < found.total
        before = self.waiting.get(key)
        if before is None:
            self.waiting[key] = Pending(*key, found.name, identity, node.depth + 1, columns, is_part)
            return
        both = self.asker.new_name("rows")
        self.bench.keep(
            both, f"SELECT {identity.names} FROM {before.asked} UNION SELECT {identity.names} FROM {found.name}"
        )
        before.asked, before.is_part = both, before.is_part or is_part
        before.columns = None if columns is None or before.columns is None else before.columns | columns
        before.depth = min(before.depth, node.depth + 1)

    def _shown(self, relation: str, query: Query | None, identity: Identity) -> list[str]:
        """Columns that matter: those of the identity, those that the model names, and where the row stood."""
        from sqlglot import exp

        columns = [name for name, _ in self.bench.columns(f"SELECT * FROM {relation}")]
        named = {column.name.lower() for column in query.tree.find_all(exp.Column)} if query is not None else set()
        keys = {name.lower() for name, _ in identity.columns}
        own = [name for name in columns if name not in SYSTEM_COLUMNS]
        found = [name for name in own if name.lower() in named]
        found += [name for name in own if name.lower() in keys - named]
        return [*(found or own), *([ORIGIN] if ORIGIN in columns else [])]
