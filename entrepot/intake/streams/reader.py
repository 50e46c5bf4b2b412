"""Messages of a topic as a source of the flow loop: each once, those of a partition in their order.

The flow's position is the truth: it is written together with the rows. What the bus is told, at acknowledge, only says how long
messages must be kept, and how far behind the source is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from entrepot.intake.json_rows.names import Names
from entrepot.intake.sources.base import ReaderContext
from entrepot.intake.streams.parsing import PAYLOAD, Parser
from entrepot.intake.streams.rows import RangeRows, Shape
from entrepot.intake.streams.settings import METADATA, TopicOptions
from entrepot.kernel.errors import DamageError, RunError
from entrepot.kernel.points import reached
from entrepot.kernel.positions import Offsets, Position
from entrepot.kernel.rows import ORIGIN
from entrepot.ports.bus import Bus, Message, NoSuchTopic, OffsetGone, put_dead
from entrepot.ports.relations import FAULTS, RECORD, Part, Stream

_PAGE = 1_000
_SAMPLE_ROWS = 1_000
_MOST_BESIDE = 50
_ALWAYS_OURS = "record_id"
"""Whose record it is no JSON can say otherwise."""


def group_of(flow: str) -> str:
    """The group under which a source stands with the bus."""
    return f"source:{flow}"


class TopicReader:
    """Reads [after, upto) of each partition."""

    def __init__(self, context: ReaderContext, options: TopicOptions) -> None:
        self._options = options
        self._topic = options.topic
        self._group = group_of(context.flow)
        self._columns = context.columns
        self._open = context.bus
        named = {column.name for column in context.columns}
        allowed = METADATA if options.metadata is None else (*options.metadata, _ALWAYS_OURS)
        self._given = tuple(name for name in METADATA if name in named and name in allowed)
        own = frozenset(self._given) - {_ALWAYS_OURS} if options.metadata is None else frozenset()
        self._parser = Parser(options.format, own)

    def find_next(self, previous: Position | None) -> Offsets | None:
        """From where each partition stood, as many messages as a batch takes.

        Raises: DamageError when the bus knows less than was taken from it; OffsetGone when messages were dropped before they were taken.
        """
        before = dict(_as_offsets(previous).upto) if previous is not None else {}
        bus = self._open()
        try:
            began = bus.subscribe(self._group, self._topic, latest=self._options.is_latest)
            starts, ends = bus.starts(self._topic), bus.ends(self._topic)
        except NoSuchTopic:
            if not before:
                return None  # it is made when the first message is put
            raise DamageError(
                f"the bus has no topic {self._topic}, but messages were taken from it: another bus stands in its place.",
                hint="Bring back the newest .entrepot/bus.db.",
            ) from None
        known = sorted(starts.keys() & ends.keys())
        after = {n: before.get(str(n), self._first(began, starts, n, is_first=not before)) for n in known}
        self._require_same_bus(before, after, starts, ends)
        upto = self._share(bus, after, ends)
        if upto == after:
            return None
        return Offsets({str(n): after[n] for n in known}, {str(n): upto[n] for n in known})

    def claim(self, position: Position) -> Offsets:
        """Nothing to do: messages never change, and stay until they are committed."""
        offsets = _as_offsets(position)
        reached("claim.before")
        reached("claim.moved")
        reached("claim.after")
        return offsets

    def read(self, position: Position) -> list[Part]:
        """A part for each partition, `topic/<name>/<partition>`; each row has an origin of its own."""
        offsets = _as_offsets(position)
        bus = self._open()
        ranges = {
            int(name): (offsets.after[name], upto)
            for name, upto in sorted(offsets.upto.items(), key=lambda item: int(item[0]))
            if upto > offsets.after[name]
        }
        for partition, (after, _) in ranges.items():
            bus.fetch(self._topic, partition, after, limit=1)  # refuses what is gone, before anything is written
        shape = self._shape(bus, ranges)
        parts = []
        for partition, (after, upto) in ranges.items():
            rows = RangeRows(partial(self._pages, bus, partition, after, upto), self._parser, shape)
            place = f"topic/{self._topic}/{partition}"
            parts.append(Part(place, Stream(rows.schema, rows.open, has_origins=True)))
        return parts

    def acknowledge(self, position: Position) -> None:
        """The bus may forget these messages; those that could not be read are put on the dead-letter topic first."""
        offsets = _as_offsets(position)
        bus = self._open()
        if self._options.to_dead:
            for name, upto in offsets.upto.items():
                for page in self._pages(bus, int(name), offsets.after[name], upto, is_redo=True):
                    put_dead(bus, self._group, self._parser.find_unreadable(page))
        bus.note(self._group, self._topic, {int(name): upto for name, upto in offsets.upto.items()})
        reached("acknowledge.moved")

    def refuse(self, position: Position, reason: str) -> None:
        """Nothing to do: the messages stay in the topic as long as it keeps them."""
        _as_offsets(position)

    def _first(self, began: Mapping[int, int], starts: Mapping[int, int], partition: int, *, is_first: bool) -> int:
        """Where a partition begins that nothing was taken of: a later one with its first message, all of which counts."""
        if is_first and self._options.is_latest:
            return max(began.get(partition, 0), starts[partition])
        return starts[partition]

    def _require_same_bus(
        self, before: Mapping[str, int], after: Mapping[int, int], starts: Mapping[int, int], ends: Mapping[int, int]
    ) -> None:
        gone = [name for name in before if int(name) not in after]
        behind = [n for n, offset in after.items() if offset > ends[n]]
        if gone or behind:
            raise DamageError(
                f"the bus knows less of {self._topic} than was taken from it (partitions {', '.join([*gone, *map(str, behind)])}): "
                "an older or another bus stands in its place.",
                hint="Bring back the newest .entrepot/bus.db; new messages would be taken for old ones.",
            )
        for n, offset in after.items():
            if offset < starts[n]:
                raise OffsetGone(
                    f"messages {offset:,} to {starts[n] - 1:,} of {self._topic}, partition {n}, were dropped before they were taken.",
                    hint="Bring back a bus.db that has them.",
                )

    def _share(self, bus: Bus, after: Mapping[int, int], ends: Mapping[int, int]) -> dict[int, int]:
        """Each partition gets its even part of a batch; what one does not need goes to the others."""
        upto = dict(after)
        left = self._options.batch_rows
        waiting = sorted((n for n in after if ends[n] > after[n]), key=lambda n: ends[n] - after[n])
        for place, n in enumerate(waiting):
            part = -(-left // (len(waiting) - place))
            if part > 0:
                upto[n] = min(bus.bound(self._topic, n, after[n], part), ends[n])
                left -= upto[n] - after[n]
        return upto

    def _shape(self, bus: Bus, ranges: Mapping[int, tuple[int, int]]) -> Shape:
        own = [column for column in self._columns if column.name not in self._given]
        keys = (PAYLOAD,) if self._options.format != "json" else self._keys(bus, ranges)
        others = [key for key in keys if key not in (*self._given, RECORD, FAULTS, ORIGIN)]
        names = Names(own, others[:_MOST_BESIDE] if self._columns else others)
        return Shape(own, names, self._given, self._options.to_dead)

    def _keys(self, bus: Bus, ranges: Mapping[int, tuple[int, int]]) -> tuple[str, ...]:
        """Keys of the objects: of the first ones where a contract says the columns, else of all."""
        keys: dict[str, None] = {}
        looked = 0
        for partition, (after, upto) in ranges.items():
            for page in self._pages(bus, partition, after, upto):
                if self._columns and looked >= _SAMPLE_ROWS:
                    return tuple(keys)
                for row in self._parser.rows(page):
                    looked += 1
                    keys.update(dict.fromkeys(row.value or ()))
        return tuple(keys)

    def _pages(
        self, bus: Bus, partition: int, after: int, upto: int, *, is_redo: bool = False
    ) -> Iterator[Sequence[Message]]:
        """The range's messages. Args: is_redo: messages may be gone already, since they were dealt with before."""
        if is_redo:
            after = max(after, bus.starts(self._topic)[partition])
        while after < upto:
            page = bus.fetch(self._topic, partition, after, limit=min(_PAGE, upto - after))
            page = [message for message in page if message.offset < upto]
            if not page:
                self._require_end(bus, partition, upto)
                return
            yield page
            after = page[-1].offset + 1

    def _require_end(self, bus: Bus, partition: int, upto: int) -> None:
        if bus.ends(self._topic)[partition] < upto:
            raise DamageError(
                f"{self._topic}, partition {partition}, ends before offset {upto:,}, up to which messages were planned.",
                hint="Bring back the newest .entrepot/bus.db.",
            )


def _as_offsets(position: Position) -> Offsets:
    if not isinstance(position, Offsets):
        raise RunError(f"a topic was given a position of kind {position.kind}; it reads kind offsets only.")
    return position
