"""One project for all tests that only look; those that change something make their own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.app.http.serving import Shop, make_shop, opened, run_once, served


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project, run once; tests take copies."""
    root = make_shop(tmp_path_factory.mktemp("template") / "shop")
    run_once(root)
    return root


@pytest.fixture(scope="session")
def shop(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A copy that nobody changes, with inbox and outbox."""
    root = tmp_path_factory.mktemp("api") / "shop"
    shutil.copytree(template, root)
    with opened(root) as found:
        yield found


@pytest.fixture(scope="session")
def address(shop: Shop) -> Iterator[str]:
    """A real server in front of it."""
    with served(shop) as found:
        yield found


@pytest.fixture
def client(shop: Shop, address: str) -> Iterator[httpx.Client]:
    """One who has the token."""
    with httpx.Client(base_url=f"{address}/api/v1", headers=shop.headers, timeout=30) as found:
        yield found


@pytest.fixture
def own(template: Path, tmp_path: Path) -> Iterator[tuple[Shop, httpx.Client]]:
    """A copy that a test may change, and one who has its token."""
    root = tmp_path / "shop"
    shutil.copytree(template, root)
    with (
        opened(root) as found,
        served(found) as at,
        httpx.Client(base_url=f"{at}/api/v1", headers=found.headers, timeout=30) as client,
    ):
        yield found, client
