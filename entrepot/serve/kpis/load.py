"""Read `kpis/*.yaml`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from entrepot.kernel.documents import Document, check_keys, load_document
from entrepot.kernel.errors import EntrepotError, ProjectError, raise_all
from entrepot.kernel.names import Dataset, parse_dataset
from entrepot.serve.kpis.bounds import read_bounds
from entrepot.serve.kpis.compile import compile_kpi
from entrepot.serve.kpis.kpi import SCORECARD, TREND_COLUMNS, VALUE_COLUMNS, Every, Kpi
from entrepot.serve.kpis.numbers import is_pattern
from entrepot.sql.expressions import Aggregate, parse_aggregate

REQUIRED_KEYS = ("name", "title", "definition", "model", "grain", "unit", "owner")
KPI_KEYS = (
    *REQUIRED_KEYS,
    "measure",
    "numerator",
    "denominator",
    "also",
    "total",
    "every",
    "formula",
    "format",
    "target",
    "direction",
    "thresholds",
    "edge_cases",
)
_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


def load_kpis(folder: Path) -> tuple[Kpi, ...]:
    """Read all KPIs of a folder, ordered by file name; none when there is no such folder.

    Raises: ProjectError, or ManyErrors with everything that is wrong in all files.
    """
    kpis: dict[str, Kpi] = {}
    errors: list[EntrepotError] = []
    for path in sorted(folder.glob("*.y*ml")):
        try:
            kpi = load_kpi(path)
            if kpi.name in kpis:
                document = load_document(path)
                raise document.error(f"a second KPI is named {kpi.name!r}, also in {kpis[kpi.name].path}.", "name")
            kpis[kpi.name] = kpi
        except EntrepotError as error:
            errors.append(error)
    raise_all(errors)
    return tuple(kpis.values())


def load_kpi(path: Path) -> Kpi:
    """Read one KPI's file and check that it compiles.

    Raises: ProjectError with the place of what is wrong.
    """
    document = load_document(path)
    value = document.value
    check_keys(document, (), value, KPI_KEYS)
    missing = [key for key in REQUIRED_KEYS if value.get(key) in (None, "", [])]
    if missing:
        raise document.error(f"a KPI needs the key{'s' if len(missing) > 1 else ''} {', '.join(missing)}.")
    grain = _read_grain(document)
    bounds = read_bounds(document)
    kpi = Kpi(
        name=_read_name(document),
        title=_read_text(document, "title"),
        definition=" ".join(_read_text(document, "definition").split()),
        model=_read_model(document),
        grain=grain,
        every=_read_every(document, grain),
        unit=_read_text(document, "unit"),
        owner=_read_text(document, "owner"),
        path=path,
        measure=_read_aggregate(document, "measure"),
        numerator=_read_aggregate(document, "numerator"),
        denominator=_read_aggregate(document, "denominator"),
        also=_read_also(document),
        has_total=_read_flag(document, "total", default=True),
        formula=_read_optional_text(document, "formula"),
        format=_read_format(document),
        target=bounds.target,
        direction=bounds.direction,
        thresholds=bounds.thresholds,
        edge_cases=_read_texts(document, "edge_cases"),
    )
    _check_formula(document, kpi)
    _check_columns(document, kpi)
    try:
        compile_kpi(kpi)
    except ProjectError as error:
        raise document.error(error.message, hint=error.hint) from error
    return kpi


def _read_name(document: Document) -> str:
    name = _read_text(document, "name")
    if not _NAME.match(name):
        raise document.error(f"{name!r} is not a KPI's name; allowed are lower-case letters, digits and _.", "name")
    if name == "scorecard":
        raise document.error(f"a KPI cannot be named scorecard: {SCORECARD} is the table of all KPIs.", "name")
    return name


def _read_text(document: Document, *keys: str) -> str:
    value: Any = document.value
    for key in keys:
        value = value[key]
    if not isinstance(value, str):
        raise document.error(f"{keys[-1]} is {value!r}; allowed is text.", *keys, hint="Put it in quotes.")
    return value.strip()


def _read_optional_text(document: Document, key: str) -> str | None:
    return None if document.value.get(key) is None else " ".join(_read_text(document, key).split())


def _read_texts(document: Document, key: str) -> tuple[str, ...]:
    value = document.value.get(key) or []
    if not isinstance(value, list):
        raise document.error(f"{key} is a list.", key)
    for index, item in enumerate(value):
        if not isinstance(item, str):
            raise document.error(f"{item!r} is not text.", key, index, hint="Put it in quotes.")
    return tuple(value)


def _read_model(document: Document) -> Dataset:
    try:
        model = parse_dataset(_read_text(document, "model"))
    except ValueError as error:
        raise document.error(str(error), "model") from error
    if model.layer != "gold":
        raise document.error(f"a KPI is made of a gold model; {model} is none.", "model")
    return model


def _read_grain(document: Document) -> tuple[str, ...]:
    grain = _read_texts(document, "grain")
    for index, name in enumerate(grain):
        if not _NAME.match(name):
            raise document.error(
                f"{name!r} is not a column's name.", "grain", index, hint="Make it a column of the model."
            )
    return grain


def _read_aggregate(document: Document, *keys: str) -> Aggregate | None:
    value: Any = document.value
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    if value is None:
        return None
    try:
        return parse_aggregate(_read_text(document, *keys))
    except ProjectError as error:
        raise document.error(f"{keys[-1]}: {error.message}", *keys, hint=error.hint) from error


def _read_also(document: Document) -> dict[str, Aggregate]:
    value = document.value.get("also") or {}
    if not isinstance(value, Mapping):
        raise document.error("also is a mapping: column name → aggregate.", "also")
    found = {name: _read_aggregate(document, "also", name) for name in value}
    return {name: aggregate for name, aggregate in found.items() if aggregate is not None}


def _read_format(document: Document) -> str | None:
    if document.value.get("format") is None:
        return None
    pattern = _read_text(document, "format")
    if not is_pattern(pattern):
        raise document.error(
            f"format is {pattern!r}; allowed are patterns such as 0, 0.00, #,##0, #,##0.00, 0.0%.", "format"
        )
    return pattern


def _read_flag(document: Document, key: str, *, default: bool) -> bool:
    value = document.value.get(key, default)
    if not isinstance(value, bool):
        raise document.error(f"{key} is {value!r}; allowed are true and false.", key)
    return value


def _read_every(document: Document, grain: tuple[str, ...]) -> Every:
    """How long a period is: said, or told by the first column's name."""
    value = document.value.get("every", grain[0])
    if isinstance(value, str) and value in tuple(Every):
        return Every(value)
    allowed = f"allowed are {', '.join(Every)}"
    if "every" in document.value:
        raise document.error(f"every is {value!r}; {allowed}.", "every")
    raise document.error(
        f"the first column of grain, {value}, is the period, and nobody says how long one is.", "grain", 0,
        hint=f"Name the column after it, or add `every: …`; {allowed}.",
    )  # fmt: skip


def _check_formula(document: Document, kpi: Kpi) -> None:
    if (kpi.numerator is None) != (kpi.denominator is None):
        there = "numerator" if kpi.denominator is None else "denominator"
        raise document.error("a rate has a numerator and a denominator; the other one is missing.", there)
    if kpi.measure is None and kpi.denominator is None:
        raise document.error("a KPI needs a measure, or a numerator and a denominator.")
    if kpi.adds_up and not kpi.has_total:
        for key in ("thresholds", "target"):
            if document.value.get(key) is not None:
                raise document.error(
                    f"{key} of a sum or a count hold for its total, and there is none (total: false).", key,
                    hint=f"Take {key} out, or make the KPI a rate.",
                )  # fmt: skip


def _check_columns(document: Document, kpi: Kpi) -> None:
    fixed = (*VALUE_COLUMNS, *TREND_COLUMNS)
    seen: set[str] = {*fixed, "measure"}
    for index, name in enumerate(kpi.grain):
        if name in seen:
            raise document.error(
                f"the column {name} is there already; every KPI has {', '.join(fixed)}.", "grain", index
            )
        seen.add(name)
    for name in kpi.also:
        if name in seen or not _NAME.match(name):
            raise document.error(
                f"{name!r} cannot be a further column: it is there already or not a name.", "also", name
            )
        seen.add(name)
