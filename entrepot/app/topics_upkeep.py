"""Topics are kept as long as stated; what goes is told."""

from __future__ import annotations

from entrepot.kernel.events import Emit, Event
from entrepot.ports.bus import Bus, Dropped


def tend_topics(bus: Bus, emit: Emit) -> int:
    """Drop what need not be kept of any topic; return how many messages went."""
    dropped = [one for topic in bus.topics() for one in bus.prune(topic)]
    for one in dropped:
        emit(event_of(one))
    return sum(one.messages for one in dropped)


def event_of(dropped: Dropped) -> Event:
    """What is told of it."""
    said = {"partition": dropped.partition, "before": dropped.before, "messages": dropped.messages}
    return Event(
        "messages_dropped", dropped.topic, said | ({"unread_by": list(dropped.unread_by)} if dropped.unread_by else {})
    )
