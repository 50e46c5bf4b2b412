"""From the inbox to topics: processed rows of an integration that names a topic are put on it too, each once.

The inbox keeps rows until bronze *and* the topic have them; how far the topic is stands in the inbox. A row that was put just before a
crash is put again under the same sequence, which adds nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from entrepot.app.wiring import Platform
from entrepot.intake.gateway.settings import Inbound
from entrepot.kernel.errors import DamageError, EntrepotError
from entrepot.kernel.events import Event
from entrepot.kernel.points import reached
from entrepot.ports.bus import Bus, Outgoing
from entrepot.ports.inbox import Inbox, Output

ROWS_AT_ONCE = 2_000


def producer_of(integration: str) -> str:
    """The name under which an integration's rows are put."""
    return f"inbox:{integration}"


class Forwarder:
    """For one thread; several processes do no harm. Args: inbounds: the present integrations."""

    def __init__(self, platform: Platform, inbounds: Callable[[], Mapping[str, Inbound]]) -> None:
        self._platform = platform
        self._inbounds = inbounds

    def turn(self) -> int:
        """Put what waits; return how many rows. One integration's trouble stops no other.

        Raises: EntrepotError of the first integration that had one, when the others are done.
        """
        count = 0
        first: EntrepotError | None = None
        for name, inbound in self._inbounds().items():
            try:
                count += self._forward(name, inbound.topic)
            except EntrepotError as error:
                first = first or error
                self._platform.announce(Event("forwarding_failed", name, {"error": str(error), "code": error.code}))
        if first is not None:
            raise first
        return count

    def _forward(self, integration: str, topic: str | None) -> int:
        inbox = self._platform.stores.inbox()
        inbox.hold_outputs(integration, wanted=topic is not None)
        mark = inbox.forwarded(integration)
        if topic is None or mark is None:
            return 0
        bus = self._platform.stores.bus()
        count = 0
        while (bound := inbox.bound_output(integration, mark, ROWS_AT_ONCE)) is not None:
            outputs = inbox.outputs(integration, mark, bound)
            count += _put(bus, topic, integration, outputs, inbox)
            reached("forward.put")
            inbox.note_forwarded(integration, bound)
            mark = bound
        return count


def _put(bus: Bus, topic: str, integration: str, outputs: Sequence[Output], inbox: Inbox) -> int:
    bus.ensure_topic(topic)
    producer = producer_of(integration)
    known, last = bus.last_sequence(topic, producer) or 0, inbox.last_output(integration) or 0
    if known > last:
        raise DamageError(
            f"the topic {topic} has rows of {integration} up to number {known:,}, the inbox knows {last:,}: "
            "an older or another inbox stands in its place.",
            hint="Bring back the newest .entrepot/inbox.db; new rows would be taken for old ones.",
        )
    placed = bus.produce(topic, [_message(integration, one) for one in outputs], producer=producer)
    return sum(not one.repeated for one in placed)


def _message(integration: str, output: Output) -> Outgoing:
    headers = {
        "integration": integration,
        "external-reference": output.reference,
        "revision": str(output.revision),
        "row": str(output.number),
    }
    return Outgoing(
        output.row.encode(),
        None if output.key is None else output.key.encode(),
        tuple((name, text.encode()) for name, text in headers.items()),
        output.received_us,
        output.record,
        output.seq,
    )
