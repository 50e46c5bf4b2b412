"""Secrets of an integration as the bytes that proofs compare with; read anew from time to time, so that rotation needs no restart."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from entrepot.kernel.errors import SystemError_
from entrepot.ports.secrets import Secrets

KEPT_S = 5.0
"""A request must not wait for a disk; so long a withdrawn secret may still count."""


@dataclass(frozen=True, slots=True)
class SecretName:
    """`scope/key`."""

    scope: str
    key: str


def parse_secret_name(text: str) -> SecretName:
    """Read `scope/key`. Raises: ValueError, which does not repeat the text: it could be the secret itself."""
    scope, slash, key = text.partition("/")
    if not slash or not scope or not key or "/" in key:
        raise ValueError("is not the name of a secret; allowed is scope/key, never the secret itself")
    return SecretName(scope, key)


class SecretKeys:
    """The values of some secrets, decoded. Called by many threads; a value that is read twice is the same."""

    def __init__(self, secrets: Secrets, names: Sequence[SecretName], decode: Callable[[str], bytes]) -> None:
        self._secrets = secrets
        self._names = tuple(names)
        self._decode = decode
        self._kept: tuple[float, tuple[bytes, ...]] | None = None

    def __call__(self) -> Sequence[bytes]:
        """The keys as they are now. Raises: SystemError_ naming the secret that cannot be had or is not of its form."""
        now = time.monotonic()
        kept = self._kept
        if kept is None or now - kept[0] > KEPT_S:
            kept = self._kept = (now, tuple(self._load(name) for name in self._names))
        return kept[1]

    def _load(self, name: SecretName) -> bytes:
        secret = self._secrets.get(name.scope, name.key)
        try:
            return self._decode(secret.reveal())
        except ValueError as error:
            raise SystemError_(
                f"the secret {name.scope}/{name.key} cannot be used: {error}.", hint="Store it as the sender gives it."
            ) from None

    def __repr__(self) -> str:
        return f"SecretKeys({', '.join(f'{name.scope}/{name.key}' for name in self._names)})"
