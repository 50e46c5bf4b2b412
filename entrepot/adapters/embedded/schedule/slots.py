"""Slots of outside systems: as many rows as flows use one, each with its holder."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from entrepot.ports.schedule import Slot


def enter(
    connection: sqlite3.Connection, system: str, most: int, holder: str, is_alive: Callable[[str], bool]
) -> Slot | None:
    """The lowest free number, after slots of dead holders were given back."""
    taken = {
        row["number"]: row["holder"] for row in connection.execute("SELECT * FROM slots WHERE system = ?", (system,))
    }
    dead = [number for number, who in taken.items() if not is_alive(who)]
    for number in dead:
        connection.execute("DELETE FROM slots WHERE system = ? AND number = ?", (system, number))
    used = taken.keys() - set(dead)
    if len(used) >= most:
        return None
    number = next(place for place in range(most) if place not in used)
    connection.execute("INSERT INTO slots VALUES (?, ?, ?)", (system, number, holder))
    return Slot(system, number, holder)


def leave(connection: sqlite3.Connection, slot: Slot) -> None:
    """Only the holder's own."""
    connection.execute(
        "DELETE FROM slots WHERE system = ? AND number = ? AND holder = ?", (slot.system, slot.number, slot.holder)
    )


def list_slots(connection: sqlite3.Connection) -> list[Slot]:
    """Those that are taken."""
    rows = connection.execute("SELECT * FROM slots ORDER BY system, number").fetchall()
    return [Slot(row["system"], row["number"], row["holder"]) for row in rows]
