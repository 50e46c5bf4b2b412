"""Applications send in their own transaction; a relay moves the messages on, each once."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from entrepot.adapters.embedded.outbox import SqliteOutbox
from entrepot.adapters.outbox_tables import Relay, open_relay
from entrepot.app.clock import SystemClock
from entrepot.client import Outbox
from entrepot.kernel.errors import DataError, SystemError_, UsageError
from entrepot.kernel.points import clear_hooks, install_hook
from entrepot.ports.outbox import Message, MessageFilter
from entrepot.ports.secrets import Secret
from entrepot.serve.publish.keys import SecretName
from entrepot.serve.publish.settings import OutboxTable
from tests.outbox.outboxes import open_outbox


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[SqliteOutbox]:
    store = open_outbox(tmp_path, SystemClock())
    yield store
    store.close()


class Application:
    """An application with orders and its own database."""

    def __init__(self, connect: Callable[[], Any], relay: Relay) -> None:
        self.connect = connect
        self.relay = relay
        connection = connect()
        connection.execute("CREATE TABLE orders (id integer PRIMARY KEY)")
        Outbox.install(connection)
        Outbox.install(connection)
        connection.commit()
        connection.close()

    def order(self, *numbers: int, commit: bool = True, integration: str = "shop") -> None:
        """Rows and messages in one transaction."""
        connection = self.connect()
        for number in numbers:
            connection.execute(f"INSERT INTO orders VALUES ({number})")
            Outbox().send(connection, integration, {"order": number}, reference=f"o{number}", key="k", type="order")
        connection.commit() if commit else connection.rollback()
        connection.close()

    def count(self, table: str) -> int:
        connection = self.connect()
        found: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        connection.close()
        return found


@pytest.fixture
def sqlite_application(tmp_path: Path, outbox: SqliteOutbox) -> Application:
    path = tmp_path / "app.db"
    relay = open_relay("app", OutboxTable(path), outbox, {"shop"}, find_none)
    return Application(lambda: sqlite3.connect(path), relay)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a throwaway server."""
    pytest.importorskip("psycopg", reason="psycopg is not installed") if not os.environ.get("CI") else None
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs or shutil.which("setpriv") is None or os.getuid() != 0:
        pytest.skip("PostgreSQL's server is not here, or we may not become its user")
    folder = tmp_path_factory.mktemp("postgres")
    for path in (folder, *folder.parents[:3]):
        path.chmod(0o755)
    data = folder / "data"
    data.mkdir()
    shutil.chown(data, "postgres", "postgres")
    become = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    subprocess.run(
        [*become, programs[-1] / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "-N"],
        check=True,
        capture_output=True,
    )
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [*become, programs[-1] / "postgres", "-D", data, "-p", str(port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="],
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert server.stderr is not None
    for line in server.stderr:
        if "ready to accept connections" in line:
            break
    yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
    server.terminate()
    server.communicate()


@pytest.fixture
def postgres_application(postgres: str, outbox: SqliteOutbox) -> Iterator[Application]:
    import psycopg

    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute("DROP TABLE IF EXISTS orders, entrepot_outbox")
    settings = OutboxTable(dsn=SecretName("app", "dsn"))
    relay = open_relay("app", settings, outbox, {"shop"}, lambda name: Secret(str(name), postgres))
    yield Application(lambda: psycopg.connect(postgres), relay)
    relay.close()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.services)])
def application(request: pytest.FixtureRequest) -> Application:
    found: Application = request.getfixturevalue(f"{request.param}_application")
    return found


def find_none(name: SecretName) -> Secret:
    raise AssertionError("no secret is needed")


def messages(outbox: SqliteOutbox) -> list[Message]:
    found = [outbox.get(message.id) for message in outbox.find(MessageFilter(), limit=5_000)]
    return [message for message in reversed(found) if message is not None]


@pytest.mark.req("G7")
def test_rows_and_messages_commit_together(application: Application, outbox: SqliteOutbox) -> None:
    """What is rolled back is never sent; what is committed arrives as it was written, in order."""
    application.order(1, 2)
    application.order(3, commit=False)
    assert application.relay.turn().messages == 2
    assert [(m.integration, m.reference, m.key, m.type, m.body) for m in messages(outbox)] == [
        ("shop", "o1", "k", "order", b'{"order":1}'),
        ("shop", "o2", "k", "order", b'{"order":2}'),
    ]
    assert (application.count("orders"), application.count("entrepot_outbox")) == (2, 0)
    assert application.relay.turn().messages == 0


def test_a_relay_that_is_cut_moves_each_message_once(application: Application, outbox: SqliteOutbox) -> None:
    """Between handing in and removing: the messages are recognised by their ids."""
    application.order(*range(450))

    class Cut(Exception):
        pass

    def cut(name: str) -> None:
        if name == "relay.handed_in":
            raise Cut

    install_hook(cut)
    try:
        with pytest.raises(Cut):
            application.relay.turn()
    finally:
        clear_hooks()
    assert application.relay.turn().messages == 450
    assert [m.reference for m in messages(outbox)] == [f"o{number}" for number in range(450)]


def test_a_message_for_nobody_stays(application: Application, outbox: SqliteOutbox) -> None:
    """One for an integration that is not in `publish/` waits in the table and holds up no other."""
    application.order(1, integration="unknown")
    application.order(2)
    moved = application.relay.turn()
    assert (moved.messages, moved.stuck) == (1, 1)
    assert application.count("entrepot_outbox") == 1


def test_a_message_that_is_committed_late_is_not_passed_over(
    postgres_application: Application, outbox: SqliteOutbox
) -> None:
    """In PostgreSQL numbers are drawn before the commit: a later one may be there first."""
    late = postgres_application.connect()
    Outbox().send(late, "shop", {"order": 1}, reference="late")
    postgres_application.order(2)
    assert postgres_application.relay.turn().messages == 1
    late.commit()
    late.close()
    assert postgres_application.relay.turn().messages == 1


test_a_message_that_is_committed_late_is_not_passed_over = pytest.mark.services(
    test_a_message_that_is_committed_late_is_not_passed_over
)


def test_without_a_transaction_nothing_is_sent(tmp_path: Path) -> None:
    """With autocommit the message would be committed though the rows are not."""
    connection = sqlite3.connect(tmp_path / "app.db", isolation_level=None)
    Outbox.install(connection)
    with pytest.raises(UsageError, match="commits each statement alone"):
        Outbox().send(connection, "shop", {})
    connection.execute("BEGIN")
    Outbox().send(connection, "shop", {})
    connection.execute("ROLLBACK")
    connection.close()


@pytest.mark.services
def test_without_a_transaction_nothing_is_sent_in_postgres(postgres_application: Application, postgres: str) -> None:
    """Likewise there."""
    import psycopg

    with psycopg.connect(postgres, autocommit=True) as connection:
        with pytest.raises(UsageError, match="commits each statement alone"):
            Outbox().send(connection, "shop", {})
        with connection.transaction():
            Outbox().send(connection, "shop", {})


@pytest.mark.services
def test_a_server_that_is_away_is_asked_again(postgres: str, outbox: SqliteOutbox) -> None:
    """The error names the secret, never the address in it."""
    settings = OutboxTable(dsn=SecretName("app", "dsn"))
    away = "postgresql://postgres:hunter2@127.0.0.1:1/postgres"
    relay = open_relay("app", settings, outbox, {"shop"}, lambda name: Secret(str(name), away))
    with pytest.raises(SystemError_, match="app/dsn") as caught:
        relay.turn()
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("body", [{"a": float("nan")}, {"a": object()}])
def test_a_body_that_is_no_json_is_refused(tmp_path: Path, body: dict[str, object]) -> None:
    """At the sender, where it can be mended."""
    connection = sqlite3.connect(tmp_path / "app.db")
    Outbox.install(connection)
    with pytest.raises((TypeError, ValueError)):
        Outbox().send(connection, "shop", body)
    connection.close()


def test_a_database_without_the_table_is_named(tmp_path: Path, outbox: SqliteOutbox) -> None:
    """With the call that makes it; a missing file may come later."""
    path = tmp_path / "app.db"
    relay = open_relay("app", OutboxTable(path), outbox, {"shop"}, find_none)
    with pytest.raises(SystemError_, match="is not there"):
        relay.turn()
    sqlite3.connect(path).close()
    path.touch()
    with pytest.raises(DataError, match=r"Outbox\.install"):
        relay.turn()


def test_the_client_is_light() -> None:
    """Importing it loads no driver and no other library."""
    code = (
        "import sys\nbefore = set(sys.modules)\nimport entrepot.client\n"
        "print(sorted({n.partition('.')[0] for n in set(sys.modules) - before} - set(sys.stdlib_module_names)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['entrepot']"
