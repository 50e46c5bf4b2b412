"""Released rows become messages, each once for every version of its content."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from entrepot.adapters.embedded.outbox import SqliteOutbox
from entrepot.app.project import open_project
from entrepot.app.publishing import Publishing
from entrepot.app.session import run_project
from entrepot.app.wiring import Platform
from entrepot.flow.rebuild import rebuild_state
from entrepot.kernel.errors import EntrepotError
from entrepot.kernel.points import clear_hooks, install_hook
from entrepot.ports.outbox import Message, MessageFilter
from tests.crash import shop

PUBLISH = """\
connector: queue
from: bronze.orders
key: [order_id]
type: order
on_delete: message
"""
HEAD = "order_id,product,ordered_on,quantity\n"


class Project:
    """A shop that publishes its orders; every call opens it anew."""

    def __init__(self, root: Path, publish: str = PUBLISH) -> None:
        self.root = shop.make_project(root)
        (self.root / "sources" / "orders.yaml").write_text(
            "connector: files\ndataset: bronze.orders\nwrite: merge\noptions: {path: storage/orders, wait: {stable_s: 0}}\n"
        )
        (self.root / "publish").mkdir()
        (self.root / "publish" / "orders_out.yaml").write_text(publish)
        self.number = 0

    def platform(self) -> Platform:
        return Platform(open_project(self.root), threads=1)

    def run(self, *rows: str) -> None:
        """Bring rows in and release them."""
        self.number += 1
        text = HEAD + "".join(f"{row}\n" for row in rows)
        shop.drop(self.root, "orders", {f"orders_{self.number}.csv": text})
        report = run_project(self.platform(), ())
        assert [r.error for r in report.results if r.error is not None] == []

    def publish(self) -> list[str]:
        """Publish; return the errors."""
        platform = self.platform()
        try:
            Publishing(platform, platform.stores.outbox(), platform.project.publications).publish()
        except EntrepotError as error:
            return [str(error)]
        finally:
            platform.stores.close()
        return []

    def outbox(self) -> SqliteOutbox:
        return SqliteOutbox(self.root / ".entrepot" / "outbox.db", self.platform().clock)

    def messages(self) -> list[Message]:
        """In the order in which they were handed in, with bodies."""
        store = self.outbox()
        found = [store.get(m.id) for m in store.find(MessageFilter(integration="orders_out"), limit=500)]
        store.close()
        return [message for message in reversed(found) if message is not None]

    def told(self) -> list[tuple[str | None, str, object]]:
        """Key, type and quantity of each message, sorted within a batch."""
        return sorted((m.key, m.type, json.loads(m.body).get("quantity")) for m in self.messages())  # type: ignore[type-var]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "shop")


@pytest.mark.req("G7")
def test_each_version_of_a_row_is_told_once(project: Project) -> None:
    """New and changed rows give messages, unchanged ones and a second call give none."""
    project.run("1,A,2026-01-01,5", "2,B,2026-01-02,7")
    assert project.publish() == []
    assert project.told() == [("1", "order", 5), ("2", "order", 7)]
    assert project.publish() == []
    assert len(project.messages()) == 2
    project.run("2,B,2026-01-02,8", "3,A,2026-01-03,1")
    assert project.publish() == []
    assert project.told() == [("1", "order", 5), ("2", "order", 7), ("2", "order", 8), ("3", "order", 1)]
    project.run("2,B,2026-01-02,7")
    assert project.publish() == []
    assert [m.key for m in project.messages()].count("2") == 3, "back to the old content is news"
    (first, *_) = project.messages()
    body = json.loads(first.body)
    assert not [name for name in body if name.startswith("_")]
    assert body["ordered_on"].startswith("2026-01-0")


def test_nothing_is_published_that_no_release_holds(project: Project) -> None:
    """Before a release there is nothing to tell."""
    assert project.publish() == []
    assert project.messages() == []


def test_a_row_that_is_gone_is_told_where_that_is_wanted(tmp_path: Path) -> None:
    """Its key and `_deleted`; a row that only changed is not."""
    project = Project(tmp_path / "shop")
    (project.root / "sources" / "orders.yaml").write_text(
        "connector: files\ndataset: bronze.orders\nwrite: replace\noptions: {path: storage/orders, wait: {stable_s: 0}}\n"
    )
    project.run("1,A,2026-01-01,5", "2,B,2026-01-02,7")
    project.publish()
    project.run("2,B,2026-01-02,8")
    assert project.publish() == []
    assert project.told() == [("1", "order", 5), ("1", "order.deleted", None), ("2", "order", 7), ("2", "order", 8)]
    (gone,) = [m for m in project.messages() if m.type == "order.deleted"]
    assert json.loads(gone.body) == {"order_id": 1, "_deleted": True}


def test_start_now_tells_only_what_comes_later(tmp_path: Path) -> None:
    """Rows that are there at the first time are not sent."""
    project = Project(tmp_path / "shop", PUBLISH + "start: now\n")
    project.run("1,A,2026-01-01,5")
    project.publish()
    assert project.messages() == []
    project.run("2,A,2026-01-01,6")
    assert project.publish() == []
    assert project.told() == [("2", "order", 6)]


class Cut(Exception):
    """The process ends here."""


@pytest.mark.parametrize(
    "point",
    [
        "plan.after",
        "main.files_synced",
        "main.linked",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("stage.after", "main.before", "settle.before", "settle.after")
        ),
    ],
)
def test_a_cut_at_any_point_neither_loses_nor_doubles(project: Project, point: str) -> None:
    """Also when a newer release has come before the cut one is finished: then both are told, one after the other."""
    project.run("1,A,2026-01-01,5", "2,B,2026-01-02,7")

    def cut(name: str) -> None:
        if name == point:
            raise Cut

    install_hook(cut)
    try:
        with pytest.raises(Cut):
            project.publish()
    finally:
        clear_hooks()
    project.run("2,B,2026-01-02,8")
    assert project.publish() == []
    assert project.told() == [("1", "order", 5), ("2", "order", 7), ("2", "order", 8)]


def test_a_state_that_was_lost_doubles_nothing(project: Project) -> None:
    """Rebuilt from the lake, it knows nothing of what was published; the outbox does."""
    project.run("1,A,2026-01-01,5")
    project.publish()
    project.run("1,A,2026-01-01,6")
    project.publish()
    for path in (project.root / ".entrepot").glob("state.db*"):
        path.unlink()
    platform = project.platform()
    rebuild_state(platform.tables, platform.state)
    project.run("2,B,2026-01-01,7")
    assert project.publish() == []
    assert project.told() == [("1", "order", 5), ("1", "order", 6), ("2", "order", 7)]


def test_a_version_that_was_published_outlives_the_releases(project: Project) -> None:
    """What the next publication differs from is kept for it, however many releases come in between."""
    project.run("1,A,2026-01-01,5")
    project.publish()
    state = project.platform().state
    (pinned,) = state.pinned()["bronze.orders"]
    project.run("1,A,2026-01-01,6")
    project.publish()
    (later,) = state.pinned()["bronze.orders"]
    assert later > pinned


@pytest.mark.parametrize(
    ("key", "text"),
    [("product", "rows of bronze.orders have one key"), ("colour", "has no column colour")],
)
def test_a_key_that_cannot_be_one_is_refused(tmp_path: Path, key: str, text: str) -> None:
    """No row is left out or merged with another."""
    project = Project(tmp_path / "shop", PUBLISH.replace("order_id", key))
    project.run("1,A,2026-01-01,5", "2,A,2026-01-02,7")
    (told,) = project.publish()
    assert text in told
    assert project.messages() == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("connector: carrier_pigeon\n", "allowed is one of webhook, queue, outbox_table"),
        ("connector: queue\nfrom: gold.none\nkey: [a]\n", "there is no dataset gold.none"),
        ("connector: queue\nfrom: bronze.orders\n", "key is missing"),
        ("connector: queue\nkey: [a]\n", "nothing without `from`"),
        ("connector: queue\noptions: {leese: 3}\n", "Did you mean lease"),
        ("connector: queue\noptions: {lease: soon}\n", "a number with ms, s, m"),
        ("connector: webhook\noptions: {url: 'https://x.test/'}\n", "secret is missing"),
        ("connector: webhook\noptions: {url: 'https://x.test/', secret: whsec_abc}\n", "not the name of a secret"),
        ("connector: webhook\noptions: {url: 'https://u:p@x.test/', unsigned: true}\n", "no address that can be used"),
        ("connector: webhook\noptions: {url: 'ftp://x.test/', unsigned: true}\n", "no address that can be used"),
        ("connector: webhook\noptions: {url: 'https://x.test/', unsigned: true, dead_on: [429]}\n", "without 410 and 429"),
        ("connector: webhook\noptions: {url: 'https://x.test/', unsigned: true, headers: {Webhook-Id: a}}\n", "is set by Entrep"),
        ("connector: webhook\noptions: {url: 'https://x.test/', unsigned: true, headers: {X: \"a\\nb\"}}\n", "of one line"),
        ("connector: webhook\noptions: {url: 'https://x.test/', unsigned: true, retry: [5 y]}\n", "a number with ms, s, m"),
        ("connector: outbox_table\n", "one of path"),
        ("connector: outbox_table\noptions: {path: a.db, table: 'x; drop'}\n", "the name of a table"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    """File and line, what came, what is allowed; never a secret that was written into it."""
    project = Project(tmp_path / "shop", text)
    with pytest.raises(EntrepotError, match=r"orders_out.yaml:\d+") as caught:
        open_project(project.root)
    assert said in str(caught.value)
    assert "whsec_abc" not in str(caught.value)
    assert "u:p@" not in str(caught.value)


def test_networks_of_the_project_are_read(project: Project) -> None:
    """`network: {allow_private: …}`; nonsense is refused."""
    path = project.root / "entrepot.yaml"
    path.write_text(path.read_text() + "network: {allow_private: [127.0.0.1/32]}\n")
    assert [str(one) for one in open_project(project.root).allow_private] == ["127.0.0.1/32"]
    path.write_text(path.read_text().replace("127.0.0.1/32", "localhost"))
    with pytest.raises(EntrepotError, match="no network"):
        open_project(project.root)


def test_a_bad_release_does_not_stop_publishing_for_good(tmp_path: Path) -> None:
    """A release whose rows share a key cannot be handed in; when its attempts are used up, the next good one goes on from what was published."""
    project = Project(tmp_path / "shop", PUBLISH.replace("key: [order_id]", "key: [product]"))
    project.run("1,P1,2026-11-01,7")
    assert project.publish() == []
    project.run("2,P2,2026-11-01,8", "3,P2,2026-11-01,9")  # two new orders of one product: one key twice
    for _ in range(4):
        assert project.publish() != []
    project.run("3,P3,2026-11-01,9")
    assert project.publish() == []
    assert {("P2", "order", 8), ("P3", "order", 9)} <= set(project.told())
