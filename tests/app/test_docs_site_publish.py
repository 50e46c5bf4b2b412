"""A site is put into its folder as a whole, and nothing that is not a site is ever replaced."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest
from docs_site_shop import make_shop

from entrepot.app.cli.docs import write_docs
from entrepot.app.docs_site.publish import MARKER, publish
from entrepot.kernel.errors import EntrepotError, UsageError


def leftovers(folder: Path) -> list[str]:
    """What stands beside the site."""
    return sorted(path.name for path in folder.parent.iterdir() if path != folder)


def read(folder: Path) -> dict[str, str]:
    """The pages that stand in a folder."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != MARKER)
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


def test_a_newer_site_takes_the_whole_place_of_an_older_one(tmp_path: Path) -> None:
    """Pages that are gone are gone; nothing is left beside it."""
    folder = tmp_path / "public" / "docs"
    publish({"index.html": "1", "a/b.html": "1"}, folder)
    publish({"index.html": "2", "c.html": "2"}, folder)
    assert read(folder) == {"index.html": "2", "c.html": "2"}
    assert leftovers(folder) == []


@pytest.mark.parametrize("what", ["file", "folder", "link"])
def test_what_is_no_site_is_refused(tmp_path: Path, what: str) -> None:
    """A folder with other files, a file, a link: nothing of them is touched, and the error says what to do."""
    folder, other = tmp_path / "out", tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("ten years")
    if what == "file":
        folder.write_text("x")
    elif what == "folder":
        other.rename(folder)
        other = folder
    else:
        folder.symlink_to(other)
    with pytest.raises(UsageError, match="out") as refused:
        publish({"index.html": "1"}, folder)
    assert "--out" in str(refused.value.hint)
    assert (other / "thesis.txt").read_text() == "ten years" if what != "file" else folder.read_text() == "x"


def test_an_empty_folder_may_be_filled(tmp_path: Path) -> None:
    """Somebody made it for this."""
    (tmp_path / "out").mkdir()
    publish({"index.html": "1"}, tmp_path / "out")
    assert read(tmp_path / "out") == {"index.html": "1"}


def test_a_site_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    """A page whose name no file system takes: the old site stands, whole, and no scrap beside it."""
    folder = tmp_path / "docs"
    publish({"index.html": "1", "b.html": "1"}, folder)
    with pytest.raises(EntrepotError, match="cannot be written"):
        publish({"index.html": "2", f"{'x' * 300}.html": "2"}, folder)
    assert read(folder) == {"index.html": "1", "b.html": "1"}
    assert leftovers(folder) == []


def test_what_a_killed_process_left_is_put_right(tmp_path: Path) -> None:
    """Between the two renames the old site stands aside: it comes back, and half a new one goes."""
    folder = tmp_path / "docs"
    publish({"index.html": "1"}, folder)
    folder.rename(tmp_path / ".docs-0123456789ab.old")
    (tmp_path / ".docs-ba9876543210.new").mkdir()
    (tmp_path / ".docs-notes.txt").write_text("mine")
    with pytest.raises(EntrepotError):
        publish({f"{'x' * 300}.html": "2"}, folder)
    assert read(folder) == {"index.html": "1"}
    assert leftovers(folder) == [".docs-notes.txt"]


def test_readers_never_see_pages_of_two_sites(tmp_path: Path) -> None:
    """Whoever opens the folder while sites are put there finds pages of one of them, from two writers at once as well."""
    folder = tmp_path / "docs"
    publish({"a.html": "0", "b/c.html": "0"}, folder)
    done, seen, mixed = threading.Event(), set[str](), list[tuple[str, str]]()

    def look() -> None:
        while not done.is_set():
            try:
                handle = os.open(folder, os.O_RDONLY)
            except FileNotFoundError:  # between the two renames
                continue
            try:
                first, second = (_read_at(handle, name) for name in ("a.html", "b/c.html"))
            except FileNotFoundError:  # the old one is being taken away
                continue
            finally:
                os.close(handle)
            seen.add(first)
            mixed.extend([(first, second)] if first != second else [])

    def write(of: str) -> None:
        for number in range(15):
            publish({"a.html": f"{of}{number}", "b/c.html": f"{of}{number}"}, folder)

    reader = threading.Thread(target=look)
    writers = [threading.Thread(target=write, args=(of,)) for of in "xy"]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    assert mixed == []
    assert len(seen) > 1
    assert leftovers(folder) == []


def _read_at(handle: int, name: str) -> str:
    page = os.open(name, os.O_RDONLY, dir_fd=handle)
    try:
        return os.read(page, 100).decode()
    finally:
        os.close(page)


def test_the_command_says_what_it_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Folder, pages, release; where nobody says a folder, site/docs in the project."""
    make_shop(tmp_path)
    write_docs(tmp_path, None, serve=False, port=0, as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert said["folder"] == str(tmp_path / "site" / "docs")
    assert said["release"] is None
    assert said["pages"] == len([name for name in read(tmp_path / "site" / "docs") if name.endswith(".html")]) > 10
    write_docs(tmp_path, tmp_path / "public", serve=False, port=0, as_json=False)
    assert "there is no release yet" in capsys.readouterr().out
    assert (tmp_path / "public" / "index.html").is_file()
    with pytest.raises(UsageError, match="--serve and --json"):
        write_docs(tmp_path, None, serve=True, port=0, as_json=True)


def test_a_site_can_be_shown_on_this_machine(tmp_path: Path) -> None:
    """`--serve` answers on this machine alone, until interrupted; then it ends in order."""
    make_shop(tmp_path)
    command = [sys.executable, "-u", "-m", "entrepot", "docs", "--serve", "--port", "0", "--project", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as served:
        assert served.stdout is not None
        lines = iter(served.stdout.readline, "")
        address = next(line for line in lines if "http://127.0.0.1:" in line).split()[2]
        with urllib.request.urlopen(f"{address}kpis/sales.html", timeout=20) as answer:
            assert b"All that was sold" in answer.read()
        served.send_signal(signal.SIGINT)
        assert served.wait(20) in (0, 130)
