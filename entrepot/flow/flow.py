"""A flow: reader → contract → writer, and the services that all flows share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from entrepot.contracts.model import Contract
from entrepot.kernel.events import Emit, ignore
from entrepot.kernel.positions import RejectSet
from entrepot.ports.clock import Clock
from entrepot.ports.engine import Engine
from entrepot.ports.reader import Reader
from entrepot.ports.relations import Part
from entrepot.ports.state import Plan, State
from entrepot.ports.writer import Writer

LEASE_S = 60.0
"""How long a silent process keeps its right to plan; it renews three times as often."""
MAX_ATTEMPTS = 3
"""How often a batch may kill its process or fail before it is taken apart or the flow is blocked."""


class RejectSource(Protocol):
    """Reads rejected records back, with the plan's fixes applied."""

    def read(self, position: RejectSet) -> list[Part]:
        """The records as streams of text, one part per place."""
        ...


@dataclass(frozen=True, slots=True)
class Supersedes:
    """What new data replaces: `name` a file of the same name, `period` whole periods of a column, `record` what a record that was
    replayed gave before, None nothing."""

    by: str | None = None
    column: str | None = None
    grain: str = "day"


@dataclass(frozen=True, slots=True)
class Flow:
    """One way of data, from one reader to one table.

    `name` is unique in the project and is the application id in the target's transactions.
    """

    name: str
    target: str
    reader: Reader
    writer: Writer
    engine: Engine
    contract: Contract | None = None
    quarantine: Writer | None = None
    rejects: RejectSource | None = None
    write: str = "append"
    supersedes: Supersedes = field(default_factory=Supersedes)
    transform_hash: str = ""
    system_columns: bool = True
    redefines: bool = False
    """Columns of the target go or change their types, which a person allowed: it must be written anew as a whole."""
    pin: Callable[[], Mapping[str, int]] = dict
    """Versions that the next batch looks at: foreign keys' datasets and, for uniqueness, the target."""
    again: Mapping[str, str] = field(default_factory=dict)
    """Contents that a person wants taken again although a live plan has them: sha256 → why."""
    on_acknowledged: Callable[[Plan], None] = lambda plan: None
    """Called after the source was told of a settled batch, for receipts; may be called again after a crash."""


@dataclass(frozen=True, slots=True)
class Services:
    """What every flow uses."""

    state: State
    clock: Clock
    staging: Path
    """A folder on the same file system as the lake."""
    holder: str
    """Who we are, for leases: host, process, start."""
    is_alive: Callable[[str], bool] = lambda holder: True
    """Tell whether a holder may still be at work; a dead one's lease is taken over at once."""
    emit: Emit = ignore
