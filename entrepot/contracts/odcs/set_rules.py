"""Checks over a whole dataset: in comes a section under `quality:`, out goes a `SetRule`, or every problem with its line."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from entrepot.contracts.findings import Findings, suggest
from entrepot.contracts.limits import Limit, Operator, Unit
from entrepot.contracts.odcs.document import Listing, Node, Scalar, Section
from entrepot.contracts.row_rules import AnyRule, Severity
from entrepot.contracts.set_rules import AnySetRule, CountBroken, CountDuplicates, CountRows, MeasureSql
from entrepot.kernel.errors import Place

_PAIRS = (Operator.BETWEEN, Operator.NOT_BETWEEN)


@dataclass(frozen=True, slots=True)
class Check:
    """What all checks have: where they stand, how they are called in messages, where findings go."""

    section: Section
    label: str
    severity: Severity
    found: Findings

    def read_limit(self) -> Limit | None:
        """The one operator with its numbers; None when its numbers are wrong, which is reported, or when there is not
        exactly one: the standard's schema has reported that already."""
        said = [operator for operator in Operator if operator in self.section.entries]
        if len(said) != 1:
            return None
        operator = said[0]
        node = self.section.entries[operator]
        numbers = [_number(item) for item in (node.items if isinstance(node, Listing) else (node,))]
        wanted = 2 if operator in _PAIRS else 1
        values = [number for number in numbers if number is not None]
        if len(values) != wanted or len(numbers) != wanted:
            words = "a list of two numbers" if wanted == 2 else "a number"
            self.found.error(node.place, f"{operator} of {self.label} is no number; allowed is {words}.")
            return None
        if wanted == 2 and values[0] > values[1]:
            text = f"{operator} of {self.label} is {values[0]} to {values[1]}; allowed is the smaller number first."
            self.found.error(node.place, text)
            return None
        return Limit(operator, values[0], values[1] if wanted == 2 else None)

    def read_unit(self) -> Unit:
        """Rows when nothing is said; a unit in which nothing can be counted is reported."""
        text = self.section.text("unit") or Unit.ROWS
        if text not in tuple(Unit):
            place = self.section.place_of("unit")
            self.found.error(
                place, f"the unit of {self.label} is {text!r}; allowed is rows or percent.", suggest(text, Unit)
            )
            return Unit.ROWS
        return Unit(text)

    def count_broken(self, metric: str, column: str, rules: tuple[AnyRule, ...]) -> AnySetRule | None:
        """A limit for the number or share of rows that break one of `rules`."""
        limit, unit = self.read_limit(), self.read_unit()
        if limit is None or not rules:
            return None
        return CountBroken(
            id=f"{metric}:{column}", limit=limit, unit=unit, metric=metric, column=column, rules=rules, **self._common()
        )

    def count_duplicates(self, columns: tuple[str, ...]) -> AnySetRule | None:
        """A limit for the number or share of rows that repeat another's values."""
        limit, unit = self.read_limit(), self.read_unit()
        if limit is None or not columns:
            return None
        id = f"duplicateValues:{','.join(columns)}"
        return CountDuplicates(id=id, limit=limit, unit=unit, columns=columns, **self._common())

    def count_rows(self, column: str | None) -> AnySetRule | None:
        """A limit for the number of rows; `column` where the check stands on a property, which says nothing of it."""
        limit = self.read_limit()
        if self.section.text("unit") not in (None, Unit.ROWS):
            text = f"the unit of {self.label} is {self.section.text('unit')!r}; allowed is rows."
            self.found.error(self.section.place_of("unit"), text)
        if limit is None:
            return None
        return CountRows(id=f"rowCount:{column}" if column else "rowCount", limit=limit, **self._common())

    def measure_sql(self, column: str | None, names: tuple[tuple[str, str], ...]) -> AnySetRule | None:
        """A limit for the number that a SELECT gives; the query is kept as written."""
        limit, query = self.read_limit(), self.section.get("query")
        if (
            limit is None
            or not isinstance(query, Scalar)
            or not isinstance(query.value, str)
            or not query.value.strip()
        ):
            return None
        common = self._common()
        common["place"] = query_place(query)
        id = f"sql:{column}" if column else "sql"
        unit = self.section.text("unit")
        return MeasureSql(id=id, limit=limit, query=query.value, column=column, names=names, unit=unit, **common)

    def _common(self) -> dict[str, Any]:
        return {
            "severity": self.severity,
            "description": self.section.text("description"),
            "dimension": self.section.text("dimension"),
            "place": self.section.place,
        }


def query_place(query: Scalar) -> Place:
    """Where the first line of a query stands: below its `|`, for text that kept its line breaks."""
    place = query.place
    return Place(place.path, (place.line or 0) + 1) if "\n" in query.text else Place(place.path, place.line)


def _number(node: Node) -> Decimal | None:
    """A number, or a truth value as 1 or 0; text and the rest are None."""
    if not isinstance(node, Scalar) or isinstance(node.value, float | str) or node.value is None:
        return None
    return Decimal(int(node.value)) if isinstance(node.value, bool) else Decimal(node.value)
