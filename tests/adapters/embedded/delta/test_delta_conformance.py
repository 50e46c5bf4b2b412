"""Tables that others wrote, out of delta-rs' own test data: right rows or a refusal, never wrong rows."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from deltalake import DeltaTable, QueryBuilder

from entrepot.adapters.embedded.delta import reader
from entrepot.adapters.embedded.delta.reader import delta_relation, load_delta_extension
from entrepot.adapters.embedded.delta.tables import DeltaTables
from entrepot.kernel.errors import DamageError, DataError, MissingExtra
from entrepot.ports.relations import TableVersion

pytestmark = pytest.mark.real

REFUSED = {
    "checkpoint_with_partitions": (DamageError, "data file .* is missing"),
    "checkpoints_vacuumed": (DamageError, "data file .* is missing"),
    "latest_not_checkpointed": (DamageError, "data file .* is missing"),
    "table-with-domain-metadata": (DamageError, "data file .* is missing"),
    "simple_table_features": (DataError, "reader version 5 with blahabl"),
    "spark-shredded-variant-preview-delta": (DataError, "variantType"),
    "spark-variant-stable-feature-checkpoint": (DataError, "variantType"),
}
"""Tables of which files are missing here, or which need what no reader at hand knows."""

OTHERWISE = {"checkpoint-v2-table": 44, "table_with_deletion_logs": 98, "table_with_liquid_clustering": 10,
             "table_with_partitioning_mapping": 2}  # fmt: skip
"""Rows of tables for which EXPECTED.txt has an error of one reader; both readers used here agree on them."""

TABLES = [
    "cdc_ict_table", "cdf-table", "checkpoint-cdf-table", "checkpoint-v2-table", "checkpoint_with_partitions",
    "checkpoints_vacuumed", "concurrent_workers", "delta-0.8-empty", "delta-0.8.0", "delta-0.8.0-null-partition",
    "delta-0.8.0-numeric-partition", "delta-0.8.0-partitioned", "delta-0.8.0-special-partition",
    "delta-checkpoint-stats-optional", "delta-live-table", "delta-stats-optional", "golden/data-reader-array-primitives",
    "latest_not_checkpointed", "partition-type-primitives", "python-0.25.5-checkpoint", "simple_table",
    "simple_table_features", "simple_table_with_checkpoint", "spark-shredded-variant-preview-delta",
    "spark-variant-stable-feature-checkpoint", "table-with-domain-metadata", "table_with_deletion_logs",
    "table_with_liquid_clustering", "table_with_null_stats_in_notnull_struct", "table_with_partitioning_mapping",
]  # fmt: skip


@pytest.fixture
def samples(shared_data: Path) -> Path:
    return shared_data / "conformance" / "delta-rs"


def _expected(samples: Path) -> dict[str, str]:
    lines = (samples / "EXPECTED.txt").read_text().splitlines()[1:]
    return dict(line.split(": ", 1) for line in lines)


def _pin(samples: Path, sample: str) -> tuple[DeltaTables, TableVersion]:
    folder, slash, rest = sample.partition("/")
    tables = DeltaTables(samples if slash else samples.parent)
    return tables, tables.pin(f"{folder}.{rest}" if slash else f"delta-rs.{sample}")


def _differences(connection: duckdb.DuckDBPyConnection, left: str, right: str) -> int:
    both = f"((FROM {left} EXCEPT ALL FROM {right}) UNION ALL (FROM {right} EXCEPT ALL FROM {left}))"
    found = connection.execute(f"SELECT count(*) FROM {both}").fetchone()
    assert found is not None
    return int(found[0])


def test_every_sample_has_its_expectation(samples: Path) -> None:
    """No sample is left out."""
    assert sorted(TABLES) == sorted(_expected(samples))


@pytest.mark.parametrize("sample", [name for name in TABLES if name not in REFUSED])
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland"])
def test_rows_are_as_two_other_readers_have_them(samples: Path, sample: str, zone: str) -> None:
    """Number, values and types of rows equal those of DuckDB's extension and of delta-rs, in any time zone."""
    tables, pinned = _pin(samples, sample)
    expected = re.match(r"v(\d+) rows (\d+) ", _expected(samples)[sample])
    assert expected is None or int(expected[1]) == pinned.version
    path = tables.handle(pinned.name).path
    with duckdb.connect() as ours, duckdb.connect() as theirs:
        ours.execute(f"SET TimeZone = '{zone}'")
        theirs.execute("SET TimeZone = 'UTC'")
        relation = delta_relation(ours, tables, pinned)
        types = ours.execute(f"DESCRIBE FROM {relation}").fetchall()
        theirs.register("ours", ours.execute(f"FROM {relation}").to_arrow_table())
        load_delta_extension(theirs)
        by_extension = f"(FROM delta_scan('{path}'))"
        builder = QueryBuilder().register("t", DeltaTable(str(path)))
        theirs.register("by_deltars", pa.RecordBatchReader.from_stream(builder.execute("SELECT * FROM t")).read_all())
        count = theirs.execute("SELECT count(*) FROM ours").fetchone()
        assert count == (int(expected[2]) if expected else OTHERWISE[sample],)
        assert types == theirs.execute(f"DESCRIBE FROM {by_extension}").fetchall()
        columns = ", ".join(f'"{row[0]}"' for row in types)
        others = [f"(SELECT {columns} FROM {other})" for other in (by_extension, "by_deltars")]
        assert [_differences(theirs, "ours", other) for other in others] == [0, 0]


@pytest.mark.parametrize("sample", sorted(REFUSED))
def test_what_cannot_be_read_is_refused_in_words(samples: Path, sample: str) -> None:
    """A table with missing files or unknown features is refused before a row is read."""
    kind, text = REFUSED[sample]
    tables, pinned = _pin(samples, sample)
    with duckdb.connect() as connection, pytest.raises(kind, match=text):
        delta_relation(connection, tables, pinned)


@pytest.mark.parametrize("sample", ["table_with_deletion_logs", "table_with_partitioning_mapping"])
def test_without_the_extension_deltars_reads(samples: Path, sample: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deletion vectors and column mapping come out right through delta-rs, in a relation that can be read twice."""

    def missing(connection: duckdb.DuckDBPyConnection) -> None:
        raise MissingExtra("duckdb-extension-delta", "delta")

    tables, pinned = _pin(samples, sample)
    with duckdb.connect() as connection:
        by_extension = delta_relation(connection, tables, pinned)
        monkeypatch.setattr(reader, "load_delta_extension", missing)
        by_deltars = delta_relation(connection, tables, pinned)
        assert "delta_scan" in by_extension
        assert "delta_scan" not in by_deltars
        assert _differences(connection, by_extension, by_deltars) == 0
        assert connection.execute(f"SELECT count(*) FROM {by_deltars}").fetchone() == (OTHERWISE[sample],)


def test_earlier_versions_of_foreign_tables(samples: Path) -> None:
    """Time travel gives what DuckDB's extension gives, for every version of a table with vectors that come and go."""
    tables, newest = _pin(samples, "table_with_deletion_logs")
    path = tables.handle(newest.name).path
    compared = 0
    with duckdb.connect() as connection:
        load_delta_extension(connection)
        for version in range(newest.version + 1):
            try:
                relation = delta_relation(connection, tables, TableVersion(newest.name, version))
            except DamageError:  # a data file of this version is missing
                continue
            assert _differences(connection, relation, f"(FROM delta_scan('{path}', version={version}))") == 0
            compared += 1
    assert compared > 3
