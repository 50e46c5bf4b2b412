"""What is fuzzed: each target reads one file. It may refuse it in our own words, with a place or a hint, and nothing else.

A target gives a short text about what it accepted. `Wrong` is raised where something was accepted that should not have
been, or was read otherwise than it should.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from entrepot.kernel.errors import DataError, EntrepotError, ProjectError
from tests.fuzz import mutate

REPOSITORY = Path(__file__).resolve().parents[2]


class Wrong(Exception):
    """A property does not hold; `property` names it, `str()` adds what came."""

    def __init__(self, property: str, came: str = "") -> None:
        super().__init__(f"{property}: {came}" if came else property)
        self.property = property


@dataclass(frozen=True, slots=True)
class Target:
    """One reader under test."""

    name: str
    file: str
    """The name of the input's file."""
    read: Callable[[Path, random.Random], str]
    seeds: Callable[[Path | None], list[bytes]]
    """Real inputs; the argument is the folder of public data sets, when there is one."""
    tokens: tuple[bytes, ...]


def targets() -> dict[str, Target]:
    """All targets: the project's own texts, and each format of files that is text."""
    found = [
        Target("contract", "fuzzed.odcs.yaml", _read_contract, _contracts, mutate.COMMON + mutate.YAML),
        Target(
            "model",
            "fuzzed.sql",
            _read_model,
            _texts("models/*/*.sql", ".sql"),
            mutate.COMMON + mutate.YAML + mutate.SQL,
        ),
        Target(
            "settings", "entrepot.yaml", _read_settings, _texts("entrepot.yaml", ".yaml"), mutate.COMMON + mutate.YAML
        ),
        Target("source", "fuzzed.yaml", _read_source, _texts("sources/*.yaml", ".yaml"), mutate.COMMON + mutate.YAML),
        Target(
            "kpi", "fuzzed.yaml", _read_kpi, _texts("kpis/*.yaml", ".yaml"), mutate.COMMON + mutate.YAML + mutate.SQL
        ),
    ]
    found += _format_targets()
    return {target.name: target for target in found}


# --- what every refusal must be -------------------------------------------------------------------


def check_refusal(error: EntrepotError, file: str) -> None:
    """Every error names its place or what to do. Raises: Wrong."""
    for one in getattr(error, "errors", None) or [error]:
        if not str(one).strip():
            raise Wrong("an error says nothing", type(one).__name__)
        placed = isinstance(one, ProjectError) and (one.place is not None or file in str(one))
        named = isinstance(one, DataError) and file in str(one)
        if not placed and not named and not one.hint:
            raise Wrong("an error has neither place nor hint", f"{type(one).__name__}: {one}")


# --- the project's texts --------------------------------------------------------------------------


def _read_contract(path: Path, dice: random.Random) -> str:
    from entrepot.contracts.load import lint_contract, load_contracts
    from entrepot.contracts.row_rules import Severity

    findings = lint_contract(path)
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    if any(finding.place.path != path or not finding.message for finding in findings):
        raise Wrong("a finding has no place or no text")
    try:
        loaded = load_contracts(path, default_time_zone="UTC")
    except EntrepotError:
        if not errors:
            raise Wrong("lint finds nothing, but the contract cannot be loaded") from None
        raise
    return f"{len(loaded.contracts)} contract(s), {len(loaded.warnings)} warning(s)"


def _read_model(path: Path, dice: random.Random) -> str:
    from entrepot.lake.models.load import load_model

    folder = path.parent / "models"
    (folder / "silver").mkdir(parents=True, exist_ok=True)
    placed = folder / "silver" / path.name
    placed.write_bytes(path.read_bytes())
    model = load_model(placed, folder)
    return f"{model.kind}, {len(model.inputs)} input(s)"


def _read_settings(path: Path, dice: random.Random) -> str:
    from entrepot.app.project import open_project

    return f"project in {open_project(path.parent).time_zone}"


@cache
def _retail_contracts() -> dict[str, Any]:
    from entrepot.contracts.load import load_contracts

    paths = sorted((REPOSITORY / "examples/retail/contracts").glob("*.yaml"))
    loaded = [load_contracts(path, default_time_zone="UTC") for path in paths]
    return {str(contract.dataset): contract for file in loaded for contract in file.contracts}


def _read_source(path: Path, dice: random.Random) -> str:
    from entrepot.adapters.files.source import SPEC
    from entrepot.app.sources import load_source
    from entrepot.intake.sources.options import read_options

    sources = load_source(path, _retail_contracts())
    for source in sources:
        if source.connector == SPEC.name:
            read_options(SPEC, source.options, source.place)
    return f"{len(sources)} source(s) of {sources[0].connector}"


def _read_kpi(path: Path, dice: random.Random) -> str:
    from entrepot.serve.kpis.load import load_kpi

    return f"a KPI, {load_kpi(path).grain}"


# --- formats of files -----------------------------------------------------------------------------

_Check = Callable[[Path, Any, dict[str, Any], list[dict[str, Any]]], None]


def _format_targets() -> Iterator[Target]:
    """The formats that are text, as far as they are there."""
    from entrepot.adapters.files.source import FORMATS
    from tests.fuzz import line_readings as lines
    from tests.fuzz.csv_readings import CSV_DIALECTS, check_csv
    from tests.fuzz.json_readings import JSON_DIALECTS, NDJSON_DIALECTS, check_json, check_ndjson

    known: dict[
        str, tuple[Callable[[Path | None], list[bytes]], tuple[bytes, ...], tuple[dict[str, Any], ...], _Check]
    ] = {
        "csv": (_csv_files, mutate.DELIMITED, CSV_DIALECTS, check_csv),
        "json": (_json_files, mutate.JSON, JSON_DIALECTS, check_json),
        "access_log": (_logs, lines.FIELDS, lines.ACCESS_LOG_DIALECTS, lines.check_access_log),
        "fixed_width": (_fixed, lines.FIELDS, lines.FIXED_WIDTH_DIALECTS, lines.check_fixed_width),
        "ndjson": (_json_lines, mutate.JSON, NDJSON_DIALECTS, check_ndjson),
    }
    for spec in FORMATS:
        if spec.name in known:
            seeds, tokens, dialects, check = known[spec.name]
            read = _reader_of(spec, dialects, check)
            yield Target(spec.name, f"fuzzed{spec.extensions[0]}", read, seeds, mutate.COMMON + tokens)


def _reader_of(spec: Any, dialects: tuple[dict[str, Any], ...], check: _Check) -> Callable[[Path, random.Random], str]:
    def read(path: Path, dice: random.Random) -> str:
        chosen = dice.choice(dialects)
        reader = build(spec, chosen)
        rows = [
            row for part in reader.parts(path, path.name) for batch in part.rows.open() for row in batch.to_pylist()
        ]
        numbers = [row["_record"] for row in rows]
        if numbers != sorted(numbers):
            raise Wrong("records are not numbered in their order")
        check(path, reader, chosen, rows)
        faulty = sum(row["_faults"] is not None for row in rows)
        return f"rows {min(len(rows), 3)}, faulty {min(faulty, 2)}, options {sorted(chosen)}"

    return read


def build(spec: Any, chosen: dict[str, Any]) -> Any:
    """The format's reader with these options."""
    from entrepot.adapters.files.source import SPEC
    from entrepot.intake.sources.formats import FormatContext
    from entrepot.intake.sources.options import read_options

    options = read_options(SPEC, {"path": "storage/fuzzed", spec.name: chosen})[spec.name]
    return spec.build(options, FormatContext())


# --- real inputs ----------------------------------------------------------------------------------


def _texts(pattern: str, ending: str) -> Callable[[Path | None], list[bytes]]:
    def seeds(shared: Path | None) -> list[bytes]:
        found = [path.read_bytes() for path in sorted((REPOSITORY / "examples/retail").glob(pattern))]
        if shared is not None:
            found += _small(path for path in (shared / "conformance/datacontract-cli").rglob(f"*{ending}"))
        return found

    return seeds


def _contracts(shared: Path | None) -> list[bytes]:
    found = _texts("contracts/*.yaml", ".yaml")(shared)
    if shared is not None:
        found += _small((shared / "conformance/odcs").rglob("*.yaml"))
    return found


_CSV_TEXTS = (
    b"a,b,c\n1,2,3\n", b"a;b\r\n1;2\r\n\r\n3;4", b'a,b\n"x ""y"" z","line\nline"\n,\n', b"a\tb\n1\t\n", b'a,b\n5" pipe,x\n',
    b"\xef\xbb\xbfa|b\n1|2\n", b"\xff\xfea\0,\0b\0\n\x001\0,\x002\0\n\0", b"a\n1\n\n2\n", b'a,b\n1\n1,2,3\n"",\n', b"a,b\r1,2\r3,4\r",
    b"a,a b,\xc3\xa9\n\xc3\xa4,1,\xe2\x80\xa8\n",
)  # fmt: skip
_JSON_TEXTS = (
    b'{"a": 1, "b": "x"}\n{"a": null}\n', b'[{"a": 1.50, "b": [1, 2]}, {"c": {"d": true}}]', b'{"a": 12345678901234567890}\n',
    b'[{"a": "\\ud800"}, {"a": 1, "a": 2}, {"A": 1, "a": 2}, 5, {"a": NaN}]', b'{"rows": [{"a": "\\u00e9\\ud83d\\udca9"}], "next": null}', b"[]", b"{}",
)  # fmt: skip


def _csv_files(shared: Path | None) -> list[bytes]:
    found = list(_CSV_TEXTS)
    if shared is not None:
        found += _small((shared / "conformance/csv-spectrum").rglob("*.csv"))
        found += _small((shared / "conformance/duckdb-csv").rglob("*.csv"))
        found += _small((shared / "conformance/datacontract-cli").rglob("*.csv"))
    return found


def _json_files(shared: Path | None) -> list[bytes]:
    found = list(_JSON_TEXTS)
    if shared is not None:
        for folder in ("json-test-suite", "duckdb-json", "openlineage-events"):
            found += _small((shared / "conformance" / folder).rglob("*.json"))
    return found


def _json_lines(shared: Path | None) -> list[bytes]:
    found = _json_files(shared)
    return [b"\n".join(found[at : at + 4]).replace(b"\r", b"") + b"\n" for at in range(0, len(found), 2)] + found


def _logs(shared: Path | None) -> list[bytes]:
    from tests.fuzz.line_readings import ACCESS_LOGS

    return list(ACCESS_LOGS)


def _fixed(shared: Path | None) -> list[bytes]:
    from tests.fuzz.line_readings import FIXED_WIDTH

    return list(FIXED_WIDTH)


def _small(paths: Iterator[Path]) -> list[bytes]:
    return [
        path.read_bytes() for path in sorted(paths) if path.is_file() and path.stat().st_size <= mutate.LARGEST // 4
    ]
