"""One hop: from rows of a table to the rows of its inputs that made them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from entrepot.app.explaining.answers import Limits
from entrepot.app.explaining.builds import Build
from entrepot.app.explaining.comparing import Again, compare
from entrepot.app.explaining.identities import Identity, find_identity, same_rows
from entrepot.app.explaining.narrow import narrow
from entrepot.app.project import Project
from entrepot.kernel.names import Dataset
from entrepot.ports.relations import TableVersion
from entrepot.ports.workbench import TooLarge, Workbench
from entrepot.sql.explain import Carrier, Counts, IdLists, Input, Marks, Rewritten, carried_name, rewrite
from entrepot.sql.explain.shapes import uses_rows_once
from entrepot.sql.expressions import quote_name

FEW_ROWS = 200_000
"""Above, the rows of a window without PARTITION BY are not even tried to be listed: there is a list of all before for each."""
QUICK_SECONDS = 6.0
"""What a first try may take, when another way is left."""
MOST_COUNTED = 1_000_000
"""Uses of rows up to which they are listed to be counted without doubles."""


@dataclass(frozen=True, slots=True)
class Found:
    """The rows of one input, kept on the workbench under `name`, with the columns of its identity."""

    table: TableVersion
    name: str
    records: int
    total: int
    total_is: str = "exact"


@dataclass(frozen=True, slots=True)
class Hop:
    """What one hop found."""

    rewritten: Rewritten
    found: tuple[Found, ...]
    notes: tuple[str, ...]


class Asker:
    """Asks models which rows they are made of. Keeps its results on the workbench under names that count up."""

    def __init__(self, project: Project, bench: Workbench, limits: Limits) -> None:
        self._project = project
        self._bench = bench
        self._limits = limits
        self._made = 0

    def identity(self, dataset: str, relation: str) -> Identity:
        """What tells the rows of a relation apart."""
        return find_identity(self._project, dataset, self._bench.columns(f"SELECT * FROM {relation}"))

    def new_name(self, what: str) -> str:
        """A name on the workbench that nothing has."""
        self._made += 1
        return f"_{what}_{self._made}"

    def inputs(self, build: Build, hits: Mapping[TableVersion, str] | None = None) -> dict[Dataset, Input]:
        """The base tables of a build, opened."""
        found = {}
        for dataset, table in build.inputs.items():
            relation = self._bench.open_table(table)
            identity = self.identity(str(dataset), relation)
            found[dataset] = Input(dataset, relation, identity.columns, (hits or {}).get(table))
        return found

    def hop(self, dataset: str, build: Build, asked: str, identity: Identity, stored: str | None) -> Hop:
        """From asked rows to those of the inputs.

        Args: asked: name of the identities on the workbench. stored: the relation that holds the rows; None for a view.
        Raises: NotExplainable; TooLarge when no way was small enough; ProjectError when the engine refuses the text.
        """
        inputs = self.inputs(build)
        kept = self.new_name("step")
        rewritten, carrier = self._try_all(build, inputs, asked, identity, kept)
        again = Again(dataset, kept, asked, identity, stored, build.columns)
        notes = [*compare(self._bench, again, self._limits.most), *map(str, rewritten.unlisted)]
        if carrier.most == 1:
            notes.append(
                f"all rows that made {dataset} would need more memory or time than there is: of each group one is listed, "
                "as a sample; the totals hold. Ask for fewer rows or columns, or with --full and more --seconds."
            )
        notes += [note for t in rewritten.tables if (note := self._note(t, inputs)) is not None]
        found = [
            self._collect(build, inputs, asked, identity, (kept, rewritten, carrier), table)
            for table in rewritten.tables
        ]
        return Hop(rewritten, tuple(found), tuple(notes))

    def marked(self, build: Build, hits: Mapping[TableVersion, str], into: str) -> Rewritten:
        """Keep the rows of a model that hits of its inputs reached: the columns of the SELECT, as they are computed now."""
        rewritten = self._rewrite(build, self.inputs(build, hits), Marks())
        marks = [carried_name(table) for table in rewritten.tables if build.inputs[table] in hits]
        where = " OR ".join(marks) or "false"
        names = ", ".join(map(carried_name, rewritten.tables))
        exclude = f" EXCLUDE ({names})" if names else ""
        self._bench.keep(into, f"SELECT *{exclude} FROM ({rewritten.sql}) WHERE {where}")
        return rewritten

    def _rewrite(self, build: Build, inputs: Mapping[Dataset, Input], carrier: Carrier) -> Rewritten:
        assert build.query is not None
        return rewrite(build.query, inputs, carrier, build.views, build.line_of)

    def _try_all(
        self, build: Build, inputs: Mapping[Dataset, Input], asked: str, identity: Identity, kept: str
    ) -> tuple[Rewritten, IdLists]:
        """The first way of listing that is not too large."""
        ways = list(self._ways(inputs))
        for place, carrier in enumerate(ways):
            rewritten = self._rewrite(build, inputs, carrier)
            is_last = place == len(ways) - 1
            try:
                self._keep(rewritten, asked, identity, kept, seconds=None if is_last else QUICK_SECONDS)
            except TooLarge:
                if is_last:
                    raise
            else:
                return rewritten, carrier
        raise AssertionError("there is always a last way")

    def _ways(self, inputs: Mapping[Dataset, Input]) -> Iterator[IdLists]:
        if self._limits.full:
            yield IdLists()
            return
        most = self._limits.most + 1
        rows = [
            self._bench.rows(f"SELECT count(*) AS n FROM {each.relation}").column(0)[0].as_py()
            for each in inputs.values()
        ]
        if max(rows, default=0) <= FEW_ROWS:
            yield IdLists(most)
        yield IdLists(most, unpartitioned=False)
        yield IdLists(1, unpartitioned=False, partitioned=False)

    def _keep(self, rewritten: Rewritten, asked: str, identity: Identity, kept: str, *, seconds: float | None) -> None:
        """Keep the model's asked rows with all they carry."""
        self._bench.keep(kept, self._asked_rows(rewritten, asked, identity), seconds=seconds)

    def _asked_rows(self, rewritten: Rewritten, asked: str, identity: Identity) -> str:
        types = {name.lower(): type_ for name, type_ in self._bench.columns(rewritten.sql)}
        known = Identity(tuple(pair for pair in identity.columns if pair[0].lower() in types))
        same = same_rows("_q", "_a", known, types) or "true"
        where = narrow(self._bench, asked, known, types, "_q")
        return f"SELECT _q.* FROM ({rewritten.sql}) AS _q SEMI JOIN {asked} AS _a ON {same} WHERE {where}"

    def _collect(
        self,
        build: Build,
        inputs: Mapping[Dataset, Input],
        asked: str,
        identity: Identity,
        step: tuple[str, Rewritten, IdLists],
        table: Dataset,
    ) -> Found:
        """The distinct rows of one input, and how many there are altogether."""
        kept, rewritten, carrier = step
        given, most = inputs[table], self._limits.most
        name = self.new_name("rows")
        records = self._unpack(kept, given, name)
        total, total_is = records, "exact"
        if carrier.most is not None and (self._is_cut(kept, given, carrier) or rewritten.unlisted):
            total, total_is = self._count(build, inputs, asked, identity, given, carrier)
            total = max(total, records)
        if records > most and not self._limits.full:
            listed = self.new_name("rows")
            records = self._bench.keep(listed, f"SELECT * FROM {name} ORDER BY ALL LIMIT {most}")
            name = listed
        return Found(build.inputs[table], name, records, total, total_is)

    def _unpack(self, kept: str, given: Input, name: str) -> int:
        """Keep the distinct identities in a step's lists."""
        if given.has_record_ids:
            items = f"_e AS {quote_name(given.identity[0][0])}"
        else:
            items = ", ".join(f"_e.{quote_name(column)} AS {quote_name(column)}" for column, _ in given.identity)
        elements = f"SELECT DISTINCT unnest({carried_name(given.dataset)}) AS _e FROM {kept}"
        return self._bench.keep(name, f"SELECT {items} FROM ({elements})")

    def _is_cut(self, kept: str, given: Input, carrier: IdLists) -> bool:
        longest = (
            self._bench.rows(f"SELECT max(len({carried_name(given.dataset)})) AS n FROM {kept}").column(0)[0].as_py()
        )
        return carrier.most is not None and (longest or 0) >= carrier.most

    def _count(
        self,
        build: Build,
        inputs: Mapping[Dataset, Input],
        asked: str,
        identity: Identity,
        given: Input,
        carrier: IdLists,
    ) -> tuple[int, str]:
        """How many rows of an input there are: by listing all where these are not too many, else by how often they are used."""
        counted = self._rewrite(build, inputs, Counts())
        column = carried_name(given.dataset)
        sql = f"SELECT least(coalesce(sum({column}), 0), 1e15) FROM ({self._asked_rows(counted, asked, identity)})"
        uses = self._number(sql)
        if uses <= MOST_COUNTED and carrier.most != 1:
            everything = replace(carrier, most=None, unpartitioned=True)
            kept, name = self.new_name("all"), self.new_name("all")
            try:
                self._keep(self._rewrite(build, inputs, everything), asked, identity, kept, seconds=QUICK_SECONDS)
                return self._unpack(kept, given, name), "exact"
            except TooLarge:
                pass
        if uses >= 10**15:
            return 0, "at least"
        is_once = uses_rows_once(build.query, build.views) and self._number(f"SELECT count(*) FROM {asked}") == 1
        return uses, "exact" if is_once else "at most"

    def _number(self, sql: str) -> int:
        return int(self._bench.rows(sql).column(0)[0].as_py())

    def _note(self, table: Dataset, inputs: Mapping[Dataset, Input]) -> str | None:
        given = inputs[table]
        return self.identity(str(table), given.relation).note

    def sample(self, relation: str, asked: str, identity: Identity, columns: Sequence[str]) -> list[dict[str, object]]:
        """A few of the asked rows, with the columns that matter."""
        own = {name.lower(): type_ for name, type_ in self._bench.columns(f"SELECT * FROM {relation}")}
        few = self.new_name("few")
        self._bench.keep(few, f"SELECT * FROM {asked} ORDER BY ALL LIMIT {self._limits.samples}")
        shown = ", ".join(f"_q.{quote_name(name)}" for name in columns)
        sql = (
            f"SELECT {shown} FROM {relation} AS _q SEMI JOIN {few} AS _a ON {same_rows('_q', '_a', identity, own)} "
            f"WHERE {narrow(self._bench, few, identity, own, '_q')} LIMIT {self._limits.samples}"
        )
        rows: list[dict[str, object]] = self._bench.rows(sql).to_pylist(maps_as_pydicts="strict")
        return rows
