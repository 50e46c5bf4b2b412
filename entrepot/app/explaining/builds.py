"""From which versions of its inputs, and by which SELECT, a model's table was built."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from entrepot.app.wiring import Platform
from entrepot.kernel.errors import EntrepotError
from entrepot.kernel.names import Dataset, parse_dataset
from entrepot.kernel.positions import Versions
from entrepot.lake.models import Model
from entrepot.ports.relations import TableVersion
from entrepot.ports.state import Plan, PlanStatus
from entrepot.sql.explain.lines import original_lines
from entrepot.sql.explain.prune import named_columns, prune
from entrepot.sql.query import Query, parse_query


@dataclass(frozen=True, slots=True)
class Build:
    """What a table, or a view, is made of."""

    kind: str
    inputs: Mapping[Dataset, TableVersion]
    query: Query | None = None
    """None where it cannot be asked; then `problem` says why."""
    views: Mapping[Dataset, Query] = field(default_factory=dict)
    line_of: Callable[[int], int | None] | None = None
    problem: str | None = None
    columns: frozenset[str] | None = None
    """The columns that matter, in lower case; None: all."""

    def narrowed(self, columns: frozenset[str] | None) -> Build:
        """The same, with null in columns that do not matter."""
        if columns is None or self.query is None:
            return self
        return replace(self, query=prune(self.query, columns), columns=columns)

    def columns_of(self, dataset: Dataset) -> frozenset[str] | None:
        """The columns of an input that this SELECT names, directly or through a view; None: all."""
        if self.query is None:
            return None
        found: set[str] = set()
        for query in (self.query, *self.views.values()):
            named = named_columns(query, {str(dataset), *map(str, self.views)})
            if named is None:
                return None
            found |= named
        return frozenset(found)


class Builds:
    """Knows the builds of one project, as one release has them."""

    def __init__(self, platform: Platform, released: Mapping[str, int]) -> None:
        self._platform = platform
        self._released = released

    def find(self, dataset: str, version: int | None) -> Build | None:
        """How a table came to be at a version, or how a view is computed (version None); None for what a source brings."""
        model = self._platform.project.graph.find(parse_dataset(dataset))
        if model is None:
            return None
        kind = "python" if model.path.suffix == ".py" else str(model.kind)
        if version is None:
            return self._as_written(model, kind, self._released)
        plan = find_plan(self._platform, dataset, version)
        if plan is None:
            return Build(kind, {}, problem=f"the state knows no batch that built {dataset} version {version}.")
        position = plan.draft.position
        assert isinstance(position, Versions)
        why_not = self._why_not(model, plan, kind)
        inputs = {parse_dataset(name): TableVersion(name, at) for name, at in position.upto.items()}
        return Build(kind, inputs, problem=why_not) if why_not else self._as_written(model, kind, position.upto)

    def _as_written(self, model: Model, kind: str, versions: Mapping[str, int]) -> Build:
        graph, flows = self._platform.project.graph, self._platform.flows
        tables = graph.tables(model)
        missing = [str(name) for name in tables if str(name) not in versions]
        inputs = {name: TableVersion(str(name), versions[str(name)]) for name in tables if str(name) in versions}
        if missing:
            return Build(kind, inputs, problem=f"the release has no {', '.join(missing)}.")
        try:
            query = parse_query(flows.models.runnable(model))
            views = {name: parse_query(sql) for name, sql in graph.views(model).items()}
        except EntrepotError as error:
            return Build(kind, inputs, problem=error.message)
        is_kpi = any(kpi.dataset == model.name for kpi in self._platform.project.kpis) or model.query is None
        line_of: Callable[[int], int | None] = _no_line if is_kpi else original_lines(model.query or query, query)
        return Build(kind, inputs, query, views, line_of)

    def _why_not(self, model: Model, plan: Plan, kind: str) -> str | None:
        """Why a table cannot be asked by the model as it is now."""
        name = str(model.name)
        if kind == "python":
            return f"{name} is a model in Python: what it does with its rows is not known, only which tables it reads."
        built, now = plan.draft.transform_hash, self._platform.flows.models.transform_hash_of(model)
        if built != now:
            return (
                f"{name} was built by another text than its file has now (or in another time zone): "
                "what made its rows cannot be told by the present one. Build it anew with: entrepot run"
            )
        return None


def find_plan(platform: Platform, dataset: str, version: int) -> Plan | None:
    """The newest batch of a model that a version of its table holds."""
    found = None
    for plan in platform.state.plans(target=dataset, status=PlanStatus.SETTLED):
        if plan.version is not None and plan.version <= version and isinstance(plan.draft.position, Versions):
            found = plan
    return found


def _no_line(offset: int) -> int | None:
    """The text of a KPI is ours: its lines stand in no file."""
    return None
