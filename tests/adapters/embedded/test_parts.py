"""Parts of a batch: any cut of the rows gives the same rows, numbers and counts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from entrepot.adapters.embedded.headers import match_headers
from entrepot.contracts.model import Column, Contract, table_schema
from entrepot.contracts.row_rules import Matches, Range, Severity, Unique
from entrepot.contracts.types import ColumnType, Kind
from entrepot.kernel.errors import DataError
from entrepot.kernel.names import Dataset
from entrepot.kernel.rows import record_id
from entrepot.ports.engine import REJECT_SCHEMA, Counts
from entrepot.ports.relations import FAULT_TYPE, FAULTS, RECORD, ParquetScan, Part, Stream
from tests.adapters.embedded.landing import DATE, INTEGER, MONEY, STRING, Lab, contract, stream

UNDER = contract(
    Range(id="positive", column="amount", at_least=0),
    Matches(id="code", column="code", pattern="[a-z]*", severity=Severity.WARNING),
    Unique(id="key", columns=("id",), is_key=True),
    id=Column("id", INTEGER, required=True), amount=MONEY, day=DATE, code=STRING,
)  # fmt: skip
VALUES: dict[str, list[str | None]] = {
    "id": ["1", "2", "x", "2", None, "6"],
    "amount": ["1.5", "-1", "2", "3", "4", "5.0"],
    "day": ["2021-01-01", "", "2021-01-03", "2021-13-01", None, "2021-01-06"],
    "code": ["a", "B", "c", None, "e", "F1"],
}


def test_system_columns_are_those_of_the_plan(lab: Lab) -> None:
    """Each row carries its id, batch, flow, place and record number, and the time of the plan."""
    done = lab.split(UNDER, VALUES)
    assert done.result.accepted.schema == table_schema(UNDER)
    assert done.result.rejected.schema == REJECT_SCHEMA
    received = datetime(2026, 1, 1, tzinfo=UTC)
    first, last = done.accepted
    assert first == {
        "id": 1, "amount": done.column("amount")[0], "day": done.column("day")[0], "code": "a",
        "_record_id": record_id(5, 1), "_batch": 5, "_source": "erp", "_origin": "a.csv#1", "_received_at": received,
        "_corrects": None, "_warnings": None,
    }  # fmt: skip
    assert (last["_record_id"], last["_origin"], last["_warnings"]) == (record_id(5, 6), "a.csv#6", ["code"])
    assert [row["_record_id"] for row in done.rejected] == [record_id(5, n) for n in (2, 3, 4, 5)]
    assert done.rejected[0] | {"row": "", "reasons": []} == {
        "_record_id": record_id(5, 2), "_batch": 5, "_source": "erp", "_origin": "a.csv#2", "_received_at": received,
        "_corrects": None, "row": "", "reasons": [],
    }  # fmt: skip


def test_splitting_twice_gives_equal_rows(lab: Lab) -> None:
    """The same task gives the same rows with the same ids, and nothing of the first time is left."""
    (lab.folder / "staged").mkdir()
    (lab.folder / "staged" / "accepted-99.parquet").write_text("left over")
    once = lab.split(UNDER, VALUES)
    again = lab.split(UNDER, VALUES)
    assert (once.accepted, once.rejected, once.result.counts) == (again.accepted, again.rejected, again.result.counts)
    assert sorted(p.name for p in (lab.folder / "staged").iterdir()) == ["accepted-0.parquet", "rejected-0.parquet"]


def test_files_and_streams_are_equal(lab: Lab) -> None:
    """Rows of a Parquet file that the engine reads itself give the same tables as a stream of them."""
    streamed = lab.split(UNDER, Part("a", stream(VALUES)), Part("b", stream(VALUES)))
    scanned = lab.split(UNDER, Part("a", lab.parquet("a.parquet", VALUES)), Part("b", lab.parquet("b.parquet", VALUES)))
    mixed = lab.split(UNDER, Part("a", lab.parquet("a.parquet", VALUES)), Part("b", stream(VALUES)))
    for other in (scanned, mixed):
        assert other.accepted == streamed.accepted
        assert other.rejected == streamed.rejected
        assert other.result.counts == streamed.result.counts
        assert other.result.places == streamed.result.places
        assert other.result.reasons == streamed.result.reasons


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["1", "2", "3", "x", "", None, "4.0"]),
        st.sampled_from(["1", "-1", "1.005", None]),
        st.sampled_from(["2021-01-01", "2021-02-30", None]),
        st.sampled_from(["a", "B", None]),
    ),
    max_size=12,
)


# without shrinking: each try is a whole landing, and the input is small
@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
@given(rows=ROWS, cuts=st.lists(st.integers(0, 12), max_size=3), scan=st.booleans())
def test_any_cut_into_parts_gives_the_same_rows(
    lab: Lab, rows: list[tuple[str | None, ...]], cuts: list[int], scan: bool
) -> None:
    """Cutting the rows into parts anyhow changes nothing but places."""
    whole = lab.split(UNDER, Part("whole", stream(_columns(rows))))
    ends = [*sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    pieces = [rows[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    parts = [
        Part(f"p{n}", lab.parquet(f"p{n}.parquet", _columns(piece)) if scan else stream(_columns(piece), batch_rows=2))
        for n, piece in enumerate(pieces)
    ]
    cut = lab.split(UNDER, *parts)
    assert _placeless(cut.accepted) == _placeless(whole.accepted)
    assert _placeless(cut.rejected) == _placeless(whole.rejected)
    assert cut.result.counts == whole.result.counts
    assert cut.result.reasons == whole.result.reasons
    assert {place: count.received for place, count in cut.result.places.items()} == {
        f"p{n}": len(p) for n, p in enumerate(pieces)
    }


def _columns(rows: list[tuple[str | None, ...]]) -> dict[str, list[str | None]]:
    return {name: [row[n] for row in rows] for n, name in enumerate(("id", "amount", "day", "code"))}


def _placeless(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    return [row | {"_origin": None} for row in rows]


def test_many_small_parts_become_few_files(lab: Lab) -> None:
    """Hundreds of parts of one shape are staged together, though some lack an optional column or order them otherwise."""
    parts = [
        Part(f"{n}.csv", stream({"id": [str(n)], "code": ["a"]} if n % 2 else {"amount": ["1"], "id": [str(n)]}))
        for n in range(300)
    ]
    done = lab.split(UNDER, *parts)
    assert done.column("id") == list(range(300))
    assert done.column("_origin") == [f"{n}.csv#1" for n in range(300)]
    assert len(done.result.accepted.files) == 1
    assert done.result.places["7.csv"] == Counts(1, 1, 0)


def test_parts_of_other_types_are_judged_apart(lab: Lab) -> None:
    """Parts whose columns have other types follow each other in number."""
    done = lab.split(
        UNDER,
        Part("a", stream({"id": pa.array([1, 2])})),
        Part("b", stream({"id": ["3", "x"]})),
        Part("c", stream({"id": pa.array([4.0])})),
    )
    assert done.column("_record_id") == [record_id(5, n) for n in (1, 2, 3, 5)]
    assert done.column("id") == [1, 2, 3, 4]


def test_record_numbers_come_from_the_reader(lab: Lab) -> None:
    """`_record` is the number in `_origin`; the row number runs on."""
    done = lab.split(
        UNDER, Part("s", stream({"id": ["1", "2"], RECORD: pa.array([12, 40])})), Part("t", stream({"id": ["3"]}))
    )
    assert done.column("_origin") == ["s#12", "s#40", "t#1"]
    assert done.column("_record_id") == [record_id(5, n) for n in (1, 2, 3)]


def test_corrections_name_what_they_correct(lab: Lab) -> None:
    """`_corrects` of a stream goes into accepted and rejected rows."""
    done = lab.split(UNDER, Part("fix", stream({"id": ["1", "x"], "_corrects": pa.array([77, 78])})))
    assert (done.column("_corrects"), done.rejected[0]["_corrects"]) == ([77], 78)


def test_faults_of_the_reader_reject(lab: Lab) -> None:
    """A fault of the whole record or of a column of the contract rejects, with its cell; one of another column does not."""
    faults = pa.array(
        [
            [{"column": "Betrag", "at": "B2", "reason": "cell_error", "text": "#REF!"}],
            [{"column": None, "at": "line 9", "reason": "ragged_record", "text": "1;2;3;4"}],
            [{"column": "Extra", "at": "D4", "reason": "cell_error", "text": "#N/A"}],
            [],
            None,
        ],
        FAULT_TYPE,
    )
    under = contract(id=INTEGER, amount=Column("amount", MONEY, headers=("Betrag",)))
    rows = {
        "id": ["1", "2", "3", "4", "x"],
        "Betrag": [None, "2", "3", "4", "5"],
        "Extra": ["a", "b", None, "d", "e"],
        FAULTS: faults,
    }
    done = lab.split(under, Part("book.xlsx#Sheet1", stream(rows)))
    assert done.column("id") == [3, 4]
    assert [row["reasons"] for row in done.rejected] == [
        [
            {
                "rule": "cell_error",
                "column": "amount",
                "value": "#REF!",
                "expected": "a value, not an error of the sheet",
                "at": "B2",
            }
        ],
        [
            {
                "rule": "ragged_record",
                "column": None,
                "value": "1;2;3;4",
                "expected": "as many fields as there are columns",
                "at": "line 9",
            }
        ],
        [{"rule": "type:id", "column": "id", "value": "x", "expected": "integer", "at": None}],
    ]
    assert done.raw[0] == {"id": "1", "amount": "#REF!"}
    assert done.result.reasons == {"cell_error": 1, "ragged_record": 1, "type:id": 1}


@pytest.mark.parametrize("header", ["amount", "Betrag", "AMOUNT", "betrag", "be trag", "A-mount"])
def test_headers_are_found(lab: Lab, header: str) -> None:
    """A column is found by its name, its other names, and both without regard to case, blanks, _ and -."""
    under = contract(amount=Column("amount", MONEY, required=True, headers=("Betrag",)))
    assert lab.split(under, {header: ["1"], "other": ["x"]}).column("amount") == [1]


def test_the_exact_name_goes_first(lab: Lab) -> None:
    """Where a source has the name itself and something like it, the name itself is meant."""
    under = contract(amount=Column("amount", MONEY, headers=("Betrag",)))
    assert lab.split(under, {"Amount": ["1"], "Betrag": ["2"], "amount": ["3"]}).column("amount") == [3]
    assert lab.split(under, {"Amount": ["1"], "Betrag": ["2"]}).column("amount") == [2]


@pytest.mark.parametrize(
    ("columns", "text"),
    [
        ({"Amount": ["1"], "a_mount": ["1"], "id": ["1"]}, r"a.csv: column amount could be any of 'Amount', 'a_mount'"),
        ({"amount": ["1"], "other": ["1"]}, r"a.csv: the required column id is missing; found: amount, other"),
    ],
)
def test_headers_that_do_not_fit_fail_the_batch(lab: Lab, columns: dict[str, list[str]], text: str) -> None:
    """An ambiguous or missing required column is named, with what was found."""
    with pytest.raises(DataError, match=text):
        lab.split(contract(id=Column("id", INTEGER, required=True), amount=MONEY), columns)


def test_one_header_is_not_two_columns(lab: Lab) -> None:
    """A header that two columns of the contract could take is refused."""
    under = contract(a=Column("a", STRING, headers=("x",)), b=Column("b", STRING, headers=("x",)))
    with pytest.raises(DataError, match="'x' could be any of a, b"):
        lab.split(under, {"x": ["1"]})


def test_a_repeated_header_is_refused(lab: Lab) -> None:
    """Two columns of the same name cannot be told apart."""
    batch = pa.RecordBatch.from_arrays([pa.array(["1"]), pa.array(["2"])], names=["id", "id"])
    with pytest.raises(DataError, match="could be any of 'id', 'id'"):
        lab.split(contract(id=INTEGER), Stream(batch.schema, lambda: iter([batch])))


def test_nothing_gives_nothing(lab: Lab) -> None:
    """Parts without rows give no files and counts of zero."""
    empty = lab.parquet("empty.parquet", {"id": []})
    done = lab.split(UNDER, Part("e", stream({"id": []})), Part("p", empty))
    assert (done.result.counts, done.result.accepted.files, done.result.rejected.files) == (Counts(0, 0, 0), (), ())
    assert done.result.places == {"e": Counts(0, 0, 0), "p": Counts(0, 0, 0)}


class Torn(Exception):
    """What a reader raises."""


def test_an_error_of_the_reader_comes_through(lab: Lab) -> None:
    """A reader's own error ends the call, not as DuckDB's text of it; rows before it are not taken for all."""
    good = pa.RecordBatch.from_pydict({"id": ["1"] * 50_000})

    def batches() -> Iterator[pa.RecordBatch]:
        yield good
        raise Torn("in the middle")

    with pytest.raises(Torn, match="in the middle"):
        lab.split(contract(id=INTEGER), Stream(good.schema, batches))


def test_readers_run_in_one_thread(lab: Lab) -> None:
    """A reader may hold things that belong to a thread: it is driven by a single one."""
    import threading

    seen = set()

    def batches() -> Iterator[pa.RecordBatch]:
        for n in range(20):
            seen.add(threading.get_ident())
            yield pa.RecordBatch.from_pydict({"id": [str(n)] * 30_000})

    schema = pa.schema([("id", pa.string())])
    assert lab.split(contract(id=INTEGER), Stream(schema, batches)).result.counts.received == 600_000
    assert len(seen) == 1


def test_a_file_cut_off_is_named(lab: Lab) -> None:
    """A Parquet file that cannot be read fails with its place."""
    path = lab.folder / "torn.parquet"
    path.write_bytes(b"PAR1 but no more")
    with pytest.raises(DataError, match=r"torn: not readable as Parquet"):
        lab.split(contract(id=INTEGER), Part("torn", ParquetScan(path)))


def test_old_timestamps_are_refused_outside_of_utc(lab: Lab) -> None:
    """INT96 timestamps do not say what they mean."""
    path = lab.folder / "old.parquet"
    table = pa.table({"at": pa.array([datetime(2021, 1, 1)], pa.timestamp("ns"))})  # noqa: DTZ001
    pq.write_table(table, path, use_deprecated_int96_timestamps=True)
    at = ColumnType(Kind.TIMESTAMP)
    with pytest.raises(DataError, match="INT96"):
        lab.split(contract(zone="Europe/Berlin", at=at), Part("old", ParquetScan(path)))
    assert lab.split(contract(at=at), Part("old", ParquetScan(path))).result.counts.accepted == 1


def test_folders_that_look_like_partitions_add_no_columns(lab: Lab) -> None:
    """The name of a folder is no column."""
    folder = lab.folder / "id=9"
    folder.mkdir()
    scan = lab.parquet("id=9/x.parquet", {"code": ["a"]})
    assert lab.split(contract(id=INTEGER, code=STRING), Part("x", scan)).column("id") == [None]


def test_stats_are_values_of_the_columns(lab: Lab) -> None:
    """Bounds are Python values of the column's type; a text that may be shortened has none."""
    done = lab.split(
        contract(id=INTEGER, amount=MONEY, day=DATE, at=ColumnType(Kind.TIMESTAMP), code=STRING, ok=ColumnType(Kind.BOOLEAN)),
        {"id": ["3", "1", None], "amount": ["2", "1.5", None], "day": ["2021-01-02", "2021-01-01", None],
         "at": ["2021-01-01T10:00:00+02:00", "2021-01-02", None], "code": ["x" * 40, "a", None], "ok": ["yes", "no", None]},
    )  # fmt: skip
    (file,) = done.result.accepted.files
    found = {name: (s.minimum, s.maximum, s.nulls) for name, s in file.stats.items()}
    assert found["id"] == (1, 3, 1)
    assert found["amount"] == (done.column("amount")[1], done.column("amount")[0], 1)
    assert found["day"] == (done.column("day")[1], done.column("day")[0], 1)
    assert found["at"] == (datetime(2021, 1, 1, 8, tzinfo=UTC), datetime(2021, 1, 2, tzinfo=UTC), 1)
    assert found["code"] == ("a", None, 1)
    assert found["ok"] == (False, True, 1)
    assert found["_record_id"] == (record_id(5, 1), record_id(5, 3), 0)
    assert found["_corrects"] == (None, None, 3)


def test_progress_is_told(tmp_path: Path) -> None:
    """Rows are counted as they are judged."""
    from tests.adapters.embedded.landing import make_lab

    told: list[int] = []
    make_lab(tmp_path, on_progress=told.append).split(UNDER, VALUES, VALUES)
    assert sum(told) == 12


def test_slices_are_joined_without_a_seam(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream longer than one slice gives several files, and every row once."""
    monkeypatch.setattr("entrepot.adapters.embedded.feed.SLICE_ROWS", 50_000)
    count = 200_000
    table = pa.table(
        {
            "id": pa.arange(1, count + 1, 1).cast(pa.string()),
            "amount": ["-1" if n % 1000 == 0 else "1" for n in range(count)],
        }
    )
    done = lab.split(UNDER, Stream(table.schema, lambda: iter(table.to_batches(max_chunksize=7_001))))
    assert done.result.counts == Counts(count, count - 200, 200)
    assert len(done.result.accepted.files) >= 3
    assert done.column("id") == [n + 1 for n in range(count) if n % 1000]
    assert [row["_record_id"] for row in done.rejected] == [record_id(5, n + 1) for n in range(0, count, 1000)]


def test_large_files_are_read_in_windows(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files cut into windows, and windows over several files, give the same rows and numbers as streams."""
    monkeypatch.setattr("entrepot.adapters.embedded.sources.WINDOW_ROWS", 4)
    one = {name: values[:1] for name, values in VALUES.items()}
    parts: list[tuple[str, dict[str, list[str | None]]]] = [("a", VALUES), ("b", one), ("c", VALUES)]
    streamed = lab.split(UNDER, *(Part(place, stream(values)) for place, values in parts))
    scanned = lab.split(UNDER, *(Part(place, lab.parquet(f"{place}.parquet", values)) for place, values in parts))
    assert (scanned.accepted, scanned.rejected) == (streamed.accepted, streamed.rejected)
    assert scanned.result.places == streamed.result.places


def test_a_part_without_any_column_of_the_contract_is_refused() -> None:
    """Of another file, sheet or table every row would be empty: it is refused as a whole, though no column is required."""
    promised = Contract(Dataset("bronze", "t"), (Column("id", ColumnType(Kind.INTEGER)),))
    with pytest.raises(DataError, match="none of its columns is one of the contract's"):
        match_headers(promised, ["other", "another"], "book.xlsx#Sheet1")
