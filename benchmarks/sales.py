"""The data: sales of a retailer, ten columns, made by DuckDB from a seed; about one row in a thousand breaks one of eight rules.

Comes in: a number of rows. Goes out: a CSV or Parquet file and beside it a manifest, with what a right result has.
Nothing is random: each value follows from the row's number, on any number of threads.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.case import Facts

EDITION = 2
"""Raise it when the data change: files of an earlier edition are not used again."""
SEED = 20_261_132
"""One with which even the first thousand rows have some dirt."""
DIRTY_IN = 8000
"""One row in so many has a given kind of dirt; there are eight kinds."""

COLUMNS = {
    "sale_id": "BIGINT",
    "store": "VARCHAR",
    "sku": "VARCHAR",
    "sold_on": "DATE",
    "sold_at": "TIMESTAMP",
    "quantity": "INTEGER",
    "price": "DECIMAL(10,2)",
    "amount": "DECIMAL(12,2)",
    "channel": "VARCHAR",
    "note": "VARCHAR",
}
"""Column → type in DuckDB: what the floor reads the CSV with."""

PROPERTIES = """\
      - {name: sale_id, logicalType: integer, logicalTypeOptions: {format: i64}, required: true KEY}
      - {name: store, logicalType: string, required: true}
      - {name: sku, logicalType: string, logicalTypeOptions: {pattern: "SKU-[0-9]{6}"}}
      - {name: sold_on, logicalType: date}
      - {name: sold_at, logicalType: timestamp}
      - {name: quantity, logicalType: integer, logicalTypeOptions: {minimum: 1, maximum: 100}}
      - {name: price, logicalType: number, physicalType: "decimal(10,2)", logicalTypeOptions: {minimum: 0}}
      - {name: amount, logicalType: number, physicalType: "decimal(12,2)", logicalTypeOptions: {maximum: 100000}}
      - {name: channel, logicalType: string, enum: [{value: shop}, {value: web}, {value: app}, {value: phone}]}
      - {name: note, logicalType: string, logicalTypeOptions: {maxLength: 60}}
"""


@dataclass(frozen=True, slots=True)
class Sales:
    """One file of sales: which rows, in which format, with dirt or without.

    first, last: numbers of the rows; step: every so many. price_seed: other prices for the same rows.
    """

    name: str
    first: int
    last: int
    step: int = 1
    dirt: bool = True
    price_seed: int = 0

    def path(self, data: Path, suffix: str) -> Path:
        """Where the file lies."""
        return data / f"{self.name}-{self.last}-e{EDITION}.{suffix}"

    def select(self) -> str:
        """SQL: the rows. Each kind of dirt breaks one rule, and none of them a type, so that the floor reads the same file."""
        dirt = f"hash(i, {SEED}) % {DIRTY_IN}" if self.dirt else f"{DIRTY_IN}"
        return f"""
SELECT CASE dirt WHEN 0 THEN NULL ELSE i END AS sale_id,
       CASE dirt WHEN 1 THEN NULL ELSE 'S' || lpad((h % 400)::VARCHAR, 3, '0') END AS store,
       CASE dirt WHEN 2 THEN 'sku ' || h % 100 ELSE 'SKU-' || lpad((h // 400 % 20000)::VARCHAR, 6, '0') END AS sku,
       (sold_at)::DATE AS sold_on, sold_at,
       (CASE dirt WHEN 3 THEN 0 ELSE quantity END)::INTEGER AS quantity,
       (CASE dirt WHEN 4 THEN -1 ELSE cents END / 100)::DECIMAL(10,2) AS price,
       (CASE dirt WHEN 5 THEN 10000100 ELSE quantity * cents END / 100)::DECIMAL(12,2) AS amount,
       CASE dirt WHEN 6 THEN 'fax' ELSE ['shop', 'web', 'app', 'phone'][(1 + h // 7 % 4)::BIGINT] END AS channel,
       CASE WHEN dirt = 7 THEN repeat('too long ', 9)
            WHEN h // 11 % 50 = 0 THEN 'paid by card, wrapped as a gift'
            WHEN h // 11 % 5 = 0 THEN NULL
            ELSE 'receipt ' || h // 13 % 1000000 || ' at till ' || h // 17 % 40 || ' by clerk ' || h // 19 % 900 END AS note,
       dirt < 8 AS dirty
FROM (SELECT i, {dirt} AS dirt, hash(i, {SEED + 1}) // 8 AS h, (1 + hash(i, {SEED + 2}) % 9)::INTEGER AS quantity,
             (50 + hash(i, {SEED + 3 + self.price_seed}) % 9950)::INTEGER AS cents,
             TIMESTAMP '2026-01-01' + to_seconds((hash(i, {SEED + 4}) % 25920000)::BIGINT) AS sold_at
      FROM range({self.first}, {self.last} + 1, {self.step}) AS t(i))"""

    def make(self, data: Path, suffix: str) -> Path:
        """Write file and manifest, unless they are there."""
        path = self.path(data, suffix)
        if path.with_suffix(".json").exists() and path.exists():
            return path
        import duckdb

        data.mkdir(parents=True, exist_ok=True)
        forms = {"csv": "FORMAT csv, HEADER", "ndjson": "FORMAT json"}
        form = forms.get(suffix, "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1")
        aside = path.with_suffix(".tmp")
        with duckdb.connect() as connection:
            # exclude: the mark of a dirty row is for the manifest only
            connection.execute(f"COPY (SELECT * EXCLUDE (dirty) FROM ({self.select()})) TO '{aside}' ({form})")
            sums = "count(*) AS rows, sum(amount * 100)::BIGINT AS cents"
            found = connection.execute(
                f"SELECT {sums}, count(*) FILTER (NOT dirty), (sum(amount * 100) FILTER (NOT dirty))::BIGINT FROM ({self.select()})"
            ).fetchone()
        assert found is not None
        aside.replace(path)
        manifest = dict(zip(("rows", "cents", "good_rows", "good_cents"), found, strict=True))
        path.with_suffix(".json").write_text(json.dumps(manifest))
        return path

    def manifest(self, data: Path, suffix: str) -> Mapping[str, Any]:
        """What `make` wrote down."""
        found: dict[str, Any] = json.loads(self.path(data, suffix).with_suffix(".json").read_text())
        return found

    def all_rows(self, data: Path, suffix: str) -> Facts:
        """A result that judges nothing."""
        found = self.manifest(data, suffix)
        return Facts(found["rows"], found["cents"])

    def checked_rows(self, data: Path, suffix: str) -> Facts:
        """A result under the contract."""
        found = self.manifest(data, suffix)
        return Facts(found["good_rows"], found["good_cents"], found["rows"] - found["good_rows"])


def contract(*, dataset: str = "sales", key: bool = False) -> str:
    """The contract of the data: eight row rules, and the key where it is asked for."""
    properties = PROPERTIES.replace(" KEY", ", primaryKey: true" if key else "")
    return (
        f"apiVersion: v3.2.0\nkind: DataContract\nid: {dataset}\nversion: 1.0.0\nstatus: active\nschema:\n"
        f"  - name: {dataset}\n    physicalName: bronze.{dataset}\n    properties:\n{properties}"
    )


def typed_csv(path: Path | str) -> str:
    """SQL of the floor: the CSV with its types told."""
    types = ", ".join(f"'{name}': '{kind}'" for name, kind in COLUMNS.items())
    return f"SELECT * FROM read_csv('{path}', header = true, columns = {{{types}}})"


def typed_ndjson(path: Path | str) -> str:
    """SQL of the floor: the file of JSON lines with its types told."""
    types = ", ".join(f"'{name}': '{kind}'" for name, kind in COLUMNS.items())
    return f"SELECT * FROM read_json('{path}', format = 'newline_delimited', columns = {{{types}}})"
