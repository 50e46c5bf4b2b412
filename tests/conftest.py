"""What all tests share: where the public data sets are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the repository."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public data sets: `ENTREPOT_DATA`, else `../shared/data` beside the repository.

    Without it a test is skipped on a person's machine; under CI it fails, so that no proof is lost unseen.
    """
    folder = Path(os.environ.get("ENTREPOT_DATA") or REPOSITORY.parent / "shared" / "data")
    if folder.is_dir():
        return folder
    reason = "the public data sets are not here; set ENTREPOT_DATA to their folder"
    if os.environ.get("CI"):
        pytest.fail(f"{reason} (under CI this is a failure)", pytrace=False)
    pytest.skip(reason)
