"""What is said of the files in `sources/`: connector, options without secrets, storage areas and how many files lie there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from entrepot.app.docs_site.facts import OptionFacts, SourceEntry
from entrepot.app.docs_site.figures import BATCHES, Standing, batch_figures
from entrepot.app.docs_site.words import plural
from entrepot.app.sources import Source
from entrepot.app.wiring import Platform
from entrepot.connectors import ConnectorSpec, FieldSpec, load_connector
from entrepot.intake.landing.durable import is_receipt
from entrepot.kernel.positions import FileSet
from entrepot.ports.state import Plan, PlanStatus

FOLDERS = ("incoming", "claimed", "processed", "archive", "rejected")
SECRET = "(a secret, not shown)"
_NAMED_SECRET = re.compile(
    r"pass(word|wd|phrase)?\b|pwd|secret|token|api_?key|private_?key|credential|auth", re.IGNORECASE
)
_HOLDS_SECRET = re.compile(r"(password|pwd|secret|token|sig|key)\s*[=:]|://[^/\s]*@|-----BEGIN", re.IGNORECASE)


def describe_sources(platform: Platform, standing: Standing) -> list[SourceEntry]:
    """One entry for each file, by name."""
    groups: dict[str, list[Source]] = {}
    for source in platform.project.sources:
        groups.setdefault(source.group or source.name, []).append(source)
    return [_describe(platform, name, group, standing) for name, group in sorted(groups.items())]


def _describe(platform: Platform, name: str, group: Sequence[Source], standing: Standing) -> SourceEntry:
    first, spec = group[0], load_connector(group[0].connector)
    flows = {source.name for source in group}
    plans = [plan for source in group for plan in standing.plans.get(source.dataset, ()) if plan.flow in flows]
    plans.sort(key=lambda plan: (plan.planned_at is not None, plan.planned_at, plan.flow, plan.sequence))
    taken = {item.sha256: item.size_bytes for plan in plans for item in _files(plan)}
    balances = (figures.balance for each in group if (figures := standing.figures.get(each.dataset)))
    return SourceEntry(
        name=name,
        file=_below(platform.project.root, first.document.path),
        connector=first.connector,
        summary=spec.summary,
        description=str(first.document.value.get("description") or ""),
        feeds=tuple((source.dataset, _say_write(source)) for source in group),
        options=tuple(_options(spec, group)),
        folders=tuple(_count_files(platform.project.root, first)),
        files_taken=len(taken),
        bytes_taken=sum(taken.values()),
        batches=tuple(batch_figures(plan) for plan in reversed(plans[-BATCHES:])),
        balance=tuple(each for each in balances if each is not None),
    )


def _files(plan: Plan) -> Iterable[Any]:
    position = plan.draft.position
    return position.files if isinstance(position, FileSet) and plan.status is PlanStatus.SETTLED else ()


def _say_write(source: Source) -> str:
    by = source.supersedes
    if by.by == "name":
        return f"{source.write}; a file of the same name replaces what it brought before"
    if by.by == "period":
        return f"{source.write}; a file replaces the {by.grain}s of {by.column} that it holds"
    return {
        "append": "append: records are added",
        "merge": "merge: records update by key",
        "replace": "replace: each delivery is the whole",
    }.get(source.write, source.write)


def _options(spec: ConnectorSpec, group: Sequence[Source]) -> Iterable[OptionFacts]:
    """Options as the file sets them; of several datasets each with its own."""
    shared = group[0].document.value.get("options") or {}
    known = {field.name: field for field in spec.all_fields}
    yield from _flat(shared if isinstance(shared, Mapping) else {}, known, "")
    parts = group[0].document.value.get("datasets")
    for dataset, part in parts.items() if isinstance(parts, Mapping) else ():
        own = part.get("options") if isinstance(part, Mapping) else None
        yield from _flat(own if isinstance(own, Mapping) else {}, known, f"{dataset}: ")


def _flat(options: Mapping[Any, Any], known: Mapping[str, FieldSpec], before: str) -> Iterable[OptionFacts]:
    for key, value in options.items():
        field, name = known.get(str(key)), f"{before}{key}"
        if field is not None and field.type == "object" and isinstance(value, Mapping) and not field.secret:
            yield from _flat(value, {each.name: each for each in field.fields}, f"{name}.")
        else:
            yield OptionFacts(name, show_option(str(key), value, field), field.description if field is not None else "")


def show_option(name: str, value: Any, field: FieldSpec | None) -> str:
    """A value, unless it is or may hold a secret: what the connector does not know, or a mapping of any names, may."""
    if field is None or field.secret or _NAMED_SECRET.search(name) or _holds_secret(value):
        return SECRET
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple) and not any(isinstance(item, Mapping) for item in value):
        return ", ".join(_without_folders(str(item)) for item in value)
    if isinstance(value, list | tuple):
        return plural(len(value), "entry", "entries")
    if isinstance(value, Mapping):
        return ", ".join(f"{key} → …" for key in value)
    return _without_folders(str(value))


def _without_folders(text: str) -> str:
    """Of a place on the machine only the last name: the site is read elsewhere."""
    absolute = PurePosixPath(text).is_absolute() or PureWindowsPath(text).is_absolute()
    return f"…/{PureWindowsPath(text).name}" if absolute else text


def _holds_secret(value: Any) -> bool:
    if isinstance(value, Mapping):
        return False  # of those only the names are shown
    items = value if isinstance(value, list | tuple) else [value]
    return any(isinstance(item, str) and _HOLDS_SECRET.search(item) is not None for item in items)


def _count_files(root: Path, source: Source) -> Iterable[tuple[str, int]]:
    """How many files lie in each folder of the storage area; receipts and hidden files are none."""
    path = source.options.get("path")
    if source.connector != "files" or not isinstance(path, str) or source.options.get("after") == "keep":
        return
    area = root / path
    for folder in FOLDERS:
        if (area / folder).is_dir():
            yield folder, sum(1 for file in (area / folder).rglob("*") if file.is_file() and _is_data(area, file))


def _is_data(area: Path, file: Path) -> bool:
    below = file.relative_to(area)
    return not any(part.startswith(".") for part in below.parts) and (
        below.parts[0] in ("incoming", "claimed") or not is_receipt(file.name)
    )


def _below(root: Path, path: Path) -> str:
    try:
        return path.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        return path.name
