"""What a model's new definition takes away from its table."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Redefinition:
    """Columns that go, and columns whose type is another one."""

    dropped: tuple[str, ...] = ()
    retyped: tuple[tuple[str, str, str], ...] = ()
    """Name, type now, type wanted."""

    def __str__(self) -> str:
        parts = (
            [f"the column{'s' if len(self.dropped) > 1 else ''} {', '.join(self.dropped)} would go"]
            if self.dropped
            else []
        )
        parts += [f"{name} would change from {old} to {new}" for name, old, new in self.retyped]
        return "; ".join(parts)


def compare_columns(present: pa.Schema, wanted: pa.Schema) -> Redefinition | None:
    """What goes or changes between the columns of a table and those wanted, both as tables keep them; None when columns are only added."""
    new = {field.name: field.type for field in wanted}
    dropped = tuple(field.name for field in present if field.name not in new)
    retyped = tuple(
        (field.name, str(field.type), str(new[field.name]))
        for field in present
        if field.name in new and field.type != new[field.name]
    )
    return Redefinition(dropped, retyped) if dropped or retyped else None
