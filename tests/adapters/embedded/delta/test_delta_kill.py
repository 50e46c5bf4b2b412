"""A real process killed at every point of a commit: after repair and redo the rows are there once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from delta_lake import NAME, SCHEMA, Lake, sale

from entrepot.adapters.embedded.delta.layout import LOG
from entrepot.ports.writer import Append, Merge, Replace, WriteMode

MODES: dict[str, WriteMode] = {
    "append": Append(), "all": Replace(None), "where": Replace("id = 1"), "merge": Merge(("id",)),
}  # fmt: skip
EXPECTED = {"append": [1, 1, 2, 3], "all": [1, 3], "where": [1, 2, 3], "merge": [1, 2, 3]}

CHILD = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from delta_lake import NAME, Lake, sale
from test_delta_kill import MODES
from entrepot.kernel.points import install_hook
lake = Lake(Path(sys.argv[2]))
point, mode = sys.argv[3:]
install_hook(lambda name: os.kill(os.getpid(), signal.SIGKILL) if name == point else None)
lake.commit(2, [sale(1, "new"), sale(3)], MODES[mode])
"""


def _kill_at(lake: Lake, point: str, mode: str) -> None:
    here = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": str(here.parents[3])}
    arguments = [sys.executable, "-c", CHILD, str(here), str(lake.folder), point, mode]
    child = subprocess.run(arguments, capture_output=True, env=environment, timeout=60)
    assert child.returncode == -signal.SIGKILL, child.stderr.decode()


@pytest.mark.req("X3")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("point", ["main.files_synced", "main.log_written", "main.linked"])
def test_killed_between_the_points(lake: Lake, point: str, mode: str) -> None:
    """Before the link nothing is to be seen; after it all is; the redo makes both the same, without leftovers."""
    lake.commit(1, [sale(1), sale(2)])
    _kill_at(lake, point, mode)
    lake.tables = lake.fresh()
    lake.tables.repair(NAME, 1)
    seen = lake.tables.last_sequence(NAME, "shop-in")
    assert seen == (2 if point == "main.linked" else 1)
    assert lake.ids() == (EXPECTED[mode] if seen == 2 else [1, 2])
    done = lake.commit(2, [sale(1, "new"), sale(3)], MODES[mode])
    assert (done.version, done.added) == (2, 2)
    lake.tables.repair(NAME, 2)
    assert lake.ids() == EXPECTED[mode]
    mentioned = {add["path"] for version in (1, 2) for add in lake.actions(version, "add")}
    assert {path.name for path in lake.path().glob("*.parquet")} == mentioned
    assert list((lake.path() / LOG).glob(".*")) == []


def test_a_visible_commit_is_made_durable_before_it_is_reported(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a killed process left visible is fsynced before anybody is told of it."""
    from entrepot.adapters.embedded.delta import handle

    lake.commit(1, [sale(1)])
    _kill_at(lake, "main.linked", "append")
    synced: list[str] = []
    monkeypatch.setattr(handle, "fsync_file", lambda path: synced.append(path.name))
    monkeypatch.setattr(handle, "fsync_dir", lambda path: synced.append(path.name))
    fresh = lake.fresh()
    assert fresh.last_sequence(NAME, "shop-in") == 2
    assert synced == [LOG]  # the entry itself was durable before it was linked
    synced.clear()
    assert fresh.last_sequence(NAME, "shop-in") == 2
    assert synced == []


def test_foreign_commits_are_made_durable_with_their_files(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """delta-rs does not fsync: its data files, folders and log are synced before we build on them."""
    import pyarrow as pa
    from deltalake import write_deltalake

    from entrepot.adapters.embedded.delta import handle

    write_deltalake(str(lake.path()), pa.Table.from_pylist([sale(2)], schema=SCHEMA), mode="append")
    synced: list[Path] = []
    folders: list[Path] = []
    monkeypatch.setattr(handle, "fsync_file", synced.append)
    monkeypatch.setattr(handle, "fsync_dirs", lambda files, upto: folders.extend(file.parent for file in files))
    lake.commit(1, [sale(1)])
    assert lake.path() / lake.actions(1, "add")[0]["path"] in synced
    assert lake.log(1) in synced
    assert folders == [lake.path()]


def test_files_are_durable_before_the_log_says_so(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of system calls: data file, its folder, log entry, link, log folder."""
    calls: list[tuple[str, str]] = []
    fsync, link, rename = os.fsync, os.link, Path.rename

    def note_fsync(descriptor: int) -> None:
        calls.append(("fsync", Path(f"/proc/self/fd/{descriptor}").readlink().name))
        fsync(descriptor)

    def note_link(source: Path, target: Path) -> None:
        calls.append(("link", target.name))
        link(source, target)

    def note_rename(source: Path, target: Path) -> Path:
        calls.append(("rename", source.name))
        return rename(source, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "link", note_link)
    monkeypatch.setattr(Path, "rename", note_rename)
    batch = lake.batch(1, [sale(1)])
    lake.tables.commit(NAME, batch)
    staged = batch.rows.files[0].path.name
    aside = calls[3][1]
    assert aside.endswith(".tmp")
    assert calls == [
        ("fsync", staged), ("rename", staged), ("fsync", "sales"), ("fsync", aside), ("link", lake.log(1).name), ("fsync", LOG),
    ]  # fmt: skip
