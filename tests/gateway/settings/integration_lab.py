"""Integrations built from options as a project's file states them, and requests to them."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from entrepot.intake.gateway.integration import Integration, Reading, Refusal, Request
from entrepot.intake.gateway.settings import Inbound, inbound_of
from entrepot.kernel.documents import parse_document
from entrepot.kernel.errors import Place, SystemError_
from entrepot.ports.access import Principal
from entrepot.ports.secrets import Secret

NOW_US = 1_614_265_330_000_000
SECRETS = {
    "shop/token": "t0ken-one",
    "shop/token_new": "t0ken-two",
    "shop/key": "a key that signs",
    "shop/key_new": "another key that signs",
    "shop/standard": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "shop/password": "pa:ss wörd",
}
ROOT = Path("project")


@dataclass
class KnownSecrets:
    """`ports.secrets.Secrets` of a mapping that a test may change."""

    values: dict[str, str] = field(default_factory=lambda: dict(SECRETS))

    def get(self, scope: str, key: str) -> Secret:
        """As the port says."""
        name = f"{scope}/{key}"
        if name not in self.values:
            raise SystemError_(f"there is no secret {name}.", hint="Set it.")
        return Secret(name, self.values[name])


@dataclass(frozen=True)
class Stated:
    """A file of `sources/`, without a file."""

    name: str
    options: Mapping[str, Any]
    connector: str = "inbox"

    def place(self, path: tuple[str | int, ...]) -> Place:
        """Where the option stands, if there were a file."""
        return Place(Path("sources") / f"{self.name}.yaml", 1)


def administrator(headers: Mapping[str, str]) -> Principal | None:
    """Lets in who shows `Bearer administrator`."""
    return (
        Principal("administrator", is_administrator=True)
        if headers["authorization"] == "Bearer administrator"
        else None
    )


def options_of(yaml: str) -> Mapping[str, Any]:
    """Options as the YAML reader gives them."""
    return parse_document(yaml, Path("sources/orders.yaml")).value


def build_inbound(
    yaml: str = "{}", *, root: Path = ROOT, secrets: KnownSecrets | None = None, **more: Stated
) -> Inbound:
    """The integration `orders` with these options."""
    sources = [Stated("orders", options_of(yaml)), *more.values()]
    return inbound_of(sources, secrets or KnownSecrets(), administrator, root)["orders"]


def build(yaml: str = "{}") -> Integration:
    """The door of the integration `orders`."""
    return build_inbound(yaml).integration


def request(
    body: bytes | str = b"{}",
    headers: Mapping[str, str] | None = None,
    *,
    query: str = "",
    client: str = "198.51.100.7",
    now_us: int = NOW_US,
    number: int | None = None,
) -> Request:
    """A request with a JSON body unless its headers say otherwise."""
    given = {"content-type": "application/json", **{name.lower(): value for name, value in (headers or {}).items()}}
    pairs = tuple((name.encode(), value.encode("latin-1")) for name, value in given.items() if value is not None)
    raw = body.encode() if isinstance(body, str) else body
    return Request("POST", "/api/v1/in/orders", pairs, query.encode(), client, raw, now_us, number)


def only(found: object) -> Reading:
    """The one reading of a request that was taken."""
    assert not isinstance(found, Refusal), found
    assert isinstance(found, (list, tuple)) and len(found) == 1, found
    reading: Reading = found[0]
    assert reading.fault is None, reading.fault
    return reading


def refused(found: object) -> Refusal:
    """Why a request was not taken."""
    assert isinstance(found, Refusal), found
    return found


def sign_standard(
    body: bytes, *, id: str = "msg_1", at_s: int = NOW_US // 1_000_000, secret: str | None = None
) -> dict[str, str]:
    """The headers of Standard Webhooks, written here a second time."""
    key = base64.b64decode((secret or SECRETS["shop/standard"]).removeprefix("whsec_"))
    digest = hmac.new(key, f"{id}.{at_s}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
    }


def sign_github(body: bytes, secret: str = SECRETS["shop/key"]) -> dict[str, str]:
    """The header that GitHub sends, written here a second time."""
    return {"x-hub-signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}
