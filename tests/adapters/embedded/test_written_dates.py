"""Dates and times in a contract's format are read by its own digits, at the top and inside of objects alike; years are 1 to 9999."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from entrepot.adapters.embedded.delta.stats import footer_stats, render_stats
from entrepot.contracts.types import ColumnType, Kind, Property
from entrepot.kernel.errors import ProjectError
from entrepot.ports.engine import ColumnStats
from entrepot.ports.relations import Part, QueryScan
from tests.adapters.embedded.landing import DATE, LOCAL, TIMESTAMP, Lab, contract, stream

BERLIN = "Europe/Berlin"
REFUSED = "refused"
SHORT_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]

DIGITS = {
    "%Y": (4, 4),
    "%m": (1, 2),
    "%d": (1, 2),
    "%H": (1, 2),
    "%I": (1, 2),
    "%M": (1, 2),
    "%S": (1, 2),
    "%f": (1, 6),
}
FORMATS: list[tuple[Kind, str]] = [
    (Kind.DATE, "%d.%m.%Y"), (Kind.DATE, "%d %b %Y"), (Kind.DATE, "%Y%m%d"), (Kind.DATE, "%d.%m.%Y %H:%M"), (Kind.DATE, "%d.%m.%Y %z"),
    (Kind.TIMESTAMP, "%d.%m.%Y %H:%M"), (Kind.TIMESTAMP, "%d.%m.%Y %H:%M:%S.%f"), (Kind.TIMESTAMP, "%d.%m.%Y %H:%M %z"),
    (Kind.TIMESTAMP_LOCAL, "%m/%d/%Y %I:%M %p"), (Kind.TIMESTAMP_LOCAL, "%d.%m.%Y %H:%M %z"),
    (Kind.TIME, "%H:%M"), (Kind.TIME, "%I:%M:%S %p"), (Kind.TIME, "%H%M"),
]  # fmt: skip


def split_fields(text: str, codes: str) -> dict[str, str] | None:
    """The text of each code, read from left to right by hand; None when the text is written otherwise."""
    found: dict[str, str] = {}
    pieces = re.findall(r"%.|[^%]", codes)
    at = 0
    for number, code in enumerate(pieces):
        if code in DIGITS:
            least, most = DIGITS[code]
            beside = [*pieces[max(number - 1, 0) : number], *pieces[number + 1 : number + 2]]
            if code not in ("%Y", "%f") and any(each in DIGITS for each in beside):
                least = 2
            run = re.match("[0-9]*", text[at : at + most])
            assert run is not None
            took = run[0]
            if len(took) < least:
                return None
        elif code == "%b":
            took = text[at : at + 3]
            if took.lower() not in SHORT_MONTHS:
                return None
        elif code == "%p":
            took = text[at : at + 2]
            if took not in ("AM", "PM", "am", "pm", "Am", "Pm", "aM", "pM"):
                return None
        elif code == "%z":
            offset = re.match(r"[+-][0-9][0-9](:?[0-9][0-9])?", text[at:])
            if offset is None:
                return None
            took = offset[0]
        else:
            took = text[at : at + 1]
            if took != code:
                return None
        found[code] = took
        at += len(took)
    return found if at == len(text) else None


def read(text: str, kind: Kind, codes: str) -> Any:
    """What the text means, by hand; `REFUSED` when it means nothing."""
    fields = split_fields(text, codes)
    if fields is None or ("%z" in codes and kind is not Kind.TIMESTAMP):
        return REFUSED
    try:
        return build(fields, kind)
    except (ValueError, OverflowError):
        return REFUSED


def build(fields: dict[str, str], kind: Kind) -> Any:
    hour = int(fields.get("%H", 0))
    if "%I" in fields:
        if not 1 <= int(fields["%I"]) <= 12:
            return REFUSED
        hour = int(fields["%I"]) % 12 + (12 if fields["%p"].lower() == "pm" else 0)
    clock = time(hour, int(fields.get("%M", 0)), int(fields.get("%S", 0)), int(fields.get("%f", "0").ljust(6, "0")))
    if kind is Kind.TIME:
        return clock.isoformat()
    month = SHORT_MONTHS.index(fields["%b"].lower()) + 1 if "%b" in fields else int(fields["%m"])
    local = datetime.combine(date(int(fields["%Y"]), month, int(fields["%d"])), clock)
    if kind is Kind.DATE:
        return local.date() if clock == time(0) else REFUSED
    if kind is Kind.TIMESTAMP_LOCAL:
        return local
    if "%z" in fields:
        hours, minutes = int(fields["%z"][1:3]), int(fields["%z"][3:].lstrip(":") or 0)
        if hours > 15 or minutes > 59:
            return REFUSED
        span = timedelta(hours=hours, minutes=minutes)
        return local.replace(tzinfo=timezone(-span if fields["%z"][0] == "-" else span)).astimezone(UTC)
    meant = {local.replace(tzinfo=ZoneInfo(BERLIN), fold=fold).utcoffset() for fold in (0, 1)}
    return local.replace(tzinfo=ZoneInfo(BERLIN)).astimezone(UTC) if len(meant) == 1 else REFUSED


WORDS = ["epoch", "infinity", "-infinity", "5.11.0", "05.11.26", "5.11.202", "0.0.0000", "01.01.0001", "31.12.9999", "29.02.2023",
         "28.03.2021 02:30", "31.10.2021 02:30", "01.01.0001 00:00", "31.12.9999 23:59", "1 mar 2024", "1 MÄR 2024", "2024301",
         "20240301", "24:00", "23:60", "9:5", "123", "0930", "0:30 AM", "12:00:00 am", "12:00:00 PM", "1.3.2024 11:30 +01",
         "1.3.2024 11:30 +0130", "1.3.2024 11:30 -16:00", "1.3.2024 11:30 Z", "1.1.0001 00:30 +01:00", "05.11.2026 10:00x", "1. 3.2024",
         "05.11.26 10:00", "1.3.2024 1:2:3.1234567", "1.3.2024 1:2:3.5", "1 ſep 2024"]  # fmt: skip


@st.composite
def written(draw: st.DrawFn, codes: str) -> str:
    """Texts in the format or nearly so."""
    if draw(st.integers(0, 5)) == 0:
        return draw(st.one_of(st.sampled_from(WORDS), st.text("0123456789.:/ -+apmAPM", min_size=1, max_size=18)))
    pieces = {
        "%Y": st.sampled_from(["2026", "26", "0026", "202", "0", "0001", "9999", "02026", "12026", "1893", "1980"]),
        "%b": st.sampled_from([*SHORT_MONTHS, "MAR", "Sep", "March", "mai"]),
        "%p": st.sampled_from(["AM", "pm", "Pm", "", "x"]),
        "%z": st.sampled_from(["+01:00", "-0230", "+05", "Z", "+16:00", "+02:60", ""]),
        "%f": st.integers(0, 10**7).map(str),
    }
    number = st.sampled_from(
        [*(str(n) for n in range(33)), "00", "01", "09", "007", "59", "60", "28", "29", "03", "10"]
    )
    parts = [draw(pieces.get(each, number)) if each.startswith("%") else each for each in re.findall("%.|[^%]", codes)]
    return "".join(parts)


@pytest.mark.req("F2")
@pytest.mark.parametrize(("kind", "codes"), FORMATS, ids=[f"{kind} {codes}" for kind, codes in FORMATS])
@settings(
    max_examples=4,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_formats_are_read_as_by_hand(lab: Lab, kind: Kind, codes: str, data: st.DataObject) -> None:
    """One text, one reading: at the top, inside of an object, and in plain Python."""
    drawn = data.draw(st.lists(written(codes), min_size=60, max_size=100))
    texts = [text for text in WORDS + drawn if text == text.strip() and text]
    expected = [read(text, kind, codes) for text in texts]
    column_type = ColumnType(kind, format=codes)
    inside = ColumnType(Kind.OBJECT, properties=(Property("v", column_type),))
    assert list(zip(texts, readings(lab, column_type, texts), strict=True)) == list(zip(texts, expected, strict=True))
    nested = readings(lab, inside, [json.dumps({"v": text}) for text in texts])
    found = [each if each == REFUSED else each["v"] for each in nested]
    assert list(zip(texts, found, strict=True)) == list(zip(texts, expected, strict=True))


def readings(lab: Lab, column_type: ColumnType, texts: Sequence[str]) -> list[Any]:
    done = lab.split(contract(zone=BERLIN, v=column_type), {"v": list(texts)})
    taken = {int(row["_origin"].rpartition("#")[2]) - 1: row["v"] for row in done.accepted}
    return [taken.get(number, REFUSED) for number in range(len(texts))]


def test_short_years_and_words_are_no_dates(lab: Lab) -> None:
    """`26` is no year, and `epoch` no time, whatever strptime says."""
    types = {"%d.%m.%Y": Kind.DATE, "%d.%m.%Y %H:%M": Kind.TIMESTAMP, "%H:%M": Kind.TIME}
    for codes, kind in types.items():
        wrong = ["epoch", "infinity", "-infinity", "05.11.26", "05.11.26 10:00", "5.11.0", "5.11.0 10:00"]
        assert set(readings(lab, ColumnType(kind, format=codes), wrong)) == {REFUSED}


INSIDE: dict[pa.DataType, list[tuple[int, object]]] = {
    pa.date32(): [(-719162, date(1, 1, 1)), (2932896, date(9999, 12, 31))],
    pa.timestamp("us"): [(-62135596800_000000, datetime(1, 1, 1)), (253402300799_999999, datetime.max)],  # noqa: DTZ001, DTZ901
    pa.timestamp("us", "UTC"): [(-62135596800_000000, datetime(1, 1, 1, tzinfo=UTC)), (253402300799_999999, datetime.max.replace(tzinfo=UTC))],
}  # fmt: skip
OUTSIDE: dict[pa.DataType, list[int]] = {
    pa.date32(): [-719163, 2932897, -800000, 4000000, 2**31 - 1, -(2**31), 2**31 - 2],
    pa.timestamp("s"): [-62135596801, 253402300800, 2**60],
    pa.timestamp("ms"): [-62135596800_001, 253402300800_000, 2**60],
    pa.timestamp("us"): [-62135596800_000001, 253402300800_000000, 2**63 - 1, -70000000000000000, 2**62],
    pa.timestamp("us", "UTC"): [-62135596800_000001, 253402300800_000000, 2**63 - 1, 300000000000000000],
}
TARGETS = [
    (source, target)
    for source in OUTSIDE
    for target in ([LOCAL, DATE, TIMESTAMP] if source != pa.timestamp("us", "UTC") else [TIMESTAMP, DATE])
]


@pytest.mark.parametrize(("source", "target"), TARGETS, ids=[f"{s} to {t}" for s, t in TARGETS])
def test_typed_moments_outside_of_the_calendar_are_rejected(lab: Lab, source: pa.DataType, target: ColumnType) -> None:
    """As a stream and as a file, into every type of date and time: a type fault of the row, never a crash, never a value."""
    inside = [raw for raw, _ in INSIDE.get(source, [])] if target.arrow() == source else []
    width = pa.int32() if source == pa.date32() else pa.int64()
    array = pa.array([*OUTSIDE[source], *inside], width).cast(source)
    parts = [Part("a", stream({"v": array}))]
    if source != pa.timestamp("s"):  # Parquet has none
        kept = array.filter(
            pa.array([abs(raw) < 2**52 or source != pa.timestamp("ms") for raw in [*OUTSIDE[source], *inside]])
        )
        parts.append(Part("a", lab.parquet("a.parquet", {"v": kept})))  # DuckDB refuses the file for larger ones
    for part in parts:
        done = lab.split(contract(v=target), part)
        assert [row["v"] for row in done.accepted] == [value for _, value in INSIDE.get(source, []) if inside]
        assert done.reasons == [["type:v"]] * (done.result.counts.received - len(inside))
        assert len(done.reasons) >= 2


def test_a_query_without_contract_names_the_column(lab: Lab) -> None:
    """What no table may hold fails the model, with the column's name."""
    for value in (
        "DATE '1970-01-01' - 800000",
        "DATE 'infinity'",
        "TIMESTAMP '12000-01-01'",
        "TIMESTAMPTZ '12000-01-01 00:00:00+00'",
    ):
        scan = QueryScan(f"SELECT 1 AS id, {value} AS due", {})
        with pytest.raises(ProjectError, match=r"column due holds .* outside of the years 1 to 9999"):
            lab.split(None, Part("q", scan), system_columns=False)


@pytest.mark.parametrize(("array", "kind"), [
    (pa.array([1, -800000], pa.int32()).cast(pa.date32()), "date"),
    (pa.array([1, 2**62], pa.int64()).cast(pa.timestamp("us", "UTC")), "timestamp"),
    (pa.array([1, 2**62], pa.int64()).cast(pa.timestamp("us")), "timestamp_ntz"),
])  # fmt: skip
def test_figures_that_python_cannot_say_are_left_out(tmp_path: Any, array: pa.Array, kind: str) -> None:
    """A file of whatever values gets its statistics without the bounds that cannot be told."""
    pq.write_table(pa.table({"v": array, "id": [1, 2]}), tmp_path / "a.parquet")
    found = footer_stats(pq.read_metadata(tmp_path / "a.parquet"), {"v": kind, "id": "long"})
    assert found["v"] == ColumnStats(None, None, 0)
    assert json.loads(render_stats(2, found, {"v": kind, "id": "long"}))["minValues"] == {"id": 1}


ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.decimals(), st.text(), st.binary(), st.dates(), st.datetimes(),
    st.datetimes(timezones=st.timezones()), st.times(), st.just("\ud800"), st.just(datetime.max.replace(tzinfo=UTC)), st.lists(st.none()),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    ANYTHING,
    ANYTHING,
    st.sampled_from(["long", "decimal(38,2)", "double", "string", "date", "timestamp", "boolean", "binary"]),
)
@example("\ud800", "\ud800", "string")
def test_statistics_never_fail(low: object, high: object, kind: str) -> None:
    """Whatever a bound is, the rest of the file's figures are written."""
    text = render_stats(3, {"v": ColumnStats(low, high, 1)}, {"v": kind})
    assert json.loads(text.encode())["nullCount"] == {"v": 1}
