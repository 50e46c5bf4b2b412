"""What the document of the API promises holds for whatever is asked: no 5xx, no other shape, one shape of errors."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.app.http.serving import Shop, opened, served

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
APART = frozenset({"watch_events", "start_run"})
"""A stream without end; runs that take seconds: each has tests of its own."""
THERE = {
    "dataset": "bronze.sales", "flow": "sales", "kpi": "large_share", "name": "nightly", "integration": "partner", "id": "bronze.sales:1.5",
}  # fmt: skip
"""Names that are there, for half of the requests."""


@pytest.fixture(scope="module")
def fuzzed(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shop, str]]:
    root = tmp_path_factory.mktemp("fuzzed") / "shop"
    shutil.copytree(template, root)
    with opened(root) as shop, served(shop) as address:
        shop.context.try_out = lambda *_: []
        yield shop, address


def _operations(address: str, shop: Shop) -> dict[str, Any]:
    api = schemathesis.openapi.from_url(f"{address}/api/v1/openapi.json", headers=shop.headers)
    found = (each.ok() for each in api.get_all_operations())
    return {each.definition.raw["operationId"]: each for each in found}


def _ask(operation: Any, shop: Shop, examples: int, modes: list[GenerationMode]) -> None:
    """Ask an operation for valid things, or for things that are not."""
    for mode in modes:

        @given(case=operation.as_strategy(generation_mode=mode), is_there=st.booleans())
        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def ask(case: Any, is_there: bool) -> None:
            if is_there and isinstance(case.path_parameters, dict):
                case.path_parameters.update({n: THERE[n] for n in case.path_parameters if n in THERE})
            response = case.call(headers=shop.headers, timeout=60)
            case.validate_response(response, checks=CHECKS)
            if response.status_code >= 400:
                assert response.headers["content-type"] == ["application/problem+json"], response.text

        with contextlib.suppress(Unsatisfiable):  # nothing that it could be asked is wrong
            ask()


def _ask_all(fuzzed: tuple[Shop, str], examples: int, *modes: GenerationMode) -> None:
    shop, address = fuzzed
    operations = _operations(address, shop)
    assert operations.keys() >= APART
    assert len(operations) > 60
    for name, operation in operations.items():
        if name in APART:
            continue
        try:
            _ask(operation, shop, examples, list(modes))
        except (Exception, BaseExceptionGroup) as error:
            error.add_note(name)
            raise


def test_every_operation_answers_as_documented(fuzzed: tuple[Shop, str]) -> None:
    """One valid request for each operation."""
    _ask_all(fuzzed, 1, GenerationMode.POSITIVE)


@pytest.mark.slow
@pytest.mark.timeout(3_000)
def test_every_operation_answers_as_documented_at_length(fuzzed: tuple[Shop, str]) -> None:
    """Many requests, valid ones and others."""
    _ask_all(fuzzed, 40, GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
