"""A project over real data: fed, run, asked."""

from __future__ import annotations

import csv
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

from entrepot.app.project import open_project
from entrepot.app.session import RunReport, run_project
from entrepot.app.wiring import Platform
from entrepot.ports.relations import QueryScan, TableVersion


class RealProject:
    """A copy of a project below tests/real, with small words for what tests do."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def drop(self, area: str, *files: Path) -> None:
        """Copy files into an area's incoming folder."""
        incoming = self.root / "storage" / area / "incoming"
        incoming.mkdir(parents=True, exist_ok=True)
        for file in files:
            shutil.copy(file, incoming / file.name)

    def run(self) -> RunReport:
        """Run everything; the report must be clean."""
        report = run_project(Platform(open_project(self.root)))
        errors = [f"{r.node.name}: {r.error}" for r in report.results if r.error is not None]
        assert not errors, errors
        assert all(balance.closes for balance in report.balances), [str(b) for b in report.balances]
        return report

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Rows of a SELECT over the newest release."""
        platform = Platform(open_project(self.root))
        release = platform.release_for(None)
        tables = {name: TableVersion(name, version) for name, version in release.tables.items()}
        rows: list[dict[str, Any]] = (
            platform.engine.query(QueryScan(sql, tables, release.views)).batches().read_all().to_pylist()
        )
        return rows


def money(value: object) -> Decimal:
    """A figure with two places, for comparing."""
    return Decimal(str(value or 0)).quantize(Decimal("0.01"))


def read_csv(path: Path) -> list[dict[str, str]]:
    """The rows of an expected table."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
