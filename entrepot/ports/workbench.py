"""An engine that keeps results between questions: for questions whose answer is the next question."""

from __future__ import annotations

from typing import Protocol

import pyarrow as pa

from entrepot.kernel.errors import RunError
from entrepot.ports.relations import TableVersion


class TooLarge(RunError):
    """A question needed more memory or more time than it may have."""

    code = "workbench.too_large"


class Workbench(Protocol):
    """Called from one thread. What is kept lies on disk where it does not fit into memory, and goes when the workbench is closed.

    The SQL is ours, never a user's: it is not checked. All methods that run SQL raise TooLarge, and ProjectError where the engine refuses the text.
    """

    def open_table(self, table: TableVersion) -> str:
        """Make a table readable at a version; return what stands for it in FROM."""
        ...

    def columns(self, sql: str) -> tuple[tuple[str, str], ...]:
        """Names and SQL types of a SELECT's columns, without running it."""
        ...

    def keep(self, name: str, sql: str, *, seconds: float | None = None) -> int:
        """Keep the rows of a SELECT under a name, in the place of what had it; return how many there are. `seconds` instead of the usual limit."""
        ...

    def load(self, name: str, rows: pa.Table) -> int:
        """Keep these rows under a name."""
        ...

    def rows(self, sql: str) -> pa.Table:
        """The rows of a SELECT that gives few."""
        ...

    def stream(self, sql: str) -> pa.RecordBatchReader:
        """The rows of a SELECT that may give many. The limit of time does not hold while they are read."""
        ...

    def close(self) -> None:
        """Forget everything. Repeatable."""
        ...
