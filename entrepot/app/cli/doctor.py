"""`entrepot doctor`: what is there, what is missing, whether state and lake agree."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from entrepot.app.cli.opening import open_platform
from entrepot.app.cli.output import print_json, print_table, say
from entrepot.app.project import find_project
from entrepot.app.wiring import Platform
from entrepot.flow.rebuild import rebuild_state
from entrepot.flow.recover import reconcile
from entrepot.kernel.errors import EntrepotError
from entrepot.kernel.ids import new_token

LIBRARIES = ("duckdb", "deltalake", "pyarrow", "sqlglot", "fastexcel", "typer", "rich", "ruamel.yaml")
EXTRAS = (("delta", "duckdb_extensions", "reads tables with deletion vectors and column mapping by DuckDB itself"),)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    verdict: str
    detail: str

    @property
    def is_bad(self) -> bool:
        """True when something must be done."""
        return self.verdict == "bad"


def examine(folder: Path, *, rebuild: bool, accept_loss: bool, as_json: bool) -> None:
    """Look at everything; exit code 1 when something is bad."""
    findings = list(_environment())
    try:
        root = find_project(folder.resolve())
    except EntrepotError as error:
        findings.append(Finding("project", "none", error.message))
    else:
        if accept_loss:
            findings.append(_put_state_aside(root))
        findings.extend(_project(root, rebuild=rebuild or accept_loss))
    if as_json:
        print_json([{"what": f.what, "verdict": f.verdict, "detail": f.detail} for f in findings])
    else:
        print_table(None, ("what", "verdict", "detail"), [(f.what, f.verdict, f.detail) for f in findings])
        say("\nsomething needs you, see above." if any(f.is_bad for f in findings) else "\nall well.")
    if any(finding.is_bad for finding in findings):
        raise SystemExit(1)


def _environment() -> Iterator[Finding]:
    version = f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"
    yield Finding("python", "ok" if sys.version_info >= (3, 11) else "bad", version)
    for name in LIBRARIES:
        try:
            yield Finding(name, "ok", importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            yield Finding(name, "bad", "not installed; reinstall entrepot")
    for extra, module, use in EXTRAS:
        there = importlib.util.find_spec(module) is not None
        yield Finding(
            f"extra {extra}", "ok" if there else "absent", use if there else f"{use}: pip install 'entrepot[{extra}]'"
        )


def _put_state_aside(root: Path) -> Finding:
    """The state knows batches that the lake has lost: it is kept under another name, and a new one is made of the lake."""
    runtime = root / ".entrepot"
    aside = runtime / f"lost-{new_token()}"
    aside.mkdir(parents=True)
    for path in runtime.glob("state.db*"):
        path.rename(aside / path.name)
    text = f"kept in .entrepot/{aside.name}/; files of lost batches lie in processed/: move them to incoming/ to take them again"
    return Finding("old state", "aside", text)


def _project(root: Path, *, rebuild: bool) -> Iterator[Finding]:
    free_gb = shutil.disk_usage(root).free / 1e9
    yield Finding("disk", "ok" if free_gb > 1 else "bad", f"{free_gb:,.1f} GB free")
    try:
        platform = open_platform(root)
    except EntrepotError as error:
        yield Finding("project", "bad", error.message)
        return
    yield Finding("project", "ok", f"{platform.project.name} in {root.name}/")
    if not (platform.lake_exists() or (platform.project.runtime / "lake").exists()):
        yield Finding("state and lake", "none", "nothing has run yet: entrepot run")
        return
    use = platform.cache.use()
    entries = sum(room.entries for room in use.rooms.values())
    said = (
        f"{entries:,} answers kept, {use.size_bytes / 1e6:,.1f} of {use.limit_bytes / 1e6:,.0f} MB; they may be deleted"
    )
    yield Finding("cache", "ok", said if use.limit_bytes else "off (cache_mb: 0)")
    if rebuild:
        restored = rebuild_state(platform.tables, platform.state)
        yield Finding("state", "rebuilt", f"{len(restored)} batches put back from the lake")
    yield from _flows(platform)


def _flows(platform: Platform) -> Iterator[Finding]:
    for node in platform.nodes:
        if platform.state.last_plan(node.name) is None and not platform.tables.exists(node.target):
            continue
        try:
            reconcile(node.build(), platform.services)
        except EntrepotError as error:
            yield Finding(f"flow {node.name}", "bad", str(error))
            continue
        except KeyError as error:  # a table that the state knows is not in the lake
            yield Finding(
                f"flow {node.name}", "bad", f"{error.args[0]}: rebuild the state, entrepot doctor --accept-loss"
            )
            continue
        plan = platform.state.open_plan(node.name)
        if plan is None:
            yield Finding(f"flow {node.name}", "ok", "state and lake agree")
        else:
            detail = f"batch {plan.sequence} is not finished after {plan.attempts} attempt(s): entrepot run"
            yield Finding(f"flow {node.name}", "open", detail)
