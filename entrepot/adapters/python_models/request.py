"""What goes to the process of a Python model and what it answers, as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Code:
    """One Python text to run; the names are those of `SourceText`, whose room takes too long to load."""

    module: str
    path: str
    text: str
    is_package: bool


@dataclass(frozen=True, slots=True)
class Input:
    """One parameter: as what it gets its rows, and the descriptor that they come from."""

    form: str
    descriptor: int


@dataclass(frozen=True, slots=True)
class Request:
    """One call of a model's function."""

    function: str
    sources: tuple[Code, ...]
    inputs: Mapping[str, Input]
    output: int
    """The descriptor to which the rows go."""
    memory_mb: int

    def to_json(self) -> str:
        """As text."""
        sources = [[code.module, code.path, code.text, code.is_package] for code in self.sources]
        inputs = {name: [given.form, given.descriptor] for name, given in self.inputs.items()}
        return json.dumps([self.function, sources, inputs, self.output, self.memory_mb])


def read_request(text: str | bytes) -> Request:
    """Back from text."""
    function, sources, inputs, output, memory_mb = json.loads(text)
    return Request(
        function,
        tuple(Code(*parts) for parts in sources),
        {name: Input(form, descriptor) for name, (form, descriptor) in inputs.items()},
        output,
        memory_mb,
    )


@dataclass(frozen=True, slots=True)
class Fault:
    """What went wrong in the function: `kind` is raised, memory or result. It holds names and places, and no value of a record."""

    kind: str
    said: str
    """The name of what was raised, with its text where that cannot hold values; or what is wrong with the result."""
    hint: str | None = None
    path: str | None = None
    line: int | None = None
    code: str | None = None
    """The line itself, as its author wrote it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How a call ended: `fault` is None when all rows are written."""

    rows: int = 0
    peak_mb: int = 0
    fault: Fault | None = None

    def to_json(self) -> str:
        """As text."""
        return json.dumps(asdict(self))


def read_answer(text: str | bytes) -> Answer:
    """Back from text. Raises: ValueError when it is none: the process ended before it could answer."""
    found: dict[str, Any] = json.loads(text)
    fault = found["fault"]
    return Answer(found["rows"], found["peak_mb"], Fault(**fault) if fault else None)
