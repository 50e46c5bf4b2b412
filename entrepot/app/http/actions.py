"""Bulk work in two steps: a preview says what would be touched and gives a token; the token does exactly that, once.

The token is bound to the set that was shown: its names, in number and hash. Where the set is another one when it is applied, the token dies.
Previews are files, so that they outlive a restart; they run out.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from entrepot.app.http.errors import PreviewGone
from entrepot.app.http.operations import Done, Operation, Progress
from entrepot.app.papers import Papers
from entrepot.kernel.errors import UsageError
from entrepot.kernel.ids import hash_text

if TYPE_CHECKING:
    from entrepot.app.http.context import ApiContext

VALID_FOR = timedelta(minutes=15)
MOST_SUBJECTS = 100_000
MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class Found:
    """What an action would touch."""

    subjects: tuple[str, ...]
    counts: Mapping[str, int] = field(default_factory=dict)
    touches: tuple[str, ...] = ()
    """Names of what is touched besides: tables, KPIs, integrations."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Action:
    """One kind of bulk work. `find` is asked twice: for the preview, and again when it is applied."""

    name: str
    find: Callable[[Mapping[str, Any]], Found]
    apply: Callable[[Found, Mapping[str, Any], str, Progress], Done]


@dataclass(frozen=True, slots=True)
class Preview:
    """What is shown, and the token that does it."""

    found: Found
    token: str
    expires_at: datetime


class Actions:
    """Called from several threads."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context
        self._previews = Papers(context.projects.root / ".entrepot" / "previews")

    def preview(self, action: Action, wanted: Mapping[str, Any], who: str, reason: str) -> Preview:
        """Find what would be touched. Raises: UsageError when that is too much, or nothing."""
        found = _bounded(action.find(wanted))
        token = secrets.token_urlsafe(24)
        expires_at = self._context.clock.now() + VALID_FOR
        paper = {
            "action": action.name,
            "wanted": dict(wanted),
            "who": who,
            "reason": reason,
            "subjects": _hash(found.subjects),
            "count": len(found.subjects),
            "expires_at": expires_at.isoformat(),
        }
        self._sweep()
        self._previews.write(_name(token), paper)
        return Preview(found, token, expires_at)

    def apply(self, action: Action, token: str, who: str) -> Operation:
        """Do what was shown. Raises: PreviewGone when the token is used, run out, unknown, or the set has changed."""
        paper = self._previews.read(_name(token))
        if paper is None or paper["action"] != action.name:
            raise PreviewGone("the token is used, or was never given.", hint="Preview again.")
        if self._context.clock.now() >= datetime.fromisoformat(paper["expires_at"]):
            self._previews.take(_name(token))
            raise PreviewGone("the token has run out.", hint="Preview again; it holds for 15 minutes.")
        wanted: Mapping[str, Any] = paper["wanted"]
        found = action.find(wanted)
        if (len(found.subjects), _hash(found.subjects)) != (paper["count"], paper["subjects"]):
            self._previews.take(_name(token))
            raise PreviewGone(
                f"the set has changed since the preview: {paper['count']:,} then, {len(found.subjects):,} now.",
                hint="Preview again to see what is touched now.",
            )
        if not self._previews.take(_name(token)):
            raise PreviewGone("the token was just used.", hint="Look for its operation: GET /api/v1/operations.")
        return self.begin(action, found, wanted, who, paper["reason"])

    def begin(self, action: Action, found: Found, wanted: Mapping[str, Any], who: str, reason: str) -> Operation:
        """Start the work on a set that is known."""
        return self._context.operations.start(
            action.name,
            who,
            lambda progress: action.apply(found, wanted, who, progress),
            reason=reason,
            total=len(found.subjects),
        )

    def _sweep(self) -> None:
        """Remove previews that ran out; who made them may never come back."""
        now = self._context.clock.now()
        for name in self._previews.names():
            paper = self._previews.read(name)
            if paper is not None and datetime.fromisoformat(paper["expires_at"]) < now:
                self._previews.take(name)


def _bounded(found: Found) -> Found:
    if not found.subjects:
        raise UsageError("nothing matches: there is nothing to do.", hint="Widen the filter.")
    if len(found.subjects) > MOST_SUBJECTS:
        raise UsageError(
            f"{len(found.subjects):,} match; {MOST_SUBJECTS:,} may be worked on at once.",
            hint="Narrow the filter, by time for instance, and go on with the rest afterwards.",
        )
    return found


def _hash(subjects: Sequence[str]) -> str:
    return hash_text(*sorted(subjects))


def _name(token: str) -> str:
    """The token itself is not kept: who reads the folder cannot use it."""
    return hashlib.sha256(token.encode("utf-8", "backslashreplace")).hexdigest()[:40]
