"""The guide's handler and its tests work as they are printed."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from entrepot.handlers.reject import RESERVED


@pytest.fixture
def guide(repository: Path) -> str:
    return (repository / "docs" / "how-to" / "handlers.md").read_text()


def test_the_guide_s_handler_passes_the_guide_s_tests(guide: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As they are printed."""
    handler, tests = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    for name in ("handlers", "handlers.shop_orders"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    exec(handler, sys.modules["handlers.shop_orders"].__dict__)
    found: dict[str, Callable[[], None]] = {}
    exec(tests, found)
    names = [name for name in found if name.startswith("test_")]
    assert len(names) == 2
    for name in names:
        found[name]()


def test_the_guide_names_every_code_of_a_handler(guide: str) -> None:
    """A code that the platform gives and the guide does not explain would leave its reader alone."""
    at_the_door = {code for code in RESERVED if code.startswith(("reference_", "key_", "event_", "unsupported_"))}
    of_handlers = RESERVED - at_the_door - {"conflict", "discarded"}
    assert all(f"`{code}`" in guide for code in of_handlers)
