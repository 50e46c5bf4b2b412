"""Groups: who reads which partition, and how far they are. All functions but `load` run inside a write transaction."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from entrepot.adapters.embedded.bus import topics
from entrepot.adapters.embedded.bus.topics import Topic
from entrepot.kernel.errors import FencedError, UsageError
from entrepot.ports.bus import Assignment, GroupState


def find_began(connection: sqlite3.Connection, topic: Topic, group: str) -> dict[int, int] | None:
    """Where the group began; None when it is not known."""
    if (
        connection.execute("SELECT 1 FROM groups WHERE topic = ? AND name = ?", (topic.number, group)).fetchone()
        is None
    ):
        return None
    rows = connection.execute(
        "SELECT partition, began FROM committed WHERE topic = ? AND name = ? AND began IS NOT NULL",
        (topic.number, group),
    ).fetchall()
    return {row[0]: row[1] for row in rows}


def subscribe(connection: sqlite3.Connection, topic: Topic, group: str, *, latest: bool) -> dict[int, int]:
    """Make it known."""
    known = find_began(connection, topic, group)
    if known is not None:
        return known
    connection.execute("INSERT INTO groups VALUES (?, ?, 0)", (topic.number, group))
    began = {one.number: one.next if latest else one.first for one in topics.partitions(connection, topic)}
    connection.executemany(
        "INSERT INTO committed VALUES (?, ?, ?, ?, ?)",
        [(topic.number, group, partition, offset, offset) for partition, offset in began.items()],
    )
    return began


def join(
    connection: sqlite3.Connection, topic: Topic, group: str, member: str, now_us: int, lease_us: int
) -> Assignment:
    """Renew the member; when the members or the partitions are others than before, share them anew."""
    connection.execute(
        "INSERT INTO members VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET renewed_us = excluded.renewed_us, until_us = excluded.until_us",
        (topic.number, group, member, now_us, now_us + lease_us),
    )
    # A lease from the future was given before the clock went back: it would last too long. Its member renews it, if it lives.
    connection.execute(
        "DELETE FROM members WHERE topic = ? AND name = ? AND member <> ? AND (until_us <= ? OR renewed_us > ?)",
        (topic.number, group, member, now_us, now_us + lease_us),
    )
    return _share(connection, topic, group, member)


def leave(connection: sqlite3.Connection, topic: Topic, held: Assignment) -> None:
    """Take the member out, and share its partitions among the others."""
    gone = connection.execute(
        "DELETE FROM members WHERE topic = ? AND name = ? AND member = ?", (topic.number, held.group, held.member)
    ).rowcount
    if gone:
        _share(connection, topic, held.group, held.member)


def require_held(connection: sqlite3.Connection, topic: Topic, held: Assignment, partitions: Iterable[int]) -> None:
    """Raises: FencedError."""
    row = connection.execute(
        "SELECT generation FROM groups WHERE topic = ? AND name = ?", (topic.number, held.group)
    ).fetchone()
    now = None if row is None else row[0]
    if now != held.generation:
        raise FencedError(
            f"the group {held.group} of topic {topic.name} is in generation {now}; {held.member} holds generation {held.generation}.",
            hint="Throw away what was read, join again and go on from what is committed.",
        )
    mine = set(_assigned(connection, topic, held.group).get(held.member, ()))
    if not mine.issuperset(partitions):
        raise FencedError(f"{held.member} does not hold all of the partitions {sorted(partitions)} of {topic.name}.")


def require_alone(connection: sqlite3.Connection, topic: Topic, group: str, now_us: int) -> None:
    """Raises: FencedError when somebody is a member."""
    found = connection.execute(
        "SELECT member FROM members WHERE topic = ? AND name = ? AND until_us > ?", (topic.number, group, now_us)
    ).fetchone()
    if found is not None:
        raise FencedError(
            f"the group {group} of topic {topic.name} has members; only these commit.", hint="Use a group of its own."
        )


def commit(connection: sqlite3.Connection, topic: Topic, group: str, offsets: Mapping[int, int]) -> None:
    """Raise what is committed."""
    ends = {one.number: one.next for one in topics.partitions(connection, topic)}
    for partition, offset in offsets.items():
        if not 0 <= offset <= ends.get(partition, -1):
            raise UsageError(
                f"{group} would commit offset {offset} of partition {partition} of {topic.name}, which ends at {ends.get(partition)}."
            )
    connection.executemany(
        "INSERT INTO committed VALUES (?, ?, ?, NULL, ?) ON CONFLICT DO UPDATE SET next = max(next, excluded.next)",
        [(topic.number, group, partition, offset) for partition, offset in offsets.items()],
    )


def forget(connection: sqlite3.Connection, topic: Topic, group: str) -> bool:
    """Forget all of it."""
    for table in ("committed", "members", "assigned"):
        connection.execute(f"DELETE FROM {table} WHERE topic = ? AND name = ?", (topic.number, group))
    gone = connection.execute("DELETE FROM groups WHERE topic = ? AND name = ?", (topic.number, group)).rowcount
    return bool(gone)


def load_committed(connection: sqlite3.Connection, topic: Topic) -> dict[str, dict[int, int]]:
    """Group → partition → the offset it reads next; partitions that came later begin at 0."""
    rows = connection.execute(
        "SELECT g.name, c.partition, c.next FROM groups g LEFT JOIN committed c ON c.topic = g.topic AND c.name = g.name "
        "WHERE g.topic = ? ORDER BY g.name, c.partition",
        (topic.number,),
    ).fetchall()
    found: defaultdict[str, dict[int, int]] = defaultdict(dict)
    for name, partition, offset in rows:
        if partition is None:
            found[name] = {}
        else:
            found[name][partition] = offset
    return dict(found)


def load(connection: sqlite3.Connection, topic: Topic, now_us: int) -> list[GroupState]:
    """All groups."""
    ends = topics.partitions(connection, topic)
    generations = dict(
        connection.execute("SELECT name, generation FROM groups WHERE topic = ?", (topic.number,)).fetchall()
    )
    states = []
    for group, committed in load_committed(connection, topic).items():
        alive = {
            row[0]
            for row in connection.execute(
                "SELECT member FROM members WHERE topic = ? AND name = ? AND until_us > ?",
                (topic.number, group, now_us),
            ).fetchall()
        }
        shares = _assigned(connection, topic, group)
        members = {member: tuple(shares.get(member, ())) for member in sorted(alive)}
        stands = {one.number: committed.get(one.number, one.first) for one in ends}
        lag = {one.number: max(one.next - max(stands[one.number], one.first), 0) for one in ends}
        states.append(GroupState(group, topic.name, generations.get(group, 0), members, stands, lag))
    return states


def _share(connection: sqlite3.Connection, topic: Topic, group: str, member: str) -> Assignment:
    members = [
        row[0]
        for row in connection.execute(
            "SELECT member FROM members WHERE topic = ? AND name = ? ORDER BY member", (topic.number, group)
        ).fetchall()
    ]
    before = _assigned(connection, topic, group)
    shares = share(members, before, topic.settings.partitions)
    if shares != before:
        _assign(connection, topic, group, shares)
    row = connection.execute(
        "SELECT generation FROM groups WHERE topic = ? AND name = ?", (topic.number, group)
    ).fetchone()
    return Assignment(group, topic.name, member, row[0], tuple(shares.get(member, ())))


def _assign(connection: sqlite3.Connection, topic: Topic, group: str, shares: Mapping[str, Sequence[int]]) -> None:
    connection.execute("DELETE FROM assigned WHERE topic = ? AND name = ?", (topic.number, group))
    connection.executemany(
        "INSERT INTO assigned VALUES (?, ?, ?, ?)",
        [(topic.number, group, partition, member) for member, mine in shares.items() for partition in mine],
    )
    connection.execute(
        "UPDATE groups SET generation = generation + 1 WHERE topic = ? AND name = ?", (topic.number, group)
    )


def _assigned(connection: sqlite3.Connection, topic: Topic, group: str) -> dict[str, list[int]]:
    found: defaultdict[str, list[int]] = defaultdict(list)
    for row in connection.execute(
        "SELECT member, partition FROM assigned WHERE topic = ? AND name = ? ORDER BY member, partition",
        (topic.number, group),
    ).fetchall():
        found[row[0]].append(row[1])
    return dict(found)


def share(members: Sequence[str], before: Mapping[str, Sequence[int]], partitions: int) -> dict[str, list[int]]:
    """Share partitions evenly; whoever has some keeps as many as are due. Members that get none are not named."""
    if not members:
        return {}
    least, more = divmod(partitions, len(members))
    # those who hold most get the greater shares, so that few partitions change hands
    ranked = sorted(members, key=lambda name: (-len(before.get(name, ())), name))
    due = {name: least + (place < more) for place, name in enumerate(ranked)}
    shares = {name: [n for n in before.get(name, ()) if n < partitions][: due[name]] for name in members}
    taken = {partition for mine in shares.values() for partition in mine}
    free = iter(partition for partition in range(partitions) if partition not in taken)
    for name in members:
        shares[name] += [next(free) for _ in range(due[name] - len(shares[name]))]
        shares[name].sort()
    return {name: mine for name, mine in sorted(shares.items()) if mine}
