"""A project folder with room for a handler."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.handlers.handler_bench import Bench, write_handler

MakeBench = Callable[..., Bench]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[MakeBench]:
    """Makes a pool for a handler with this body; its processes are gone after the test."""
    made: list[Bench] = []

    def make(body: str, *, head: str = "", **said: Any) -> Bench:
        write_handler(tmp_path, body, head=head)
        made.append(Bench(tmp_path, **said))
        return made[-1]

    yield make
    for each in made:
        each.pool.close()
