"""The standard's date letters against real strptime, Python's and the engine's."""

from __future__ import annotations

from datetime import datetime

import pytest

from entrepot.contracts.odcs.date_formats import read_format

MOMENT = datetime.fromisoformat("2026-03-04 17:06:07")

FORMATS = [
    ("yyyy-MM-dd", "%Y-%m-%d", "2026-03-04"),
    ("dd.MM.yyyy", "%d.%m.%Y", "04.03.2026"),
    ("d.M.yyyy", "%d.%m.%Y", "4.3.2026"),
    ("M/d/yyyy H:mm", "%m/%d/%Y %H:%M", "3/4/2026 17:06"),
    ("yyyyMMddHHmmss", "%Y%m%d%H%M%S", "20260304170607"),
    ("yyyy-MM-dd'T'HH:mm:ss", "%Y-%m-%dT%H:%M:%S", "2026-03-04T17:06:07"),
    ("dd MMM yyyy hh:mm a", "%d %b %Y %I:%M %p", "04 Mar 2026 05:06 PM"),
    ("EEEE d MMMM uuuu", "%A %d %B %Y", "Wednesday 4 March 2026"),
    ("HH:mm:ss.SSS dd/MM/yyyy", "%H:%M:%S.%f %d/%m/%Y", "17:06:07.123 04/03/2026"),
    ("yyyy-MM-dd HH 'o''clock' 100%", "%Y-%m-%d %H o'clock 100%%", "2026-03-04 17 o'clock 100%"),
]


@pytest.mark.parametrize(("letters", "codes", "text"), FORMATS)
def test_format(letters: str, codes: str, text: str) -> None:
    """The letters become codes that Python and DuckDB read alike, field by field."""
    duckdb = pytest.importorskip("duckdb")
    assert read_format(letters).codes == codes
    python = datetime.strptime(text, codes)
    assert duckdb.execute("SELECT strptime(?, ?)", [text, codes]).fetchone() == (python,)
    for field in read_format(letters).fields & {"year", "month", "day", "hour", "minute", "second"}:
        assert getattr(python, field) == getattr(MOMENT, field)


def test_offset() -> None:
    """Z and xxx read an offset."""
    codes = read_format("yyyy-MM-dd HH:mm:ssxxx").codes
    assert datetime.strptime("2026-03-04 17:06:07+01:00", codes).utcoffset() is not None


REFUSED = [
    ("dd.MM.yy", "century"),
    ("DD.MM.YYYY", "D is the day of the year"),
    ("YYYY-MM-dd", "the calendar year is yyyy"),
    ("yyyy-mm-dd", "mm are minutes"),
    ("yyyy-MM", "the day is missing"),
    ("yyyyMd", "side by side"),
    ("yyyy-MM-dd hh:mm", "belong together"),
    ("yyyy-MM-dd HH:mm a", "belong together"),
    ("yyyy-MM-dd HH:ss", "hour and second only"),
    ("yyyy-MM-dd mm", "minute only"),
    ("yyyy-MM-dd dd", "a second time"),
    ("yyyy-MM-dd[ HH:mm]", "optional parts"),
    ("yyyy-MM-dd 'x", "open quotes"),
    ("yyyy-MM-dd HH:mm:ssX", "X writes Z for zero"),
    ("%d.%m.%Y", "is not understood"),
    ("yyyy-QQ-dd", "QQ is not understood"),
    ("", "the year and month and day is missing"),
]


@pytest.mark.parametrize(("letters", "reason"), REFUSED)
def test_refused_format(letters: str, reason: str) -> None:
    """What strptime would read otherwise, or not at all, is refused with the reason."""
    with pytest.raises(ValueError, match=reason):
        read_format(letters)
