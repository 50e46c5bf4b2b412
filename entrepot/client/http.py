"""A small client of the HTTP API: send, take, acknowledge, receive."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from entrepot.client.outbox import encode
from entrepot.kernel.errors import EntrepotError, SystemError_, UsageError


class Refused(EntrepotError):
    """The server refused a request; `problem` is its answer."""

    code = "client.refused"

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        text = problem.get("detail") or problem.get("title") or "no reason given"
        super().__init__(f"the server answered {status}: {text}", hint=problem.get("hint"))
        self.status = status
        self.problem = problem


@dataclass(frozen=True, slots=True)
class TakenMessage:
    """A message that was taken from a queue: acknowledge it, or it comes again."""

    id: str
    receipt: str
    reference: str
    body: bytes
    content_type: str
    key: str | None = None
    type: str = ""
    attempts: int = 1

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Entrepot:
    """A server at `url`, spoken to with the administrator's token or that of an integration.

    Requests that could not be made are not repeated: repeat them yourself with the same reference, and nothing is doubled.
    """

    def __init__(self, url: str, token: str, *, timeout_s: float = 30.0) -> None:
        import httpx

        headers = {"authorization": f"Bearer {token}"}
        self._client = httpx.Client(base_url=url.rstrip("/"), headers=headers, timeout=timeout_s, trust_env=False)

    def __enter__(self) -> Entrepot:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def send(
        self,
        integration: str,
        body: Mapping[str, Any] | Sequence[Any] | str | bytes,
        *,
        reference: str = "",
        key: str | None = None,
        type: str = "",
        content_type: str | None = None,
    ) -> str:
        """Hand a message in to go out; return its id once it is durable.

        Raises: Refused (409: the reference is known with another content); SystemError_ when the server cannot be reached.
        """
        content, kind = encode(body, content_type)
        headers = {"content-type": kind}
        for name, value in (("reference", reference), ("key", key), ("type", type)):
            if value:
                headers[f"x-{name}"] = _header(name, value)
        answer = self._post(f"/api/v1/out/{integration}", content=content, headers=headers)
        return str(answer["id"])

    def receive(
        self,
        integration: str,
        body: Mapping[str, Any] | Sequence[Any] | str | bytes,
        *,
        headers: Mapping[str, str] | None = None,
        content_type: str | None = None,
    ) -> str:
        """Hand a record in to an inbound integration; return its id once it is durable. Raises: Refused, SystemError_."""
        content, kind = encode(body, content_type)
        answer = self._post(
            f"/api/v1/in/{integration}", content=content, headers={"content-type": kind, **(headers or {})}
        )
        return str(answer["id"])

    def take(
        self, integration: str, *, limit: int = 10, lease_s: float | None = None, consumer: str = "client"
    ) -> list[TakenMessage]:
        """Take messages of a queue for a while. Raises: Refused, SystemError_."""
        asked = {"limit": limit, "lease_s": lease_s, "consumer": consumer}
        answer = self._post(f"/api/v1/out/{integration}/take", json=asked)
        return [_message_of(one) for one in answer["items"]]

    def acknowledge(self, message: TakenMessage | str, *, reason: str = "") -> None:
        """Say that a message (by itself or by its id) has been dealt with. Repeatable. Raises: Refused (404: unknown), SystemError_."""
        id = message.id if isinstance(message, TakenMessage) else message
        self._post(f"/api/v1/messages/{id}:acknowledge", json={"reason": reason})

    def give_back(
        self, message: TakenMessage, *, reason: str, delay_s: float | None = None, dead: bool = False
    ) -> bool:
        """Say that a message could not be dealt with: it comes again later. False when somebody else has it by now.

        Args: dead: it does not come again before a person sends it again.
        """
        asked = {"receipt": message.receipt, "reason": reason, "delay_s": delay_s, "dead": dead}
        return bool(self._post(f"/api/v1/messages/{message.id}:nack", json=asked)["counts"])

    def _post(self, path: str, **content: Any) -> Mapping[str, Any]:
        import httpx

        try:
            response = self._client.post(path, **content)
        except httpx.HTTPError as error:
            raise SystemError_(
                f"the server {self._client.base_url} cannot be reached ({type(error).__name__}).",
                hint="Is it running? Start it with: entrepot up",
            ) from error
        try:
            answer = response.json()
        except ValueError:
            answer = {}
        if not response.is_success:
            raise Refused(response.status_code, answer if isinstance(answer, dict) else {})
        if not isinstance(answer, dict):
            raise Refused(response.status_code, {"detail": "the answer is no JSON object"})
        return answer


def _header(name: str, value: str) -> str:
    """Raises: UsageError for what no header can hold without being changed on the way."""
    if not (value.isascii() and value.isprintable() and value == value.strip()):
        raise UsageError(
            f"{name} holds letters that a header cannot carry; allowed are printable ones of ASCII, no space at the ends.",
            hint="An outbox table (entrepot.client.Outbox) carries any text.",
        )
    return value


def _message_of(one: Mapping[str, Any]) -> TakenMessage:
    body = base64.b64decode(one["base64"]) if one.get("base64") is not None else str(one["text"]).encode()
    return TakenMessage(
        id=one["id"],
        receipt=one["receipt"],
        reference=one["reference"],
        body=body,
        content_type=one["content_type"],
        key=one["key"],
        type=one["type"],
        attempts=one["attempts"],
    )
