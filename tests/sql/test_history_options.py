"""What a head may say about a history, and how it fits the SELECT."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from entrepot.adapters.embedded.engine import DuckEngine
from entrepot.kernel.documents import parse_document
from entrepot.kernel.errors import ProjectError
from entrepot.ports.relations import QueryScan, TableVersion
from entrepot.sql.history import History, check_history_types, compile_history, fit_history, read_history
from entrepot.sql.query import parse_query

HEAD = """\
kind: history
history:
  key: [material_key]
  valid_from: changed_at
  deleted: is_deleted
  ignore: loaded_at
"""
OPTIONS = History(("material_key",), valid_from="changed_at", deleted="is_deleted", ignore=("loaded_at",))
MATERIALS = ["material_key", "changed_at", "is_deleted", "brand", "loaded_at"]


def read(text: str) -> History | None:
    return read_history(parse_document(text, Path("models/silver/materials.sql"), first_line=2))


def test_a_head_is_read() -> None:
    """Names may stand alone or in lists; what is not said is empty; a head without history has none."""
    assert read(HEAD) == OPTIONS
    assert read("kind: full\n") is None
    assert read("history: {key: [a, b], snapshot: day, order: [n]}") == History(
        ("a", "b"), snapshot="day", order=("n",)
    )


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("history: materials", 2, "history is a mapping"),
        ("history:\n  key: [a]\n  valid_form: b", 4, "Did you mean valid_from"),
        ("history:\n  valid_from: b", 2, "tell entities apart"),
        ("history:\n  key: []\n  valid_from: b", 3, "tell entities apart"),
        ("history:\n  key: [a]", 2, "either valid_from or snapshot"),
        ("history:\n  key: [a]\n  valid_from: b\n  snapshot: c", 4, "either valid_from or snapshot"),
        ("history:\n  key: [a]\n  valid_from: A", 4, "cannot be both key and valid_from"),
        ("history:\n  key: [a]\n  snapshot: b\n  deleted: b", 5, "cannot be both snapshot and deleted"),
        ("history:\n  key: [a, A]\n  snapshot: b", 3, "key names a column twice"),
        ("history:\n  key: [a]\n  snapshot: b\n  order: [n, b]", 5, "cannot be both snapshot and order"),
        ("history:\n  key: [a]\n  snapshot: b\n  ignore: [a]", 5, "cannot be both key and ignore"),
        ("history:\n  key: [a]\n  snapshot: [b]", 4, "one column's name"),
        ("history:\n  key: {a: b}\n  snapshot: b", 3, "a list of columns"),
    ],
)
def test_a_wrong_head_is_refused_with_its_line(text: str, line: int, said: str) -> None:
    """What is wrong stands with its line in the model's file."""
    with pytest.raises(ProjectError, match=said) as caught:
        read(text)
    assert caught.value.place is not None
    assert caught.value.place.line == line


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (["material_kez", *MATERIALS[1:]], "names material_key, which the SELECT does not give.*Did you mean material_kez"),
        ([*MATERIALS, "Brand"], "gives Brand twice"),
        ([*MATERIALS, "valid_to"], "gives valid_to, a column that the history adds"),
        ([*MATERIALS, "valid_from"], "gives valid_from, a column that the history adds"),
        ([*MATERIALS, "__history_day"], "names that begin with __history_"),
    ],
)  # fmt: skip
def test_columns_that_do_not_fit_are_refused(columns: list[str], said: str) -> None:
    """The message names the column, and the nearest one where a name is wrong."""
    with pytest.raises(ProjectError, match=said):
        compile_history("SELECT 1", OPTIONS, columns)


def test_names_are_found_without_regard_to_case() -> None:
    """A SELECT's own spelling is what comes out; its time column may be named valid_from itself."""
    fitted = fit_history(History(("KEY",), valid_from="valid_from"), ["Key", "Valid_From", "a"])
    assert (fitted.key, fitted.time, fitted.shown) == (("Key",), "Valid_From", ("Key", "a"))


def test_record_ids_order_rows_of_one_instant() -> None:
    """With `_record_id` among the columns the record that came last holds; system columns are not put out."""
    rows = "SELECT * FROM (VALUES (1, DATE '2026-01-01', 'a', 7, 'f#1'), (1, DATE '2026-01-01', 'b', 8, 'f#2')) t(k, d, s, _record_id, _origin)"
    sql = compile_history(rows, History(("k",), valid_from="d"), ["k", "d", "s", "_record_id", "_origin"])
    found = duckdb.execute(sql)
    assert [name for name, *_ in found.description] == ["k", "s", "valid_from", "valid_to", "is_current"]
    assert found.fetchall() == [(1, "b", date(2026, 1, 1), None, True)]


@pytest.mark.parametrize(
    ("time", "deleted", "said"),
    [
        (pa.string(), pa.bool_(), "changed_at, of type string; allowed are date and timestamp"),
        (pa.int64(), pa.bool_(), "changed_at, of type int64"),
        (pa.timestamp("us", "UTC"), pa.string(), "is_deleted, of type string; allowed is boolean"),
    ],
)
def test_types_that_would_be_misread_are_refused(time: pa.DataType, deleted: pa.DataType, said: str) -> None:
    """Texts are no instants, and no truth values."""
    types = [pa.int64(), time, deleted, pa.string(), pa.string()]
    schema = pa.schema(list(zip(MATERIALS, types, strict=True)))
    with pytest.raises(ProjectError, match=said):
        check_history_types(OPTIONS, schema)
    check_history_types(OPTIONS, schema.set(1, pa.field("changed_at", pa.date32())).set(2, pa.field("is_deleted", pa.bool_())))  # fmt: skip


def test_odd_names_and_nested_values_are_compared() -> None:
    """Names with quotes and spaces, lists, structs and maps work, also where they break ties."""
    rows = """
        SELECT * FROM (VALUES
            (1, DATE '2026-01-01', [1, NULL], {'x': NULL, 'y': 1}, MAP {'a': 1}),
            (1, DATE '2026-01-02', [1, NULL], {'x': NULL, 'y': 1}, MAP {'a': 2}),
            (1, DATE '2026-01-02', [1, NULL], {'x': NULL, 'y': 1}, MAP {'a': 1}),
            (1, DATE '2026-01-03', [1, 2], {'x': NULL, 'y': 1}, MAP {'a': 1})
        ) t("my ""key", d, l, s, m)"""
    sql = compile_history(rows, History(('my "key',), valid_from="d", ignore=("m",)), ['my "key', "d", "l", "s", "m"])
    found = [(row[4], row[5]) for row in duckdb.execute(sql).fetchall()]
    assert sorted(found, key=repr) == [(date(2026, 1, 1), date(2026, 1, 3)), (date(2026, 1, 3), None)]


def test_an_entity_without_other_columns_has_a_history() -> None:
    """The key alone says that something is there."""
    rows = "SELECT * FROM (VALUES (1, DATE '2026-01-01', false), (1, DATE '2026-01-02', true), (1, DATE '2026-01-03', false)) t(k, d, x)"
    sql = compile_history(rows, History(("k",), valid_from="d", deleted="x"), ["k", "d", "x"])
    found = duckdb.execute(f"{sql} ORDER BY valid_from").fetchall()
    assert found == [(1, date(2026, 1, 1), date(2026, 1, 2), False), (1, date(2026, 1, 3), None, True)]


def test_contradicting_rows_end_the_query_with_what_to_do(tmp_path: Path) -> None:
    """The engine's error names the columns and the option that helps, and no value."""
    query = parse_query("SELECT * FROM silver.log")
    sql = compile_history(query, History(("k",), valid_from="d"), ["k", "d", "s"])
    log = "(SELECT * FROM (VALUES (4711, DATE '2026-01-01', 'red'), (4711, DATE '2026-01-01', 'blue')) t(k, d, s))"
    engine = DuckEngine(lambda *_: log, threads=1, temp=tmp_path, zone="UTC")
    scan = QueryScan(sql, tables={"silver.log": TableVersion("silver.log", 0)})
    with pytest.raises(
        ProjectError, match=r"different states from one d on: name the columns .* history\.order"
    ) as caught:
        engine.query(scan).batches().read_all()
    assert not any(value in str(caught.value) for value in ("4711", "red", "blue"))


def test_the_as_of_join_finds_exactly_one_version() -> None:
    """A fact finds the version of its day: on the first day the new one, on the day before the old one, in a gap none."""
    log = """
        SELECT * FROM (VALUES (1, DATE '2026-01-01', 'red', false), (1, DATE '2026-02-01', 'blue', false),
            (1, DATE '2026-03-01', 'blue', true), (1, DATE '2026-04-01', 'green', false)) t(k, d, colour, gone)"""
    versions = compile_history(log, History(("k",), valid_from="d", deleted="gone"), ["k", "d", "colour", "gone"])
    facts = "SELECT unnest([DATE '2025-12-31', '2026-01-01', '2026-01-31', '2026-02-01', '2026-03-01', '2026-05-01']) AS day, 1 AS k"
    found = duckdb.execute(
        f"SELECT f.day, v.colour FROM ({facts}) f LEFT JOIN ({versions}) v"
        " ON f.k = v.k AND f.day >= v.valid_from AND (f.day < v.valid_to OR v.valid_to IS NULL) ORDER BY f.day"
    ).fetchall()
    assert [colour for _, colour in found] == [None, "red", "red", "blue", None, "green"]


def test_the_examples_of_the_page_are_right(repository: Path) -> None:
    """The heads and SELECTs of the how-to fit each other."""
    page = (repository / "docs" / "how-to" / "history.md").read_text(encoding="utf-8")
    heads = re.findall(r"```sql\n/\* ---\n(.*?)--- \*/\n(.*?)```", page, flags=re.DOTALL)
    assert len(heads) == 2
    for head, select in heads:
        options = read(head)
        query = parse_query(select)
        assert options is not None
        assert (
            parse_query(compile_history(query, options, query.tree.named_selects)).tree.named_selects[-1]
            == "is_current"
        )
