"""What a run tells while it runs."""

from __future__ import annotations

import pytest

from entrepot.app.cli import progress
from entrepot.app.cli.progress import say_seconds, shown
from entrepot.kernel.events import Event


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.2, "1 s"), (59, "59 s"), (61, "1 min 1 s"), (3599.7, "1 h 0 min"), (7500, "2 h 5 min")]
)
def test_durations_are_said_as_people_do(seconds: float, said: str) -> None:
    """Never 0 s while something is left."""
    assert say_seconds(seconds) == said


def test_long_batches_tell_where_they_are_when_piped(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows, bytes of the whole and rate, at most one line every few seconds; the outcome of each batch."""
    clock = iter(float(second) for second in range(1000))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(progress, "LINE_EVERY_S", 20.0)
    with shown(quiet=False) as emit:
        emit(Event("batch_planned", "sales", {"batch": 1, "bytes": 10_000_000}))
        for _ in range(10):
            emit(Event("rows_read", "sales", {"rows": 1000, "bytes": 1_000_000}))
        emit(
            Event(
                "batch_settled",
                "sales",
                {"batch": 1, "received": 10000, "accepted": 9990, "rejected": 10, "duplicate": 0},
            )
        )
    lines = capsys.readouterr().out.splitlines()
    assert 1 < len(lines) < 8
    assert lines[0].startswith("sales: ")
    assert " rows, " in lines[0]
    assert " of 10 MB, " in lines[0]
    assert "rows/s" in lines[0]
    assert lines[-1] == "sales: batch 1: received 10,000, accepted 9,990, rejected 10, duplicate 0"


def test_no_time_is_promised_where_the_whole_is_not_known(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A compressed file holds more than its size says: then neither a whole nor a time left is shown."""
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.0)
    with shown(quiet=False) as emit:
        emit(Event("batch_planned", "sales", {"batch": 1, "bytes": 1000}))
        emit(Event("rows_read", "sales", {"rows": 1000, "bytes": 9_000_000}))
    [line] = capsys.readouterr().out.splitlines()
    assert " of " not in line
    assert "left" not in line
    assert "9 MB" in line


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """JSON on standard output stays JSON."""
    with shown(quiet=True) as emit:
        emit(Event("release_published", "3", {"datasets": 1}))
    assert capsys.readouterr().out == ""
