"""Opening a project: read every file of the folder, collect all that is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from entrepot.app.expecting import apply_default
from entrepot.app.macro_advice import find_macro_advice
from entrepot.app.scheduling.settings import SCHEDULE_KEYS, ScheduleSettings, load_schedule
from entrepot.app.sound_contracts import SoundContracts
from entrepot.app.sources import Source, load_source
from entrepot.app.up.settings import LiveSettings, read_live
from entrepot.contracts.load import LoadedContracts, check_references, load_contracts
from entrepot.contracts.model import Contract
from entrepot.kernel.documents import Document, check_keys, load_document
from entrepot.kernel.errors import ContractError, EntrepotError, ManyErrors, Place, ProjectError
from entrepot.kernel.names import parse_dataset
from entrepot.lake.models import Model, ModelGraph, load_models
from entrepot.lake.quality.reading import find_contract_faults
from entrepot.runner.triggers.load import Known
from entrepot.serve.kpis import Kpi, compile_kpis, load_kpis
from entrepot.serve.publish.addresses import Network
from entrepot.serve.publish.settings import Publication, load_publications, read_networks

PROJECT_FILE = "entrepot.yaml"
PROJECT_KEYS = (
    "name",
    "namespace",
    "time_zone",
    "description",
    "cache_mb",
    "expect",
    "profiles",
    "live",
    "network",
    *SCHEDULE_KEYS,
)
CACHE_MB = 256


@dataclass(frozen=True, slots=True)
class Project:
    """Everything the folder says."""

    root: Path
    name: str
    namespace: str
    time_zone: str
    contracts: Mapping[str, Contract]
    sources: tuple[Source, ...]
    graph: ModelGraph
    kpis: tuple[Kpi, ...]
    warnings: tuple[str, ...] = ()
    contract_files: tuple[LoadedContracts, ...] = ()
    """The files that `contracts` came from, with what only the files say."""
    cache_mb: int = CACHE_MB
    """Most that answers kept aside may take on the disk; 0: none are kept."""
    schedule: ScheduleSettings = field(default_factory=ScheduleSettings)
    """Triggers, hooks, and limits of outside systems."""
    publications: tuple[Publication, ...] = ()
    """The files of `publish/`: where messages go to."""
    allow_private: tuple[Network, ...] = ()
    """Private networks that webhooks may be sent to."""
    live: LiveSettings = field(default_factory=LiveSettings)
    """How `entrepot up` looks for what is new."""

    @property
    def runtime(self) -> Path:
        """Where the platform keeps its own things: `.entrepot/`."""
        return self.root / ".entrepot"

    @property
    def models(self) -> tuple[Model, ...]:
        """Models and compiled KPIs."""
        return tuple(self.graph.models)


def find_project(start: Path) -> Path:
    """The nearest folder at or above `start` that holds an entrepot.yaml.

    Raises: ProjectError with what to do.
    """
    for folder in (start, *start.parents):
        if (folder / PROJECT_FILE).is_file():
            return folder
    raise ProjectError(
        f"there is no {PROJECT_FILE} in {start} or above it.",
        hint="Start a project with: entrepot new DIR --example retail, or name one with --project DIR.",
    )


def open_project(root: Path) -> Project:
    """Read the whole folder.

    Raises: ManyErrors with everything that is wrong.
    """
    errors: list[EntrepotError] = []
    warnings: list[str] = []
    settings = load_document(root / PROJECT_FILE)
    check_keys(settings, (), settings.value, PROJECT_KEYS)
    zone = _time_zone(settings)
    contract_files: list[LoadedContracts] = []
    contracts = _load_contracts(root, zone, errors, warnings, contract_files)
    if errors:  # sources and models would only say once more that a contract is missing
        raise ManyErrors(errors)
    sources = _load_sources(root, contracts, errors)
    contracts = apply_default(settings, {source.dataset for source in sources}, contracts)
    models, kpis = _load_models(root, errors)
    if errors:  # a model that cannot be read would be missing to all that read it
        raise ManyErrors(errors)
    known = {source.dataset for source in sources}
    graph = _graph(models, known, errors)
    if errors or graph is None:
        raise ManyErrors(errors)
    _check_models(graph, contracts, errors)
    errors.extend(find_contract_faults(contracts, graph))
    if errors:
        raise ManyErrors(errors)
    publications, wrong = load_publications(root / "publish", known | {str(model.name) for model in graph.models})
    errors.extend(wrong)
    schedule = load_schedule(root, settings, zone, _known(sources, graph, kpis), errors)
    if errors:
        raise ManyErrors(errors)
    warnings.extend(find_macro_advice(graph.models, contracts))
    name = str(settings.value.get("name") or root.resolve().name)
    namespace = str(settings.value.get("namespace") or name)
    return Project(
        root=root,
        name=name,
        namespace=namespace,
        time_zone=zone,
        contracts=contracts,
        sources=sources,
        graph=graph,
        kpis=tuple(kpis),
        warnings=tuple(warnings),
        contract_files=tuple(contract_files),
        cache_mb=_cache_mb(settings),
        schedule=schedule,
        live=read_live(settings),
        publications=tuple(publications),
        allow_private=read_networks(settings),
    )


def _known(sources: Sequence[Source], graph: ModelGraph, kpis: Sequence[Kpi]) -> Known:
    """What triggers may name."""
    return Known(
        sources=frozenset(name for source in sources for name in (source.name, source.group) if name),
        datasets=frozenset({source.dataset for source in sources} | {str(model.name) for model in graph.models}),
        kpis=frozenset(kpi.name for kpi in kpis),
    )


def _time_zone(settings: Document) -> str:
    zone = str(settings.value.get("time_zone") or "UTC")
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: longer than a file name may be
        raise settings.error(
            f"{zone[:60]!r} is not a time zone.",
            "time_zone",
            hint="Use a name of the IANA list, such as Europe/Berlin.",
        ) from error
    return zone


def _cache_mb(settings: Document) -> int:
    value = settings.value.get("cache_mb", CACHE_MB)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise settings.error(f"cache_mb is {value!r}; allowed are whole megabytes, 0 for no cache.", "cache_mb")
    return value


def _load_contracts(
    root: Path, zone: str, errors: list[EntrepotError], warnings: list[str], files: list[LoadedContracts]
) -> dict[str, Contract]:
    contracts: dict[str, Contract] = {}
    sound = SoundContracts(root / ".entrepot" / "cache")
    for path in sorted((root / "contracts").glob("*.y*ml")):
        try:
            loaded = load_contracts(path, default_time_zone=zone, sound=sound.known)
        except EntrepotError as error:
            errors.extend(_each(error))
            continue
        files.append(loaded)
        warnings.extend(str(finding) for finding in loaded.warnings)
        warnings.extend(
            f"{rule.place} — rule {rule.id} of {rule.dataset} is not evaluated: {rule.why}"
            for rule in loaded.deferred_rules
        )
        for contract in loaded.contracts:
            name = str(contract.dataset)
            if name in contracts:
                first = next(file.path.name for file in files if name in map(str, (c.dataset for c in file.contracts)))
                text = f"a second contract for {name}, the first is in {first}; one is allowed."
                errors.append(ProjectError(text, place=Place(path)))
            contracts[name] = contract
    sound.keep([file.sound for file in files if file.sound is not None])
    errors.extend(
        ContractError(finding.message, place=finding.place, hint=finding.hint) for finding in check_references(files)
    )
    return contracts


def _load_sources(root: Path, contracts: Mapping[str, Contract], errors: list[EntrepotError]) -> tuple[Source, ...]:
    sources: dict[str, Source] = {}
    for path in sorted((root / "sources").glob("*.y*ml")):
        try:
            for source in load_source(path, contracts):
                if source.name in sources:
                    raise source.document.error(f"a second source is named {source.name!r}.", "name")
                sources[source.name] = source
        except EntrepotError as error:
            errors.append(error)
    return tuple(sources.values())


def _load_models(root: Path, errors: list[EntrepotError]) -> tuple[list[Model], list[Kpi]]:
    models: list[Model] = []
    kpis: list[Kpi] = []
    try:
        models = list(load_models(root / "models"))
    except EntrepotError as error:
        errors.extend(_each(error))
    try:
        kpis = list(load_kpis(root / "kpis"))
    except EntrepotError as error:
        errors.extend(_each(error))
    return [*models, *compile_kpis(kpis)], kpis


def _graph(models: list[Model], known: set[str], errors: list[EntrepotError]) -> ModelGraph | None:
    try:
        return ModelGraph(models, sources=frozenset(parse_dataset(name) for name in known))
    except EntrepotError as error:
        errors.extend(_each(error))
        return None


def _each(error: EntrepotError) -> list[EntrepotError]:
    """The errors inside an error that holds many."""
    return list(getattr(error, "errors", None) or [error])


def _check_models(graph: ModelGraph, contracts: Mapping[str, Contract], errors: list[EntrepotError]) -> None:
    for model in graph.models:
        contract = contracts.get(str(model.contract or model.name))
        if model.kind == "merge" and (contract is None or not contract.key):
            errors.append(
                ProjectError(
                    f"{model.name} is of kind merge, but no contract names its primary key.",
                    place=Place(model.path),
                    hint=f"Write contracts/{model.name.name}.odcs.yaml with `physicalName: {model.name}`.",
                )
            )
