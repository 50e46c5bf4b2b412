"""What proves to a server who we are: put on at the last moment, kept in memory only."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from entrepot.adapters.http.asks import Answer, Ask, Pairs
from entrepot.adapters.http.options import Auth, Basic, Key, OAuth2, SecretName
from entrepot.adapters.http.problems import RefusedError
from entrepot.ports.secrets import Secret

_EARLY = 0.8
"""A token is renewed when so much of its time has gone."""
_USUAL_S = 300.0
"""How long a token is used whose end is not told."""

GetSecret = Callable[[str, str], Secret]
Post = Callable[[Ask, Pairs], Answer]
"""Sends a request with secret headers, patiently."""


@dataclass(frozen=True, slots=True)
class Proof:
    """Headers and query parameters that nobody else may see."""

    headers: Pairs = field(default=(), repr=False)
    params: Pairs = field(default=(), repr=False)


class Tokens:
    """Tokens of this process, so that each fetch does not ask for one of its own."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._held: dict[tuple[str, ...], tuple[str, float]] = {}

    def get(self, name: tuple[str, ...], fetch: Callable[[], tuple[str, float]]) -> str:
        """The token, asked for when there is none that lasts."""
        with self._lock:
            held = self._held.get(name)
            if held is None or self._monotonic() >= held[1]:
                token, lasts_s = fetch()
                held = self._held[name] = (token, self._monotonic() + lasts_s * _EARLY)
            return held[0]

    def forget(self, name: tuple[str, ...], token: str) -> None:
        """The server no longer takes it."""
        with self._lock:
            if name in self._held and self._held[name][0] == token:
                del self._held[name]


TOKENS = Tokens()


class Credentials:
    """The credentials of one source."""

    def __init__(self, auth: Auth | None, secret: GetSecret, tokens: Tokens = TOKENS) -> None:
        self._auth = auth
        self._secret = secret
        self._tokens = tokens
        self._used = ""

    def prove(self, post: Post) -> Proof:
        """What is put on the next request. Raises: SystemError_ when a secret or a token cannot be had."""
        match self._auth:
            case None:
                return Proof()
            case Key(value, header, query, prefix):
                text = prefix + self._reveal(value)
                return Proof(((header, text),)) if header is not None else Proof((), ((query or "", text),))
            case Basic(user, password):
                return Proof((("Authorization", _basic(user, self._reveal(password))),))
            case OAuth2() as oauth:
                self._used = self._tokens.get(
                    _name(oauth, self._reveal(oauth.client_secret)), lambda: self._fetch(oauth, post)
                )
                return Proof((("Authorization", f"Bearer {self._used}"),))

    def renew(self) -> bool:
        """Forget a token that was refused; False when there is none to renew."""
        if not isinstance(self._auth, OAuth2):
            return False
        self._tokens.forget(_name(self._auth, self._reveal(self._auth.client_secret)), self._used)
        return True

    def _reveal(self, name: SecretName) -> str:
        return self._secret(name.scope, name.key).reveal()

    def _fetch(self, oauth: OAuth2, post: Post) -> tuple[str, float]:
        form = {"grant_type": "client_credentials", "scope": oauth.scope, "audience": oauth.audience}
        secret = self._reveal(oauth.client_secret)
        headers: Pairs = (("content-type", "application/x-www-form-urlencoded"),)
        if oauth.sent_in == "body":
            form |= {"client_id": oauth.client, "client_secret": secret}
        else:
            # RFC 6749 §2.3.1: both are form-encoded before they are joined
            headers = (*headers, ("Authorization", _basic(quote(oauth.client, ""), quote(secret, ""))))
        body = urlencode({name: text for name, text in form.items() if text is not None})
        return _read_token(oauth, post(Ask("POST", oauth.url, body=body, is_recorded=False), headers))


def _read_token(oauth: OAuth2, answer: Answer) -> tuple[str, float]:
    where = f"POST {oauth.url}"
    try:
        document: Any = json.loads(answer.body)
    except ValueError:
        document = None
    if answer.status != 200:
        # the standard's word for what is wrong, invalid_client for one; nothing else of the answer is repeated
        word = document.get("error") if isinstance(document, dict) else None
        said = f" ({word})" if isinstance(word, str) and word.isidentifier() else ""
        raise RefusedError(
            f"{where}: no token is given, status {answer.status}{said}.",
            hint="Check auth.oauth2: client, its secret, scope, and whether the server wants them in the header or in the body.",
        )
    token = document.get("access_token") if isinstance(document, dict) else None
    if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
        raise RefusedError(
            f"{where}: the answer has no access_token.", hint="Is auth.oauth2.url the address for tokens?"
        )
    lasts = document.get("expires_in")
    try:
        return token, float(lasts) if lasts is not None else _USUAL_S
    except (TypeError, ValueError):
        return token, _USUAL_S


def _name(oauth: OAuth2, secret: str) -> tuple[str, ...]:
    return oauth.url, oauth.client, oauth.scope or "", oauth.audience or "", secret


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
