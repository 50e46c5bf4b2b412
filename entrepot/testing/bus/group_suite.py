"""What every bus must do for groups: partitions are shared, generations fence, nothing is lost or doubled."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field

import pytest

from entrepot.kernel.errors import FencedError, UsageError
from entrepot.ports.bus import Assignment, Bus, Message, Outgoing, TopicSettings
from entrepot.testing.bus.under_test import BusUnderTest, put

_LEASE_S = 30.0


class GroupConformance:
    """Of groups."""

    @pytest.fixture
    def bus(self, bus_under_test: BusUnderTest) -> Bus:
        """A connection."""
        return bus_under_test.open()

    def test_members_share_the_partitions(self, bus: Bus) -> None:
        """Each partition has one member, evenly; members beyond the partitions have none; who has some keeps what is due."""
        bus.ensure_topic("t", TopicSettings(partitions=5))
        alone = bus.join("g", "t", "m0", _LEASE_S)
        assert alone.partitions == (0, 1, 2, 3, 4)
        for count in (2, 3, 5, 7):
            before = {n: bus.join("g", "t", f"m{n}", _LEASE_S) for n in range(count)}
            held = {n: bus.join("g", "t", f"m{n}", _LEASE_S) for n in range(count)}
            assert {one.generation for one in held.values()} == {before[count - 1].generation}, "nothing has changed"
            assert sorted(p for one in held.values() for p in one.partitions) == [0, 1, 2, 3, 4]
            sizes = [len(one.partitions) for one in held.values()]
            assert max(sizes) - min(sizes) <= 1
        (state,) = bus.groups("t")
        assert len(state.members) == 7

    def test_old_generations_are_fenced(self, bus: Bus) -> None:
        """After a rebalance nothing is committed under the old assignment, nor for a partition of another member."""
        bus.ensure_topic("t", TopicSettings(partitions=2))
        bus.produce("t", [Outgoing(b"x", key) for key in (b"a", b"b", b"c", b"d")])
        old = bus.join("g", "t", "m0", _LEASE_S)
        bus.commit(old, dict.fromkeys(old.partitions, 0))
        other = bus.join("g", "t", "m1", _LEASE_S)
        with pytest.raises(FencedError):
            bus.commit(old, {old.partitions[0]: 1})
        new = bus.join("g", "t", "m0", _LEASE_S)
        with pytest.raises(FencedError):
            bus.commit(new, dict.fromkeys(other.partitions, 1))
        (state,) = bus.groups("t")
        assert set(state.committed.values()) == {0}

    def test_leave(self, bus: Bus) -> None:
        """Who leaves gives its partitions to the others, and commits no more. Leaving again changes nothing."""
        bus.ensure_topic("t", TopicSettings(partitions=4))
        bus.join("g", "t", "m0", _LEASE_S)
        gone = bus.join("g", "t", "m1", _LEASE_S)
        bus.leave(gone)
        stays = bus.join("g", "t", "m0", _LEASE_S)
        bus.leave(gone)
        assert stays.partitions == (0, 1, 2, 3) == bus.join("g", "t", "m0", _LEASE_S).partitions
        assert bus.join("g", "t", "m0", _LEASE_S).generation == stays.generation
        with pytest.raises(FencedError):
            bus.commit(gone, {})

    def test_death(self, bus_under_test: BusUnderTest, bus: Bus) -> None:
        """A member that renews no more loses its partitions when its lease is over, and not before."""
        bus.ensure_topic("t", TopicSettings(partitions=4))
        bus.join("g", "t", "m0", _LEASE_S)
        dead = bus.join("g", "t", "m1", _LEASE_S)
        bus_under_test.advance(_LEASE_S * 0.6)
        assert len(bus.join("g", "t", "m0", _LEASE_S).partitions) == 2
        bus_under_test.advance(_LEASE_S * 0.6)
        assert len(bus.join("g", "t", "m0", _LEASE_S).partitions) == 4
        with pytest.raises(FencedError):
            bus.commit(dead, {dead.partitions[0]: 0})

    def test_commits_only_rise(self, bus: Bus) -> None:
        """A commit never goes back, and never beyond the end; the lag is what is not committed."""
        bus.ensure_topic("t", TopicSettings(partitions=1))
        put(bus, "t", [b"x"] * 5)
        held = bus.join("g", "t", "m", _LEASE_S)
        bus.commit(held, {0: 3})
        bus.commit(held, {0: 1})
        with pytest.raises(UsageError):
            bus.commit(held, {0: 6})
        (state,) = bus.groups("t")
        assert (state.committed, state.lag) == ({0: 3}, {0: 2})

    def test_a_reader_without_members(self, bus: Bus) -> None:
        """A group whose reader keeps its own position is told of, but not beside members."""
        bus.ensure_topic("t", TopicSettings(partitions=1))
        put(bus, "t", [b"x"] * 5)
        bus.note("g", "t", {0: 4})
        held = bus.join("g", "t", "m", _LEASE_S)
        with pytest.raises(FencedError):
            bus.note("g", "t", {0: 5})
        bus.leave(held)
        bus.note("g", "t", {0: 5})
        assert bus.groups("t")[0].lag == {0: 0}

    def test_subscribe(self, bus: Bus) -> None:
        """A group begins with the oldest message or behind the newest; saying it again changes nothing."""
        bus.ensure_topic("t", TopicSettings(partitions=1))
        put(bus, "t", [b"x"] * 3)
        assert bus.subscribe("old", "t") == {0: 0}
        assert bus.subscribe("new", "t", latest=True) == {0: 3}
        put(bus, "t", [b"x"])
        assert bus.subscribe("new", "t", latest=True) == {0: 3} == bus.subscribe("new", "t")
        assert {one.group: one.lag[0] for one in bus.groups("t")} == {"old": 4, "new": 1}
        assert bus.forget_group("old", "t") and not bus.forget_group("old", "t")

    def test_growth_reaches_the_members(self, bus: Bus) -> None:
        """New partitions are shared with the next renewal, from their first message on."""
        bus.ensure_topic("t", TopicSettings(partitions=1))
        bus.join("g", "t", "m", _LEASE_S)
        bus.change_topic("t", TopicSettings(partitions=3))
        assert bus.join("g", "t", "m", _LEASE_S).partitions == (0, 1, 2)
        assert bus.groups("t")[0].committed == {0: 0, 1: 0, 2: 0}

    @pytest.mark.parametrize("seed", range(6))
    def test_random_lives(self, bus_under_test: BusUnderTest, bus: Bus, seed: int) -> None:
        """Members come, go, die and come back as zombies at random: what was committed makes each message count once, in order per key."""
        chance = random.Random(seed)
        bus.ensure_topic("t", TopicSettings(partitions=4))
        crowd = _Crowd(bus, bus_under_test, chance)
        for step in range(150):
            if step % 5 == 0:
                crowd.produce(step)
            crowd.step()
        crowd.finish()
        counted = Counter(one.value for one in crowd.taken)
        assert set(counted.values()) == {1} and len(counted) == crowd.produced
        by_key: dict[bytes | None, list[int]] = defaultdict(list)
        for one in crowd.taken:
            by_key[one.key].append(int(one.value))
        assert all(numbers == sorted(numbers) for numbers in by_key.values())


@dataclass
class _Crowd:
    """Consumers, played one after the other: each fetches, perhaps stops for long, and takes what its commit allowed."""

    bus: Bus
    bus_under_test: BusUnderTest
    chance: random.Random
    produced: int = 0
    taken: list[Message] = field(default_factory=list)
    _born: int = 0
    _held: dict[str, Assignment] = field(default_factory=dict)
    _read: dict[str, dict[int, list[Message]]] = field(default_factory=dict)

    def produce(self, step: int) -> None:
        """Some messages, numbered."""
        count = self.chance.randrange(1, 30)
        batch = [Outgoing(str(self.produced + n).encode(), f"k{n % 7}".encode()) for n in range(count)]
        self.bus.produce("t", batch)
        self.produced += count

    def step(self) -> None:
        """One thing happens."""
        what = self.chance.choice(("come", "leave", "die", "time", *["fetch"] * 4, *["commit"] * 4))
        if what == "come" or not self._held:
            self._born += 1
            self._renew(f"m{self._born}")
            return
        member = self.chance.choice(sorted(self._held))
        if what == "leave":
            self.bus.leave(self._held.pop(member))
            self._read.pop(member, None)
        elif what == "die":
            del self._held[member]
            self._read.pop(member, None)
        elif what == "time":
            self.bus_under_test.advance(self.chance.uniform(1, 40))
        elif what == "fetch":
            self._fetch(member)
        else:
            self._commit(member)

    def finish(self) -> None:
        """One member takes what is left."""
        self.bus_under_test.advance(1_000)
        self._held, self._read = {}, {}
        for _ in range(100):
            self._fetch("last")
            if not any(self._read["last"].values()):
                return
            self._commit("last")

    def _renew(self, member: str) -> None:
        held = self.bus.join("g", "t", member, _LEASE_S)
        if self._held.get(member) != held:
            self._read.pop(member, None)
        self._held[member] = held

    def _fetch(self, member: str) -> None:
        self._renew(member)
        committed = next(one.committed for one in self.bus.groups("t"))
        self._read[member] = {
            n: list(self.bus.fetch("t", n, committed[n], limit=self.chance.randrange(1, 20)))
            for n in self._held[member].partitions
        }

    def _commit(self, member: str) -> None:
        read = {n: messages for n, messages in self._read.pop(member, {}).items() if messages}
        try:
            self.bus.commit(self._held[member], {n: messages[-1].offset + 1 for n, messages in read.items()})
        except FencedError:
            del self._held[member]
            return
        self.taken += [one for messages in read.values() for one in messages]
