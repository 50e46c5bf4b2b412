"""The list of requirements and their proofs."""

from __future__ import annotations

import ast
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def features(repository: Path) -> ModuleType:
    """scripts/features.py as a module."""
    spec = importlib.util.spec_from_file_location("features", repository / "scripts" / "features.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_marks_are_found_on_functions_classes_and_files(features: ModuleType) -> None:
    """Wherever pytest accepts the mark, the page sees it; other marks are not taken for it."""
    tree = ast.parse(
        "pytestmark = [pytest.mark.req('X1'), pytest.mark.slow]\n"
        "@pytest.mark.req('F1', 'F2')\ndef test_a(): ...\n"
        "@pytest.mark.req('S1')\nclass TestB:\n    @pytest.mark.req('S2')\n    def test_c(self): ...\n"
        "@pytest.mark.parametrize('req', ['A1'])\ndef test_d(): ...\n"
    )
    expected = {("", "X1"), ("test_a", "F1"), ("test_a", "F2"), ("TestB", "S1"), ("test_c", "S2")}
    assert set(features.marks_in(tree)) == expected


def test_an_id_that_nobody_asked_for_is_a_fault(features: ModuleType) -> None:
    """A slip in a mark cannot pass as a proof."""
    asked = features.Requirement("X1", "X", "text", None, False, ())
    assert features.find_faults([asked], {"X1": ["t"], "X99": ["t::u"]}) == ["t::u names X99, which is no requirement"]


def test_whole_without_a_test_is_a_fault(features: ModuleType) -> None:
    """Nothing is called done on its word alone."""
    claimed = features.Requirement("X1", "X", "text", None, True, ())
    assert features.find_faults([claimed], {}) == ["X1 is said to be whole, but no test names it"]


@pytest.mark.parametrize(
    ("whole", "tests", "status"), [(True, ["t"], "done"), (False, ["t"], "partly"), (False, [], "not yet")]
)
def test_the_status_follows_from_the_proofs(features: ModuleType, whole: bool, tests: list[str], status: str) -> None:
    """done, partly and not yet are computed, never written by hand."""
    assert features.status_of(features.Requirement("X1", "X", "text", None, whole, ()), tests) == status


def test_every_id_stands_once_in_the_list(features: ModuleType) -> None:
    """No requirement is listed twice, and each has its sentence."""
    requirements = features.load_requirements()
    ids = [requirement.id for requirement in requirements]
    assert len(ids) == len(set(ids))
    assert [requirement.id for requirement in requirements if not requirement.text.endswith(".")] == []
