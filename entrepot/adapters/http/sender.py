"""Asking with patience: a rate that is kept, attempts with growing pauses, redirects, a token renewed once."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin

from entrepot.adapters.http.asks import Answer, Ask, Pairs, origin
from entrepot.adapters.http.credentials import Credentials, Proof
from entrepot.adapters.http.options import Patience
from entrepot.adapters.http.problems import (
    Unanswered,
    busy,
    redirected,
    refused,
    unanswered,
    waits_too_long,
)
from entrepot.adapters.http.transport import Transport
from entrepot.kernel.errors import ProjectError
from entrepot.ports.clock import Clock

_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 5
_BUSY = (408, 425, 429, 500, 502, 503, 504)
_NOT_DONE = (425, 429, 503)
"""With these a server says that it did nothing: also what must not be repeated may be asked again."""


class Sender:
    """Sends the requests of one fetch, one after the other. Close it, or use it as a context manager."""

    def __init__(
        self,
        transport: Transport,
        credentials: Credentials,
        patience: Patience,
        clock: Clock,
        *,
        is_repeatable: bool,
        pace: Pace,
        draw: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._transport = transport
        self._credentials = credentials
        self._patience = patience
        self._clock = clock
        self._is_repeatable = is_repeatable
        self._pace = pace
        self._draw = draw

    def __enter__(self) -> Sender:
        return self

    def __exit__(self, *_: object) -> None:
        self._transport.close()

    def send(self, ask: Ask) -> Answer:
        """The answer with status 200 to 299. Raises: SystemError_, which says what to check."""
        proof = self._prove()
        answer = self._follow(ask, proof)
        if answer.status == 401 and self._transport.needs_secrets and self._credentials.renew():
            answer = self._follow(ask, self._prove())
        if not 200 <= answer.status < 300:
            raise refused(ask.where, answer.status)
        return answer

    def _prove(self) -> Proof:
        return self._credentials.prove(self._post) if self._transport.needs_secrets else Proof()

    def _post(self, ask: Ask, headers: Pairs) -> Answer:
        """Ask for a token; asking twice does no harm."""
        return self._patiently(ask, Proof(headers), is_repeatable=True)

    def _follow(self, ask: Ask, proof: Proof) -> Answer:
        """What is secret goes to the host that the source names, and to no other."""
        home = origin(ask.url)
        for _ in range(_MOST_REDIRECTS + 1):
            answer = self._patiently(ask, proof, is_repeatable=self._is_repeatable)
            if answer.status not in _REDIRECTS:
                return answer
            ask = _redirect(ask, answer)
            if origin(ask.url) != home:
                proof = Proof()
        raise redirected(ask.where, answer.status, f"more than {_MOST_REDIRECTS} times")

    def _patiently(self, ask: Ask, proof: Proof, *, is_repeatable: bool) -> Answer:
        attempt = 1
        while True:
            self._pace.wait(self._clock)
            last = attempt >= self._patience.attempts
            try:
                answer = self._transport.exchange(ask, proof.headers, proof.params)
            except Unanswered as error:
                if last or not error.may_help or not (is_repeatable or not error.is_sent):
                    raise unanswered(ask.where, error, attempt) from None
                self._clock.sleep(self._pause(attempt))
            else:
                if answer.status not in _BUSY:
                    return answer
                if last or not (is_repeatable or answer.status in _NOT_DONE):
                    raise busy(ask.where, answer.status, attempt)
                self._clock.sleep(self._asked_pause(ask, answer, attempt))
            attempt += 1

    def _pause(self, attempt: int) -> float:
        """Full jitter: clients that failed together do not come back together."""
        return self._draw(0.0, min(self._patience.most_s, self._patience.first_s * 2.0 ** (attempt - 1)))

    def _asked_pause(self, ask: Ask, answer: Answer, attempt: int) -> float:
        asked = read_retry_after(answer.header("retry-after"), self._clock.now())
        if asked is None:
            return self._pause(attempt)
        if asked > self._patience.longest_asked_s:
            raise waits_too_long(ask.where, answer.status, asked, self._patience.longest_asked_s)
        return asked + self._draw(0.0, min(1.0, self._patience.first_s))


class Pace:
    """At most so many requests a second, measured by time that does not jump; kept over the fetches of a reader."""

    def __init__(self, per_second: float | None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._gap = 1.0 / per_second if per_second else 0.0
        self._monotonic = monotonic
        self._next = monotonic()

    def wait(self, clock: Clock) -> None:
        """Wait until the next request may go out."""
        now = self._monotonic()
        wait = min(self._next - now, self._gap)
        if wait > 0:
            clock.sleep(wait)
        self._next = max(now, self._next) + self._gap


def read_retry_after(text: str | None, now: datetime) -> float | None:
    """Seconds to wait, of a number or a date; None when nothing readable is said."""
    if text is None:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    return max(0.0, (found - now).total_seconds())


def _redirect(ask: Ask, answer: Answer) -> Ask:
    location = answer.header("location")
    if location is None:
        raise redirected(ask.where, answer.status, "without saying where to")
    if ask.method != "GET" and answer.status not in (307, 308):
        raise redirected(ask.where, answer.status, "which would turn a POST into a GET")
    found = ask.at(urljoin(ask.full_url, location))
    try:
        origin(found.url)
    except ProjectError:
        raise redirected(ask.where, answer.status, "to something that is no address of the web") from None
    return found
