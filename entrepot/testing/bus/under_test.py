"""A bus as its author provides it to the suite, and what the tests do with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from entrepot.ports.bus import Bus, Message, Outgoing, Placed


class BusUnderTest(Protocol):
    """One empty bus. It is pickled for the tests with several processes: let it hold plain values."""

    def open(self) -> Bus:
        """The bus, by a connection of its own."""
        ...

    def advance(self, seconds: float) -> None:
        """Let time pass for every connection that was opened here: leases run out, messages grow old."""
        ...


def put(bus: Bus, topic: str, values: Sequence[bytes], key: bytes | None = None) -> Sequence[Placed]:
    """Put values under one key."""
    return bus.produce(topic, [Outgoing(value, key) for value in values])


def drain(bus: Bus, topic: str, *, limit: int = 100) -> dict[int, list[Message]]:
    """Every message that is kept, by partition, fetched in pages."""
    found: dict[int, list[Message]] = {}
    for partition, offset in bus.starts(topic).items():
        found[partition] = []
        while page := bus.fetch(topic, partition, offset, limit=limit):
            found[partition] += page
            offset = page[-1].offset + 1
        assert offset == bus.ends(topic)[partition], "reading to the end must end at the end"
    return found


def produce_numbered(bus_under_test: BusUnderTest, producer: str, count: int, acknowledged: Path) -> None:
    """For a process of its own: put numbered messages, and note after each call what was acknowledged. Keys are those of the producer."""
    bus = bus_under_test.open()
    with acknowledged.open("a") as file:
        for first in range(0, count, 5):
            batch = [
                Outgoing(f"{producer} {n}".encode(), f"{producer}-{n % 3}".encode(), sequence=n)
                for n in range(first, min(first + 5, count))
            ]
            bus.produce("numbers", batch, producer=producer)
            file.write(f"{first + len(batch)}\n")
            file.flush()
    bus.close()
