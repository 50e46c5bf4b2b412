"""Contract files written by tests."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from entrepot.contracts.load import LoadedContracts, load_contracts

HEAD = """\
apiVersion: v3.2.0
kind: DataContract
id: sales
version: 1.2.0
status: active
"""

Write = Callable[..., Path]
Load = Callable[..., LoadedContracts]


@pytest.fixture
def write_properties(tmp_path: Path) -> Write:
    """Write a contract of the dataset bronze.sales from the text of its properties; the first of them is in line 10."""

    def write(properties: str, *, head: str = HEAD, tail: str = "") -> Path:
        body = "schema:\n- name: sales\n  physicalName: bronze.sales\n  properties:\n"
        path = tmp_path / "sales.odcs.yaml"
        path.write_text(head + body + textwrap.indent(textwrap.dedent(properties), "  ") + textwrap.dedent(tail))
        return path

    return write


@pytest.fixture
def load_properties(write_properties: Write) -> Load:
    """Load a contract of the dataset bronze.sales from the text of its properties."""

    def load(properties: str, *, zone: str = "UTC", **parts: str) -> LoadedContracts:
        return load_contracts(write_properties(properties, **parts), default_time_zone=zone)

    return load
