"""Signatures over raw bodies: HMAC as the usual providers send it, and Standard Webhooks.

Source: https://www.standardwebhooks.com (specification), RFC 2104 (HMAC).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from entrepot.intake.gateway.integration import Request

ALGORITHMS = ("sha256", "sha512", "sha1")
ENCODINGS = ("hex", "base64")
SECRET_ENCODINGS = ("text", "base64", "hex")
_STANDARD_PREFIX = "whsec_"
_MOST_SIGNATURES = 20
_PLACEHOLDER = re.compile(rb"\{(body|timestamp|id)\}")
_DIGITS = re.compile(rb"[0-9]{1,12}\Z")


@dataclass(frozen=True, slots=True)
class Signing:
    """How a request is signed: where the signature stands, and over what it goes."""

    header: bytes
    """In lower case."""
    algorithm: str = "sha256"
    encoding: str = "hex"
    prefix: bytes = b""
    """Before each signature; with a list, those with another prefix are of another kind and do not count."""
    signed: bytes = b"{body}"
    """A template with {body}, {timestamp}, {id}."""
    timestamp_header: bytes | None = None
    id_header: bytes | None = None
    timestamp_key: bytes | None = None
    """The header holds pairs, `t=…,v1=…`: the key of the time."""
    signature_key: bytes | None = None
    tolerance_us: int = 300_000_000
    separator: bytes | None = None
    """Between several signatures; None: there is one."""

    @property
    def has_time(self) -> bool:
        """True when the signature covers a time."""
        return b"{timestamp}" in self.signed

    @property
    def covered(self) -> frozenset[bytes]:
        """Headers that nobody can change without the secret."""
        named = {b"{timestamp}": self.timestamp_header, b"{id}": self.id_header}
        return frozenset(header for mark, header in named.items() if header is not None and mark in self.signed)


STANDARD_WEBHOOKS = Signing(
    header=b"webhook-signature",
    encoding="base64",
    prefix=b"v1,",
    signed=b"{id}.{timestamp}.{body}",
    timestamp_header=b"webhook-timestamp",
    id_header=b"webhook-id",
    separator=b" ",
)
PRESETS: Mapping[str, Signing] = {
    "github": Signing(header=b"x-hub-signature-256", prefix=b"sha256="),
    "shopify": Signing(header=b"x-shopify-hmac-sha256", encoding="base64"),
    "slack": Signing(
        header=b"x-slack-signature",
        prefix=b"v0=",
        signed=b"v0:{timestamp}:{body}",
        timestamp_header=b"x-slack-request-timestamp",
    ),
    "stripe": Signing(
        header=b"stripe-signature", signed=b"{timestamp}.{body}", timestamp_key=b"t", signature_key=b"v1"
    ),
}


def find_signature_fault(signing: Signing, keys: Sequence[bytes], request: Request) -> str | None:
    """Why a request is not signed by one of the keys, in words for the operator, never for the sender; None when it is."""
    line = _only(request, signing.header)
    if line is None:
        return "the signature's header is missing or stands twice"
    given, timestamp = _take_apart(signing, request, line)
    if not given:
        return "the header holds no signature of the stated form"
    if signing.has_time:
        fault = _find_time_fault(signing, timestamp, request.received_us)
        if fault is not None:
            return fault
    id = _only(request, signing.id_header) if signing.id_header is not None else b""
    if not id and b"{id}" in signing.signed:
        return "the id's header is missing, empty or stands twice"
    message = _message(signing, request.body, timestamp or b"", id or b"")
    wanted = [_sign(signing, key, message) for key in keys]
    # every pair is compared, so that the time tells nothing of which key or signature was right
    hits = [hmac.compare_digest(_canonical(signing, one), right) for one in given for right in wanted]
    return None if any(hits) else "no signature is that of a stated secret"


def sign(signing: Signing, key: bytes, body: bytes, *, timestamp: bytes = b"", id: bytes = b"") -> bytes:
    """The signature as it stands in the header, without the keys of pairs."""
    return signing.prefix + _sign(signing, key, _message(signing, body, timestamp, id))


def decode_secret(text: str, encoding: str) -> bytes:
    """The key that a secret stands for. Raises: ValueError, without the secret."""
    try:
        key = text.encode() if encoding == "text" else _decoded(text, encoding)
    except (ValueError, binascii.Error):
        raise ValueError(f"the secret is not {encoding}") from None
    if not key:
        raise ValueError("the secret is empty")
    return key


def decode_standard_secret(text: str) -> bytes:
    """The key of Standard Webhooks: base64, with or without `whsec_`. Raises: ValueError, without the secret."""
    return decode_secret(text.removeprefix(_STANDARD_PREFIX), "base64")


def with_tolerance(signing: Signing, tolerance_us: int) -> Signing:
    """The same with another tolerance of time."""
    return replace(signing, tolerance_us=tolerance_us)


def _decoded(text: str, encoding: str) -> bytes:
    return bytes.fromhex(text) if encoding == "hex" else base64.b64decode(text, validate=True)


def _only(request: Request, name: bytes) -> bytes | None:
    """The header's value; None when it is missing, or stands twice and could be read two ways."""
    values = [value for key, value in request.headers if key == name]
    return values[0].strip() if len(values) == 1 else None


def _take_apart(signing: Signing, request: Request, line: bytes) -> tuple[list[bytes], bytes | None]:
    """Signatures without their prefix, and the time as written."""
    if signing.signature_key is not None:
        pairs = [pair.strip().partition(b"=") for pair in line.split(b",")[:_MOST_SIGNATURES]]
        times = [value for key, _, value in pairs if key == signing.timestamp_key]
        found = [value for key, _, value in pairs if key == signing.signature_key]
        return _without_prefix(signing, found), times[0] if len(times) == 1 else None
    parts = [line] if signing.separator is None else line.split(signing.separator)[:_MOST_SIGNATURES]
    timestamp = _only(request, signing.timestamp_header) if signing.timestamp_header is not None else None
    return _without_prefix(signing, parts), timestamp


def _without_prefix(signing: Signing, parts: Sequence[bytes]) -> list[bytes]:
    found = [part.removeprefix(signing.prefix) for part in parts if part.startswith(signing.prefix)]
    return [part for part in found if part]


def _find_time_fault(signing: Signing, timestamp: bytes | None, now_us: int) -> str | None:
    if timestamp is None or _DIGITS.match(timestamp) is None:
        return "the time is missing or not a number of seconds"
    age_us = now_us - int(timestamp) * 1_000_000
    if abs(age_us) <= signing.tolerance_us:
        return None
    return "the time lies too far back" if age_us > 0 else "the time lies too far ahead"


def _message(signing: Signing, body: bytes, timestamp: bytes, id: bytes) -> bytes:
    values = {b"body": body, b"timestamp": timestamp, b"id": id}
    return _PLACEHOLDER.sub(lambda found: values[found[1]], signing.signed)


def _sign(signing: Signing, key: bytes, message: bytes) -> bytes:
    digest = hmac.digest(key, message, getattr(hashlib, signing.algorithm))
    return digest.hex().encode() if signing.encoding == "hex" else base64.b64encode(digest)


def _canonical(signing: Signing, given: bytes) -> bytes:
    return given.lower() if signing.encoding == "hex" else given
