"""Typed columns become the contract's types exactly, or their rows are rejected."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal

import pyarrow as pa
import pytest

from entrepot.contracts.types import ColumnType, Kind
from entrepot.kernel.errors import DataError
from entrepot.ports.relations import Part
from tests.adapters.embedded.landing import (
    BOOLEAN,
    DATE,
    DOUBLE,
    INTEGER,
    LOCAL,
    MONEY,
    STRING,
    TIMESTAMP,
    Lab,
    contract,
    stream,
)

REFUSED = object()
CASES: list[tuple[pa.DataType, ColumnType, list[tuple[object, object]]]] = [
    (pa.float64(), INTEGER, [(17850.0, 17850), (1.5, REFUSED), (float("nan"), REFUSED), (1e30, REFUSED), (None, None)]),
    (pa.float64(), MONEY, [(2.5499999999999998, Decimal("2.55")), (123456789.015, REFUSED)]),
    (pa.float64(), MONEY, [(2.555, REFUSED), (1e-7, REFUSED), (1e-15, Decimal("0.00")), (0.0, Decimal("0.00")), (1e12, REFUSED)]),
    (pa.float32(), DOUBLE, [(0.5, 0.5)]),
    (pa.float64(), DOUBLE, [(0.1, 0.1), (float("inf"), float("inf"))]),
    (pa.int64(), MONEY, [(7, Decimal("7.00")), (10**10, REFUSED)]),
    (pa.int64(), DOUBLE, [(2**53, float(2**53)), (2**53 + 1, REFUSED)]),
    (pa.int64(), ColumnType(Kind.INTEGER, bits=32), [(2**31 - 1, 2**31 - 1), (2**31, REFUSED)]),
    (pa.uint64(), INTEGER, [(5, 5), (2**63, REFUSED)]),
    (pa.decimal128(20, 3), MONEY, [(Decimal("2.340"), Decimal("2.34")), (Decimal("2.345"), REFUSED)]),
    (pa.decimal128(38, 10), INTEGER, [(Decimal("5"), 5), (Decimal("5.5"), REFUSED)]),
    (pa.decimal128(12, 2), DOUBLE, [(Decimal("2.55"), 2.55)]),
    (pa.decimal128(38, 0), DOUBLE, [(Decimal(2**53 + 1), REFUSED)]),
    (pa.int64(), STRING, [(5, "5")]),
    (pa.int64(), BOOLEAN, [(1, True), (0, False), (2, REFUSED)]),
    (pa.bool_(), STRING, [(True, "true")]),
    (pa.date32(), TIMESTAMP, [(date(2021, 6, 1), datetime(2021, 5, 31, 22, tzinfo=UTC))]),
    (pa.date64(), DATE, [(date(2021, 6, 1), date(2021, 6, 1))]),
    (pa.timestamp("ms"), DATE, [(datetime(2021, 6, 1), date(2021, 6, 1)), (datetime(2021, 6, 1, 1), REFUSED)]),  # noqa: DTZ001
    (pa.timestamp("us", tz="UTC"), DATE, [(datetime(2021, 5, 31, 22, tzinfo=UTC), date(2021, 6, 1)), (datetime(2021, 6, 1, tzinfo=UTC), REFUSED)]),
    (pa.timestamp("us"), TIMESTAMP, [(datetime(2021, 6, 1, 12), datetime(2021, 6, 1, 10, tzinfo=UTC)), (datetime(2021, 3, 28, 2, 30), REFUSED)]),  # noqa: DTZ001
    (pa.timestamp("s", tz="America/New_York"), TIMESTAMP, [(datetime(2021, 6, 1, 12, tzinfo=UTC), datetime(2021, 6, 1, 12, tzinfo=UTC))]),
    (pa.timestamp("us"), LOCAL, [(datetime(2021, 3, 28, 2, 30), datetime(2021, 3, 28, 2, 30))]),  # noqa: DTZ001
    (pa.time64("us"), STRING, [(time(10, 30), "10:30:00")]),
    (pa.large_string(), INTEGER, [("5", 5), ("x", REFUSED)]),
    (pa.dictionary(pa.int32(), pa.string()), INTEGER, [("5", 5), ("x", REFUSED), (None, None)]),
    (pa.null(), INTEGER, [(None, None)]),
]  # fmt: skip


@pytest.mark.parametrize(("arrow", "column_type", "cases"), CASES, ids=[f"{a} to {t}" for a, t, _ in CASES])
def test_typed_values_are_converted_exactly_or_rejected(
    lab: Lab, arrow: pa.DataType, column_type: ColumnType, cases: list[tuple[object, object]]
) -> None:
    """Each value becomes exactly the same in the contract's type, or rejects its row; as a stream and as a file."""
    array = pa.array([value for value, _ in cases], arrow)
    parts = [Part("a", stream({"v": array}))]
    if not pa.types.is_null(arrow):
        parts.append(Part("a", lab.parquet("a.parquet", {"v": array})))
    for part in parts:
        done = lab.split(contract(zone="Europe/Berlin", v=column_type), part)
        found: dict[int, object] = {row["_record_id"] & 0xFFFF: row["v"] for row in done.accepted}
        found |= {row["_record_id"] & 0xFFFF: REFUSED for row in done.rejected}
        assert [found[n] for n in range(1, len(cases) + 1)] == [expected for _, expected in cases]


def test_finer_timestamps_are_refused(lab: Lab) -> None:
    """Nanoseconds that microseconds cannot hold reject the row."""
    array = pa.array([1_000, 1_001], pa.timestamp("ns"))
    done = lab.split(contract(v=LOCAL), Part("a", stream({"v": array})))
    assert (done.result.counts.accepted, done.reasons) == (1, [["type:v"]])


def test_finer_times_are_refused(lab: Lab) -> None:
    """The same for times of a day."""
    array = pa.array([0, 36_000_000_000_000, 36_000_000_001_000, 36_000_000_001_001], pa.time64("ns"))
    done = lab.split(contract(v=ColumnType(Kind.TIME)), Part("a", stream({"v": array})))
    assert [row["v"] for row in done.accepted] == ["00:00:00", "10:00:00", "10:00:00.000001"]
    assert done.reasons == [["type:v"]]


def test_finer_instants_fail_the_stream(lab: Lab) -> None:
    """Instants finer than microseconds are never cut off silently."""
    with pytest.raises(DataError, match="cannot hold exactly"):
        lab.split(contract(v=TIMESTAMP), Part("a", stream({"v": pa.array([1_001], pa.timestamp("ns", "UTC"))})))


@pytest.mark.parametrize(
    ("array", "column_type"),
    [
        (pa.array([[1]], pa.list_(pa.int64())), STRING),
        (pa.array([b"x"], pa.binary()), STRING),
        (pa.array([True]), INTEGER),
        (pa.array([datetime(2021, 6, 1, tzinfo=UTC)], pa.timestamp("us", "UTC")), LOCAL),
        (pa.array([5]), DATE),
    ],
)
def test_types_that_never_fit_fail_the_batch(lab: Lab, array: pa.Array, column_type: ColumnType) -> None:
    """A column that can never become the contract's type is named, with both types."""
    with pytest.raises(DataError, match=r"a: column v holds .* cannot become"):
        lab.split(contract(v=column_type), Part("a", stream({"v": array})))


def test_quarantine_keeps_typed_values_as_text(lab: Lab) -> None:
    """A rejected row of typed columns is kept as texts."""
    done = lab.split(
        contract(n=INTEGER, d=DATE), Part("a", stream({"n": pa.array([1.5]), "d": pa.array([date(2021, 1, 2)])}))
    )
    assert done.raw == [{"n": "1.5", "d": "2021-01-02"}]
    assert done.rejected[0]["reasons"][0]["value"] == "1.5"
