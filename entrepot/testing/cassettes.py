"""Sources with an HTTP API in tests of a project: recorded once, replayed without the server.

    with recording(Path("tests/cassettes")):
        ...  # run the project: each source writes its requests and answers into a folder of its name, without secrets
    with replaying(Path("tests/cassettes")):
        ...  # run it again, offline and without secrets; a request that was not recorded is an error

In a shell the same is said by `ENTREPOT_CASSETTES=record:FOLDER` and `ENTREPOT_CASSETTES=replay:FOLDER`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

VARIABLE = "ENTREPOT_CASSETTES"


def recording(folder: Path) -> AbstractContextManager[None]:
    """Sources that are opened within write down what they ask and are answered, after what is there already."""
    return _told(f"record:{folder}")


def replaying(folder: Path) -> AbstractContextManager[None]:
    """Sources that are opened within get their answers from the folder; nothing is sent."""
    return _told(f"replay:{folder}")


@contextmanager
def _told(text: str) -> Iterator[None]:
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = text
    try:
        yield
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before
