"""How many is too many: the limits that rules over a whole dataset set to a number."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from entrepot.kernel.errors import Place


class Operator(StrEnum):
    """The standard's operators: how a measured number must stand to the limit."""

    BE = "mustBe"
    NOT_BE = "mustNotBe"
    GREATER = "mustBeGreaterThan"
    GREATER_OR_EQUAL = "mustBeGreaterOrEqualTo"
    LESS = "mustBeLessThan"
    LESS_OR_EQUAL = "mustBeLessOrEqualTo"
    BETWEEN = "mustBeBetween"
    """Both bounds are allowed."""
    NOT_BETWEEN = "mustNotBeBetween"
    """Both bounds are forbidden."""


_SIGNS = {
    Operator.BE: "= {0}", Operator.NOT_BE: "not {0}", Operator.GREATER: "> {0}", Operator.GREATER_OR_EQUAL: ">= {0}",
    Operator.LESS: "< {0}", Operator.LESS_OR_EQUAL: "<= {0}", Operator.BETWEEN: "{0} to {1}",
    Operator.NOT_BETWEEN: "not {0} to {1}",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Limit:
    """What a measured number must be; `upto` is the second bound of the two operators that have one."""

    operator: Operator
    value: Decimal
    upto: Decimal | None = None

    def holds(self, measured: Fraction) -> bool:
        """True when the number is allowed; exact, nothing is rounded."""
        bound = Fraction(self.value)
        upto = bound if self.upto is None else Fraction(self.upto)
        match self.operator:
            case Operator.BE:
                return measured == bound
            case Operator.NOT_BE:
                return measured != bound
            case Operator.GREATER:
                return measured > bound
            case Operator.GREATER_OR_EQUAL:
                return measured >= bound
            case Operator.LESS:
                return measured < bound
            case Operator.LESS_OR_EQUAL:
                return measured <= bound
            case Operator.BETWEEN:
                return bound <= measured <= upto
            case Operator.NOT_BETWEEN:
                return not bound <= measured <= upto

    def __str__(self) -> str:
        upto = "" if self.upto is None else format(self.upto, "f")
        return _SIGNS[self.operator].format(format(self.value, "f"), upto)


class Unit(StrEnum):
    """In what bad rows are counted; `percent` is of all rows of the dataset, and 0 where it has none."""

    ROWS = "rows"
    PERCENT = "percent"


@dataclass(frozen=True, slots=True)
class RejectLimit:
    """How many records of one batch may be rejected before the dataset's release is held (`entrepot.maxRejects`)."""

    value: Decimal
    unit: Unit
    place: Place | None = field(default=None, compare=False)

    def holds(self, rejected: int, received: int) -> bool:
        """True when so many rejects of so many records are allowed."""
        share = Fraction(100 * rejected, received) if self.unit is Unit.PERCENT and received else Fraction(rejected)
        return share <= Fraction(self.value)

    def __str__(self) -> str:
        return f"{self.value:f} %" if self.unit is Unit.PERCENT else f"{self.value:f} rows"
