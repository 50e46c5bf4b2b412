"""The files of `publish/`: where messages go to, and which rows of the lake become messages by themselves."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import urlsplit

from entrepot.kernel.documents import Document, load_document
from entrepot.kernel.errors import EntrepotError
from entrepot.kernel.names import parse_dataset
from entrepot.serve.publish.addresses import Network, parse_networks
from entrepot.serve.publish.keys import Keys, SecretName

CONNECTORS = ("webhook", "queue", "outbox_table")
RETRY_AFTER_S = (5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
"""5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h: a receiver may be down for three days."""
_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
_KEYS = ("name", "connector", "description", "type", "from", "key", "on_delete", "start", "options")
_RESERVED = ("content-type", "content-length", "host", "transfer-encoding", "connection", "user-agent")


@dataclass(frozen=True, slots=True)
class FromTable:
    """Rows of a released dataset become messages, each once for every version of its content."""

    dataset: str
    key: tuple[str, ...]
    """Columns of which a row is unique."""
    tells_deletes: bool = False
    """A row that is gone gives a message with its key."""
    all_rows: bool = True
    """False: rows that are there at the first time are not sent."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """How messages are pushed."""

    url: str
    secrets: tuple[SecretName, ...] = ()
    """All of them sign, so that one can be rotated; none: unsigned, which must be said."""
    headers: tuple[tuple[str, str | SecretName], ...] = ()
    timeout_s: float = 20.0
    concurrency: int = 4
    per_second: float | None = None
    retry_after_s: tuple[float, ...] = RETRY_AFTER_S
    dead_on: frozenset[int] = frozenset()
    """Answers after which nothing is tried again."""
    ordered: bool = False
    waits_for_dead: bool = False
    """With `ordered`: a dead message holds the later ones of its key back."""
    pause_after: int = 20
    """Attempts that fail in a row …"""
    pause_over_s: float = 3_600.0
    """… over at least so long: the integration is paused."""
    by_consumer: bool = False
    """A delivered message waits for an acknowledgement."""
    ack_within_s: float = 3_600.0
    form: str = "as_is"
    """`as_is`, `cloudevents` (structured) or `cloudevents_binary`."""
    allow_http: bool = False


@dataclass(frozen=True, slots=True)
class Queue:
    """How an application takes messages."""

    lease_s: float = 30.0
    max_deliveries: int = 10
    ordered: bool = False
    retry_s: float = 5.0
    """Before one that was given back is given out again."""


@dataclass(frozen=True, slots=True)
class OutboxTable:
    """A table of an application's own database, from which messages come."""

    path: Path | None = None
    """Of a SQLite file."""
    dsn: SecretName | None = None
    """Of a PostgreSQL database; it holds a password, so it is a secret."""
    table: str = "entrepot_outbox"


@dataclass(frozen=True, slots=True)
class Publication:
    """One file of `publish/`."""

    name: str
    """The integration's id."""
    way: Webhook | Queue | OutboxTable
    document: Document
    type: str = ""
    origin: FromTable | None = None
    description: str = ""


def load_publications(folder: Path, datasets: Collection[str]) -> tuple[list[Publication], list[EntrepotError]]:
    """Read every file of `publish/`; what is wrong comes beside what is right. Args: datasets: that may stand in `from`."""
    found: dict[str, Publication] = {}
    errors: list[EntrepotError] = []
    for path in sorted(folder.glob("*.y*ml")):
        try:
            one = load_publication(path, datasets)
            if one.name in found:
                raise one.document.error(f"a second publication is named {one.name!r}.", "name")
            found[one.name] = one
        except EntrepotError as error:
            errors.append(error)
    return list(found.values()), errors


def load_publication(path: Path, datasets: Collection[str]) -> Publication:
    """Read one file. Raises: ProjectError with the place of what is wrong."""
    document = load_document(path)
    keys = Keys(document, (), document.value).only(*_KEYS)
    name = keys.text("name", path.stem)
    if not _NAME.match(name):
        raise keys.error("name", "lower-case letters, digits and _, a letter first")
    connector = document.value.get("connector")
    if connector not in CONNECTORS:
        raise keys.error("connector", f"one of {', '.join(CONNECTORS)}", hint="See docs/how-to/send-records.md.")
    options = keys.below("options")
    way: Webhook | Queue | OutboxTable
    match connector:
        case "webhook":
            way = _read_webhook(options)
        case "queue":
            way = _read_queue(options)
        case _:
            way = _read_table(options, path.parent.parent)
    origin = _read_origin(keys, datasets)
    if origin is not None and isinstance(way, OutboxTable):
        raise keys.error("from", "nothing with connector outbox_table, which brings messages of its own")
    return Publication(name, way, document, keys.text("type", ""), origin, keys.text("description", ""))


def read_networks(project: Document) -> tuple[Network, ...]:
    """`network: {allow_private: [127.0.0.1/32]}` of entrepot.yaml. Raises: ProjectError."""
    network = Keys(project, (), project.value).below("network").only("allow_private")
    try:
        return parse_networks(network.words("allow_private"))
    except ValueError as error:
        raise project.error(f"{error}.", "network", "allow_private") from error


def _read_webhook(options: Keys) -> Webhook:
    options.only(
        "url", "secret", "secrets", "unsigned", "headers", "timeout", "concurrency", "per_second", "retry", "dead_on", "order",
        "on_dead", "pause_after", "pause_over", "acknowledge", "ack_within", "body", "allow_http",
    )  # fmt: skip
    secrets = (*options.secrets("secret"), *options.secrets("secrets"))
    if not secrets and not options.flag("unsigned", False):
        raise options.error(
            "secret",
            "{secret: scope/key}, with which every request is signed",
            hint="Or say `unsigned: true`: then a receiver cannot tell your requests from anybody's.",
        )
    return Webhook(
        url=_read_url(options),
        secrets=secrets,
        headers=_read_headers(options),
        timeout_s=options.seconds("timeout", 20.0, 300.0),
        concurrency=options.whole("concurrency", 4, most=256),
        per_second=options.number("per_second"),
        retry_after_s=options.durations("retry", RETRY_AFTER_S),
        dead_on=_read_statuses(options),
        ordered=options.choice("order", ("key", "none"), "none") == "key",
        waits_for_dead=options.choice("on_dead", ("go_on", "wait"), "go_on") == "wait",
        pause_after=options.whole("pause_after", 20),
        pause_over_s=options.seconds("pause_over", 3_600.0),
        by_consumer=options.choice("acknowledge", ("on_delivery", "by_consumer"), "on_delivery") == "by_consumer",
        ack_within_s=options.seconds("ack_within", 3_600.0, 7 * 86_400.0),
        form=options.choice("body", ("as_is", "cloudevents", "cloudevents_binary"), "as_is"),
        allow_http=options.flag("allow_http", False),
    )


def _read_url(options: Keys) -> str:
    url = options.text("url")
    try:
        parts = urlsplit(url)
        _ = parts.port
        good = (
            parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None and not parts.fragment
        )
    except ValueError:
        good = False
    if not good or not url.isprintable() or " " in url:
        # not repeated: a query or a password may hold secrets
        raise options.document.error(
            "url is no address that can be used; allowed is https://host/path without user, password and fragment.",
            *options.at,
            "url",
            hint="A password goes into a header: headers: {Authorization: {secret: scope/key}}",
        )
    return url


def _read_headers(options: Keys) -> tuple[tuple[str, str | SecretName], ...]:
    headers = options.headers("headers")
    for name, _ in headers:
        if name.lower() in _RESERVED or name.lower().startswith(("webhook-", "ce-", "entrepot-")):
            raise options.document.error(f"the header {name} is set by Entrepôt.", *options.at, "headers", name)
    return headers


def _read_statuses(options: Keys) -> frozenset[int]:
    value = options.value.get("dead_on") or []
    if not isinstance(value, list) or not all(
        isinstance(one, int) and not isinstance(one, bool) and 400 <= one < 600 and one not in (410, 429)
        for one in value
    ):
        raise options.error("dead_on", "a list of statuses from 400 to 599, without 410 and 429")
    return frozenset(value)


def _read_queue(options: Keys) -> Queue:
    options.only("lease", "max_deliveries", "order", "retry")
    return Queue(
        lease_s=options.seconds("lease", 30.0, 12 * 3_600.0) or 1.0,
        max_deliveries=options.whole("max_deliveries", 10),
        ordered=options.choice("order", ("key", "none"), "none") == "key",
        retry_s=options.seconds("retry", 5.0, 7 * 86_400.0),
    )


def _read_table(options: Keys, root: Path) -> OutboxTable:
    options.only("path", "dsn", "table")
    table = options.text("table", "entrepot_outbox")
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?", table):
        raise options.error("table", "the name of a table, perhaps with its schema")
    path, dsn = options.value.get("path"), options.secrets("dsn")
    if (path is None) == (not dsn) or len(dsn) > 1:
        raise options.document.error(
            "one of path (a SQLite file) and dsn ({secret: scope/key} of a PostgreSQL database) is needed.", *options.at
        )
    return OutboxTable(root / options.text("path") if path is not None else None, dsn[0] if dsn else None, table)


def _read_origin(keys: Keys, datasets: Collection[str]) -> FromTable | None:
    if keys.value.get("from") is None:
        for key in ("key", "on_delete", "start"):
            if keys.value.get(key) is not None:
                raise keys.error(key, "nothing without `from`, which names a dataset")
        return None
    try:
        dataset = str(parse_dataset(keys.text("from")))
    except ValueError as error:
        raise keys.document.error(str(error), "from") from error
    if dataset not in datasets:
        near = get_close_matches(dataset, datasets, n=1)
        raise keys.document.error(
            f"there is no dataset {dataset}.",
            "from",
            hint=f"Did you mean {near[0]}?" if near else "See: entrepot status.",
        )
    columns = keys.words("key")
    if not columns:
        raise keys.error("key", "the columns of which a row is unique", hint="Write: key: [order_id]")
    return FromTable(
        dataset,
        columns,
        tells_deletes=keys.choice("on_delete", ("nothing", "message"), "nothing") == "message",
        all_rows=keys.choice("start", ("all", "now"), "all") == "all",
    )
