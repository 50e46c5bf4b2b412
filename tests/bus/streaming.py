"""A program for the tests that kill: forwards an integration's rows to a topic, and takes inbox and topic to bronze."""

from __future__ import annotations

import sys
from pathlib import Path

from entrepot.app.forwarding import Forwarder
from entrepot.app.project import open_project
from entrepot.app.session import run_project
from entrepot.app.wiring import Platform
from entrepot.intake.gateway.settings import inbound_of


def main(root: Path) -> None:
    """Forward and run until nothing is left."""
    platform = Platform(open_project(root), threads=1)
    inbounds = inbound_of(platform.project.sources, platform.stores.secrets, lambda header: None, root)
    forwarder = Forwarder(platform, lambda: inbounds)
    for _ in range(2):
        forwarder.turn()
        report = run_project(platform, ())
        assert report.succeeded, [str(result.error) for result in report.results]
    platform.stores.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
