"""What the doctor looks at: what is there, what is missing, whether state and lake agree."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from entrepot.app.project import open_project
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


def look_at_environment() -> Iterator[Finding]:
    """Python and libraries."""
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


def put_state_aside(root: Path) -> Finding:
    """The state knows batches that the lake has lost: it is kept under another name, and a new one is made of the lake."""
    runtime = root / ".entrepot"
    aside = runtime / f"lost-{new_token()}"
    aside.mkdir(parents=True)
    for path in runtime.glob("state.db*"):
        path.rename(aside / path.name)
    text = f"kept in .entrepot/{aside.name}/; files of lost batches lie in processed/: move them to incoming/ to take them again"
    return Finding("old state", "aside", text)


def look_at_project(root: Path, *, rebuild: bool) -> Iterator[Finding]:
    """Disk, files, state and lake; with `rebuild` plans that only the lake has are put back first."""
    free_gb = shutil.disk_usage(root).free / 1e9
    yield Finding("disk", "ok" if free_gb > 1 else "bad", f"{free_gb:,.1f} GB free")
    try:
        platform = Platform(open_project(root))
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
