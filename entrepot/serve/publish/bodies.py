"""What goes over the wire: a message as it is, or as a CloudEvent, structured or binary.

Source: CloudEvents 1.0.2, HTTP protocol binding.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from entrepot.ports.outbox import Message

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TYPE = "entrepot.message"
"""Of a message that states none; CloudEvents need one."""


@dataclass(frozen=True, slots=True)
class Content:
    """A body and the headers that belong to it."""

    body: bytes
    headers: tuple[tuple[str, str], ...]


def render(message: Message, form: str, source: str) -> Content:
    """The content of a request. Args: form: `as_is`, `cloudevents` or `cloudevents_binary`; source: who sends, a URI reference."""
    match form:
        case "cloudevents":
            event = json.dumps(_event(message, source), ensure_ascii=False, separators=(",", ":"))
            body = _with_data(event, message)
            return Content(body, (("content-type", "application/cloudevents+json; charset=utf-8"),))
        case "cloudevents_binary":
            named = [(f"ce-{name}", quote(value, safe=_PRINTABLE)) for name, value in _event(message, source).items()]
            content = [] if not message.content_type else [("content-type", message.content_type)]
            return Content(message.body, tuple([pair for pair in named if pair[0] != "ce-datacontenttype"] + content))
    return Content(message.body, (("content-type", message.content_type),) if message.content_type else ())


_PRINTABLE = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')
"""What stands in a header as it is."""


def _event(message: Message, source: str) -> dict[str, str]:
    at = _EPOCH + timedelta(microseconds=message.created_us)
    event = {
        "specversion": "1.0",
        "id": message.id,
        "source": source,
        "type": message.type or _TYPE,
        "time": at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
    }
    if message.key is not None:
        event["partitionkey"] = message.key
    if message.content_type:
        event["datacontenttype"] = message.content_type
    return event


def _with_data(event: str, message: Message) -> bytes:
    """Put the data in without reading its numbers: what the sender wrote is what the receiver gets."""
    text = _json_text(message)
    if text is not None:
        return f'{event[:-1]},"data":{text}}}'.encode()
    return f'{event[:-1]},"data_base64":"{base64.b64encode(message.body).decode()}"}}'.encode()


def _json_text(message: Message) -> str | None:
    """The body, when it is JSON and says so."""
    media = message.content_type.partition(";")[0].strip().lower()
    if media != "application/json" and not media.endswith("+json"):
        return None
    try:
        text = message.body.decode()
        json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return text


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
