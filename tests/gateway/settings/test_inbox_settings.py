"""Options of an integration: what is wrong is said with its place, and what is right becomes what door and processor need."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from entrepot.app.sources import load_source
from entrepot.connectors import check_options, load_connector
from entrepot.intake.gateway.integration import Limits
from entrepot.intake.gateway.processing.settings import OnError, ProcessingSettings
from entrepot.intake.gateway.settings import inbound_of, integrations_of
from entrepot.kernel.errors import ManyErrors, ProjectError
from tests.adapters.embedded.landing import INTEGER, contract
from tests.gateway.settings.integration_lab import (
    KnownSecrets,
    Stated,
    administrator,
    build,
    build_inbound,
    options_of,
)

HMAC = "hmac: {header: X-Signature, secrets: {secret: shop/key}"
WRONG = [
    ("auth: []", "is empty"),
    ("auth: open", "or none"),
    ("auth: {}", "names nothing"),
    ("auth: {ip: {allowed: [10.0.0.1/8]}}", "is no network"),
    ("auth: {ip: {allowed: ['::ffff:10.0.0.0/104']}}", "write it as IPv4"),
    ("auth: {mtls: {header: X-Cert, allowed: [ab]}}", "needs proxies"),
    ("auth: {token: {secrets: {secret: no-slash}}}", "allowed is scope/key"),
    ("auth: {token: {secrets: []}}", "is empty"),
    ("auth: {token: plain-text-token}", "a secret value"),
    ("auth: {token: {secrets: [plain-text-token]}}", "a secret value"),
    ("auth: {token: {header: 'X Key', secrets: {secret: shop/token}}}", "no name of a header"),
    ("auth: {hmac: {secrets: {secret: shop/key}}}", "say the header of the signature, or a preset"),
    ("auth: {hmac: {preset: github, header: X, secrets: {secret: shop/key}}}", "beside the preset github"),
    ("auth: {hmac: {preset: gitlab, secrets: {secret: shop/key}}}", "github, shopify, slack, stripe"),
    (f"auth: {{{HMAC}, signed: '{{id}}'}}}}", "must have {body} once"),
    (f"auth: {{{HMAC}, signed: '{{body}}{{body}}'}}}}", "must have {body} once"),
    (f"auth: {{{HMAC}, signed: '{{body}}{{nonce}}'}}}}", "allowed are {body}, {timestamp} and {id}"),
    (f"auth: {{{HMAC}, timestamp_header: X-Time}}}}", "leaves out {timestamp}"),
    (f"auth: {{{HMAC}, signed: '{{timestamp}}.{{body}}'}}}}", "say where the time stands"),
    (f"auth: {{{HMAC}, id_header: X-Id}}}}", "exactly when id_header"),
    (f"auth: {{{HMAC}, timestamp_key: t, signed: '{{timestamp}}.{{body}}'}}}}", "go together"),
    (f"auth: {{{HMAC}, tolerance: soon}}}}", "no length of time"),
    ("reference: {}", "names nothing"),
    ("reference: {header: A, body: b}", "names header and body"),
    ("reference: {body: 'a..b'}", "is no path"),
    ("reference: {body: 'a[x'}", "is no path"),
    ("reference: {header: 'A B'}", "no name of a header"),
    ("reference: {header: A, fallback: guess}", "one of refuse, hash"),
    ("key: {header: A, fallback: hash}", "unknown option 'fallback'"),
    ("on_error: wait", "without key"),
    ("window: soon", "no length of time"),
    ("archive_after: 30", "a text"),
    ("handler: ../x", "lower-case letters"),
    ("limits: {body_mb: 0}", "at least"),
    ("proxies: [x]", "is no network"),
    ("cloudevents: maybe", "one of also, only, never"),
    ("referense: {header: A}", "Did you mean 'reference'"),
    (f"auth: {{{HMAC}}}}}\nreference: {{header: X-Id}}", "covered by no signature"),
    ("auth: {hmac: {preset: github, secrets: {secret: shop/key}}}\nreference: {header: X-GitHub-Delivery}", "unsigned: true"),
    ("auth: {standard_webhooks: {secrets: {secret: shop/standard}}}\nreference: {query: id}", "covered by no signature"),
    ("auth: {hmac: {preset: github, secrets: {secret: shop/key}}}\ncloudevents: also", "say only or never"),
    ("auth: {hmac: {preset: github, secrets: {secret: shop/key}}}\nbatches: also", "say only or never"),
]  # fmt: skip


@pytest.mark.parametrize(("yaml", "words"), WRONG)
def test_wrong_options(yaml: str, words: str) -> None:
    """Each mistake is one error that says what is allowed, and never shows what stands where a secret's name should."""
    errors = check_options(load_connector("inbox"), options_of(yaml))[1]
    assert any(words in str(error) for error in errors), [str(error) for error in errors]
    assert "plain-text-token" not in str(errors)
    assert all(error.hint or "allowed" in str(error) for error in errors)


def test_errors_have_file_and_line(tmp_path: Path) -> None:
    """An error names the line of the source's file where the option stands."""
    path = tmp_path / "orders.yaml"
    path.write_text(
        "connector: inbox\ndataset: bronze.sales\noptions:\n  auth:\n    - token:\n        secrets:\n          - {secret: wrong}\n  window: soon\n"
    )
    (source,) = load_source(path, {"bronze.sales": contract(n=INTEGER)})
    errors = check_options(load_connector("inbox"), source.options, source.place)[1]
    assert [(error.place.line if error.place else None) for error in errors] == [8, 7]


def test_defaults() -> None:
    """Without any option: the administrator's token, a week's window, no handler, no order."""
    found = build_inbound()
    door = found.integration
    assert (door.name, door.window_us, door.limits) == ("orders", 7 * 86_400_000_000, Limits())
    assert not (door.body_signed or door.paused or door.files)
    assert found.processing == ProcessingSettings("orders", None, OnError.GO_ON, 1, 30, 512)
    assert (found.archive_after, found.topic, found.plain.events) == (None, None, True)


def test_everything_said(tmp_path: Path) -> None:
    """Each option arrives where it is used."""
    (tmp_path / "handlers").mkdir()
    (tmp_path / "handlers" / "shop.py").write_text("def handle(record): ...")
    yaml = """
        auth: {hmac: {preset: github, secrets: {secret: shop/key}}}
        window: always
        key: {body: customer}
        handler: shop
        timeout_s: 5
        memory_mb: 64
        workers: 2
        limits: {body_mb: 0.5, per_second: 10, burst: 20, waiting: 30}
        paused: true
        files: tills
        archive_after: 30d
        topic: orders
    """
    files = Stated("tills", {"path": "storage/tills"}, "files")
    found = build_inbound(yaml, root=tmp_path, tills=files)
    door = found.integration
    assert door.limits == Limits(body_bytes=500_000, per_second=10, burst=20, waiting=30)
    assert (door.window_us, door.body_signed, door.paused) == (0, True, True)
    assert door.files == tmp_path / "storage" / "tills" / "incoming"
    assert found.processing == ProcessingSettings("orders", "shop", OnError.WAIT, 2, 5, 64)
    assert (found.archive_after, found.topic, found.plain.events) == (timedelta(days=30), "orders", False)


def test_what_the_project_does_not_have_is_named(tmp_path: Path) -> None:
    """A missing handler, a missing source of files and missing or wrong secrets come all at once."""
    yaml = """
        auth:
          - token: {secrets: {secret: shop/nothing}}
          - standard_webhooks: {secrets: {secret: shop/key}}
        handler: nobody
        files: nowhere
    """
    with pytest.raises(ManyErrors) as caught:
        inbound_of([Stated("orders", options_of(yaml))], KnownSecrets(), administrator, tmp_path)
    text = str(caught.value)
    assert len(caught.value.errors) == 4
    for words in (
        "handlers/nobody.py",
        "'nowhere'",
        "there is no secret shop/nothing",
        "shop/key cannot be used: the secret is not base64",
    ):
        assert words in text
    assert "a key that signs" not in text


def test_only_inbox_sources_are_integrations() -> None:
    """Other sources of the project are left alone; each integration has its source's name."""
    sources = [Stated("orders", {}), Stated("tills", {"path": "x"}, "files"), Stated("returns", {"auth": "none"})]
    found = integrations_of(sources, KnownSecrets(), administrator, Path())
    assert sorted(found) == ["orders", "returns"]


def test_every_integration_is_checked() -> None:
    """Mistakes in two files are both told."""
    sources = [Stated("orders", {"window": "x"}), Stated("returns", {"nonsense": 1})]
    with pytest.raises(ProjectError, match=r"(?s)window.*nonsense"):
        integrations_of(sources, KnownSecrets(), administrator, Path())


def test_signed_integrations_read_whole_bodies() -> None:
    """Where one alternative signs the body, the door must have it whole before it lets anybody in."""
    assert not build("auth: {token: {secrets: {secret: shop/token}}}").body_signed
    assert build(
        "auth: [{token: {secrets: {secret: shop/token}}}, {standard_webhooks: {secrets: {secret: shop/standard}}}]"
    ).body_signed
