"""How a sender proves itself: alternatives of which one suffices, each of proofs that must all hold.

A proof says in words for the operator why it does not hold; a sender always gets the same answer, whatever was wrong.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from entrepot.intake.gateway.addresses import Networks, peer_address, sender_address
from entrepot.intake.gateway.integration import Refusal, Request
from entrepot.intake.gateway.signatures import Signing, find_signature_fault
from entrepot.kernel.errors import EntrepotError
from entrepot.ports import access

_AUTHORIZATION = b"authorization"
Keys = Callable[[], Sequence[bytes]]
"""The secrets as they are now. Raises: EntrepotError when one cannot be had, or is not of its form."""


class Proof(Protocol):
    """One thing that must hold of a request."""

    def find_fault(self, request: Request) -> str | None:
        """Why it does not hold, without any value; None when it does. Raises: EntrepotError when a secret cannot be had."""
        ...


@dataclass(frozen=True, slots=True)
class TokenProof:
    """A secret token in a header; in `authorization` after `Bearer`."""

    tokens: Keys
    header: bytes = _AUTHORIZATION

    def find_fault(self, request: Request) -> str | None:
        """As `Proof.find_fault`."""
        given = _bearer(request) if self.header == _AUTHORIZATION else _single(request, self.header)
        return _find_key_fault(given, self.tokens(), "the token")


@dataclass(frozen=True, slots=True)
class AdministratorProof:
    """The administrator's token, where an integration states nothing."""

    administrator: access.Authenticate

    def find_fault(self, request: Request) -> str | None:
        """As `Proof.find_fault`."""
        given = _single(request, _AUTHORIZATION)
        if given is None:
            return "the administrator's token is missing"
        principal = self.administrator({"authorization": given.decode("latin-1")})
        known = principal is not None and principal.is_administrator
        return None if known else "the token is not the administrator's"


@dataclass(frozen=True, slots=True)
class BasicProof:
    """User and password, RFC 7617."""

    user: str
    passwords: Keys

    def find_fault(self, request: Request) -> str | None:
        """As `Proof.find_fault`."""
        scheme, _, encoded = (_single(request, _AUTHORIZATION) or b"").partition(b" ")
        if scheme.lower() != b"basic":
            return "user and password are missing"
        try:
            user, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
        except (binascii.Error, ValueError):
            return "user and password are not base64"
        is_user = hmac.compare_digest(user, self.user.encode())
        fault = _find_key_fault(password if colon else None, self.passwords(), "the password")
        return fault if is_user else "the user is another one"


@dataclass(frozen=True, slots=True)
class SignatureProof:
    """A signature over the body as received."""

    signing: Signing
    keys: Keys

    def find_fault(self, request: Request) -> str | None:
        """As `Proof.find_fault`."""
        return find_signature_fault(self.signing, self.keys(), request)


@dataclass(frozen=True, slots=True)
class CertificateProof:
    """A client certificate that a trusted proxy has checked, and names in a header."""

    header: bytes
    allowed: frozenset[bytes]
    """Fingerprints without colons in small letters, or subjects."""
    is_fingerprint: bool
    proxies: Networks
    verified_header: bytes | None = None
    verified_value: bytes = b"SUCCESS"

    def find_fault(self, request: Request) -> str | None:
        """As `Proof.find_fault`."""
        if not self.proxies.holds(peer_address(request)):
            return (
                "the connection does not come from a trusted proxy, so its header about the certificate does not count"
            )
        if self.verified_header is not None and _single(request, self.verified_header) != self.verified_value:
            return "the proxy does not say that the certificate was verified"
        given = _single(request, self.header)
        if not given:
            return "the header about the certificate is missing or stands twice"
        named = given.replace(b":", b"").lower() if self.is_fingerprint else given
        return None if named in self.allowed else "the certificate is not one of those allowed"


@dataclass(frozen=True, slots=True)
class AddressProof:
    """The sender's address lies in a stated network."""

    allowed: Networks
    proxies: Networks

    def find_fault(self, request: Request) -> str | None:
        """As `Proof.find_fault`."""
        return None if self.allowed.holds(sender_address(request, self.proxies)) else "the address is not allowed"


@dataclass(frozen=True, slots=True)
class Authentication:
    """Alternatives of which one suffices; `integration.Authenticate`. Without any nobody is let in."""

    alternatives: tuple[tuple[Proof, ...], ...]
    refusal: Refusal = field(default_factory=lambda: refuse_sender("Bearer"))

    def __call__(self, request: Request) -> Refusal | None:
        """As `integration.Authenticate`."""
        try:
            holds = any(not _faults(proofs, request) for proofs in self.alternatives)
        except EntrepotError:
            return _NOT_READY
        return None if holds else self.refusal

    def explain(self, request: Request) -> tuple[str, ...]:
        """For the operator, never for the sender: why each alternative does not hold; empty when the sender is let in."""
        found: list[str] = []
        for proofs in self.alternatives:
            try:
                faults = _faults(proofs, request)
            except EntrepotError as error:
                faults = [str(error)]
            if not faults:
                return ()
            found.append("; ".join(faults))
        return tuple(found)


def admit_all(request: Request) -> Refusal | None:
    """`integration.Authenticate` of a project that says `auth: none`."""
    return None


def refuse_sender(challenge: str | None) -> Refusal:
    """The one answer to all that do not prove themselves. `challenge` None: only addresses or certificates are asked for."""
    hint = "Look at how this integration wants its senders to prove themselves; nothing was stored."
    if challenge is None:
        return Refusal(403, "not_allowed", "The sender may not send here.", hint=hint)
    title = "The request does not prove who sent it."
    headers = ((b"www-authenticate", challenge.encode()),)
    return Refusal(401, "not_authenticated", title, hint=hint, headers=headers)


_NOT_READY = Refusal(
    503,
    "not_ready",
    "The integration cannot take records at the moment.",
    hint="Send again later; the operator sees why in: entrepot check.",
)


def _faults(proofs: Sequence[Proof], request: Request) -> list[str]:
    return [fault for proof in proofs if (fault := proof.find_fault(request)) is not None]


def _find_key_fault(given: bytes | None, keys: Sequence[bytes], what: str) -> str | None:
    if not given:
        return f"{what} is missing or stands twice"
    hits = [hmac.compare_digest(given, key) for key in keys]
    return None if any(hits) else f"{what} is another one"


def _single(request: Request, name: bytes) -> bytes | None:
    """The header's value; None when it is missing, or stands twice and could be read two ways."""
    values = [value for key, value in request.headers if key == name]
    return values[0].strip() if len(values) == 1 else None


def _bearer(request: Request) -> bytes | None:
    scheme, _, token = (_single(request, _AUTHORIZATION) or b"").partition(b" ")
    return token.strip() if scheme.lower() == b"bearer" else None
