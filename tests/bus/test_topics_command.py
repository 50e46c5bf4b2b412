"""`entrepot topics` shows what is there, makes and changes topics, and names the way on in its errors."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from entrepot.adapters.embedded.bus import SqliteBus
from entrepot.app.cli import commands
from entrepot.app.topics_desk import TopicsDesk, Wish
from entrepot.kernel.errors import UsageError
from entrepot.ports.bus import NoSuchTopic, Outgoing, put_dead
from entrepot.testing.clock import FakeClock

Ask = Callable[..., Any]


@pytest.fixture
def ask(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Runs a command on an empty project; gives its JSON, or its text."""
    (tmp_path / "entrepot.yaml").write_text("name: p\n")
    monkeypatch.chdir(tmp_path)

    def run(*words: str, stdin: bytes = b"", text: bool = False) -> Any:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capsys.readouterr()
        commands.app(["topics", *words, *([] if text else ["--json"])], standalone_mode=False)
        out = capsys.readouterr().out
        return out if text else json.loads(out)

    return run


def test_from_making_to_looking(ask: Ask) -> None:
    """A topic is made, filled line by line, listed, shown and tailed."""
    assert ask("list") == {"topics": []}
    assert "entrepot topics set" in ask("list", text=True)
    made = ask("set", "events", "--partitions", "2", "--keep", "12h", "--keep-mb", "1.5")
    assert (made["keep_seconds"], made["keep_bytes_per_partition"]) == (43_200, 1_500_000)
    placed = ask("put", "events", "--key", "k", stdin=b'{"n": 1}\n\n{"n": "\xc3\xa9"}\r\n')["placed"]
    assert [one["offset"] for one in placed] == [0, 1]
    assert [one["value"] for one in ask("tail", "events")["messages"]] == ['{"n": 1}', '{"n": "é"}']
    assert [one["offset"] for one in ask("tail", "events", "-n", "1")["messages"]] == [1]
    assert ask("show", "events")["messages"] == 2 == ask("list")["topics"][0]["messages"]
    assert ask("set", "events", "--keep", "forever")["keep_seconds"] is None
    assert "for ever, at most 1.5 MB a partition" in ask("show", "events", text=True)
    assert '{"n": 1}' in ask("tail", "events", text=True)
    assert "could be used" in ask("dead", "events", text=True)


def test_groups_and_dead_letters(ask: Ask, tmp_path: Path) -> None:
    """Groups are shown with what they have before them, and may be forgotten; dead letters with their reason."""
    ask("set", "events", "--partitions", "1")
    bus = SqliteBus(tmp_path / ".entrepot" / "bus.db", FakeClock())
    bus.produce("events", [Outgoing(b"{"), Outgoing(b"{}")])
    bus.note("source:web", "events", {0: 1})
    put_dead(bus, "source:web", [(bus.fetch("events", 0, 0)[0], "bad_json")])
    bus.close()
    (group,) = ask("show", "events")["groups"]
    assert (group["group"], group["lag"], group["committed"]) == ("source:web", 1, {"0": 1})
    (dead,) = ask("dead", "events")["messages"]
    assert dead["value"] == "{" and ["dead-letter-reason", "bad_json"] in dead["headers"]
    assert "bad_json" in ask("dead", "events", text=True) and "bad_json" in ask("dead", "events.dead", text=True)
    assert ask("forget", "events", "source:web") == {"topic": "events", "forgotten": "source:web"}
    with pytest.raises(UsageError, match="it has none"):
        ask("forget", "events", "source:web")


def test_errors_name_the_way_on(ask: Ask) -> None:
    """What is not there or not allowed is said with what is."""
    with pytest.raises(NoSuchTopic) as unknown:
        ask("tail", "nope")
    assert unknown.value.hint == "See: entrepot topics list"
    ask("set", "events", "--partitions", "2")
    for words in (["set", "events", "--partitions", "1"], ["set", "events", "--keep", "3x"], ["set", "a b"]):
        with pytest.raises(UsageError):
            ask(*words)
    with pytest.raises(UsageError, match="partitions 0 to 1"):
        ask("tail", "events", "--partition", "2")


def test_following(tmp_path: Path) -> None:
    """Following gives what is put after its beginning, also on partitions that came later."""
    bus = SqliteBus(tmp_path / "bus.db", FakeClock())
    desk = TopicsDesk(bus)
    desk.set("events", Wish(partitions=1))
    bus.produce("events", [Outgoing(b"before")])

    class Putting(FakeClock):
        def sleep(self, seconds: float) -> None:
            desk.set("events", Wish(partitions=2))
            for _ in range(3):
                bus.produce("events", [Outgoing(b"after")])

    pages = desk.follow("events", None, Putting())
    assert [one.value for one in next(pages)] == [b"after"] * 3
    assert {one.partition for one in next(pages)} <= {0, 1}
