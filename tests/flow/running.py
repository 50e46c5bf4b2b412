"""The shop of the crash tests, run in this process and asked in small words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from entrepot.app.project import open_project
from entrepot.app.session import RunReport, run_project
from entrepot.app.wiring import Platform
from entrepot.kernel.errors import EntrepotError
from entrepot.ports.relations import QueryScan, TableVersion
from tests.crash import shop

ORDERS = "order_id,product,ordered_on,quantity\n"


class Shop:
    """A project on disk; every call opens it anew, as a new process would."""

    def __init__(self, root: Path) -> None:
        self.root = shop.make_project(root)

    def platform(self) -> Platform:
        """The platform, opened anew."""
        return Platform(open_project(self.root), threads=1)

    def edit(self, name: str, old: str, new: str) -> None:
        """Change a file of the project."""
        path = self.root / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def drop(self, area: str = "orders", **files: str) -> None:
        """Put files in: `a="…"` becomes a.csv (orders_a.csv for orders)."""
        prefix = "orders_" if area == "orders" else ""
        shop.drop(self.root, area, {f"{prefix}{name}.csv": text for name, text in files.items()})

    def orders(self, name: str, *rows: str) -> None:
        """Put a file of orders in, given its data lines."""
        self.drop(**{name: ORDERS + "".join(row + "\n" for row in rows)})

    def run(self, *patterns: str, clean: bool = True) -> RunReport:
        """Run; with `clean` no flow may have failed."""
        report = run_project(self.platform(), patterns)
        if clean:
            assert not errors_of(report), errors_of(report)
        return report

    def rows(self, sql: str, table: str = "bronze.orders") -> list[dict[str, Any]]:
        """Rows of a SELECT over q.t, the newest version of a table."""
        platform = self.platform()
        if not platform.tables.exists(table):
            return []
        scan = QueryScan(sql, {"q.t": TableVersion(table, platform.tables.version(table))})
        found: list[dict[str, Any]] = platform.engine.query(scan).batches().read_all().to_pylist()
        return found

    def content(
        self, table: str = "bronze.orders", columns: str = "order_id, product, ordered_on, quantity"
    ) -> Counter[str]:
        """A table as a multiset."""
        return Counter(str(list(row.values())) for row in self.rows(f"SELECT {columns} FROM q.t", table))

    def files(self, folder: str, area: str = "orders") -> list[str]:
        """Names of data files in a folder of the area, receipts and claim tokens left out."""
        found = (path for path in (self.root / "storage" / area / folder).rglob("*") if path.is_file())
        return sorted(path.name for path in found if ".receipt." not in path.name)


def errors_of(report: RunReport) -> Sequence[EntrepotError]:
    """Errors of all nodes."""
    return [result.error for result in report.results if result.error is not None]
