"""Signatures of Standard Webhooks: what a receiver checks to know that a request is ours.

Source: https://github.com/standard-webhooks/standard-webhooks, symmetric scheme `v1`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

from entrepot.kernel.errors import SystemError_
from entrepot.ports.secrets import Secret

PREFIX = "whsec_"


def sign(secrets: Sequence[Secret], id: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature`: one signature for each secret, so that a receiver may know the old one or the new.

    Raises: SystemError_ for a secret that is no base64.
    """
    signed = f"{id}.{timestamp}.".encode() + body
    return " ".join(f"v1,{_digest(_key_of(secret), signed)}" for secret in secrets)


def _digest(key: bytes, signed: bytes) -> str:
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def _key_of(secret: Secret) -> bytes:
    try:
        key = base64.b64decode(secret.reveal().removeprefix(PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if len(key) < 16:
        raise SystemError_(
            f"the secret {secret.name} is no key of Standard Webhooks; allowed is whsec_ with at least 16 bytes in base64.",
            hint="Make one: python -c \"import base64, os; print('whsec_' + base64.b64encode(os.urandom(32)).decode())\"",
        )
    return key
