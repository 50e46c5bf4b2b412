"""A real server with the door in front, and a plain client."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from entrepot.adapters.embedded.inbox import SqliteInbox
from entrepot.app.clock import SystemClock
from entrepot.intake.gateway.door import Door, in_front_of
from tests.gateway.door.door_lab import integrations, rest, serving


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Lab:
    """A running server and what stands behind it."""

    address: str
    inbox: SqliteInbox
    door: Door
    folder: Path

    def send(self, path: str, body: bytes = b"", method: str = "POST", **headers: str) -> Reply:
        """One request under /api/v1/in/; underscores in header names become hyphens."""
        connection = http.client.HTTPConnection(self.address, timeout=30)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, f"/api/v1/in/{path}", body, named)
            response = connection.getresponse()
            return Reply(response.status, {n.lower(): v for n, v in response.getheaders()}, response.read())
        finally:
            connection.close()


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A server with an empty inbox."""
    inbox = SqliteInbox(tmp_path / "inbox.db", SystemClock())
    door = Door(integrations(tmp_path), inbox, SystemClock())
    with serving(in_front_of(door, rest)) as address:
        yield Lab(address, inbox, door, tmp_path)
    door.close()
    inbox.close()
