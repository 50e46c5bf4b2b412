"""Times, arrays and objects from a CSV file to models, queries, quarantine, a fix, and back."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from entrepot.adapters.sqlite.storage import encode_column

LINES = """
    - name: lines
      logicalType: array
      required: true
      items:
        logicalType: object
        properties:
        - {name: sku, logicalType: string, required: true}
        - {name: price, logicalType: number, physicalType: 'decimal(8,2)', logicalTypeOptions: {minimum: 0}}
        - {name: sold, logicalType: timestamp}
"""
OWN = "    - {name: id, logicalType: integer, primaryKey: true}\n    - {name: opens, logicalType: time, required: true}"
FILES = {
    "entrepot.yaml": "name: shop\n",
    "contracts/orders.odcs.yaml": (
        "apiVersion: v3.2.0\nkind: DataContract\nid: orders\nversion: 1.0.0\nstatus: active\nschema:\n"
        f"- name: orders\n  physicalName: bronze.orders\n  properties:\n{OWN}{LINES}"
        "    - {name: extra, logicalType: object}\n"
        f"- name: clean\n  physicalName: silver.orders\n  properties:\n{OWN}{LINES}"
    ),
    "sources/orders.yaml": (
        "connector: files\ndataset: bronze.orders\nwrite: merge\noptions:\n  path: storage/orders\n  wait: {stable_s: 0}\n"
    ),
    "models/silver/orders.sql": (
        "/* ---\nkind: merge\ndriving: bronze.orders\n--- */\nSELECT id, opens, lines FROM bronze.orders\n"
    ),
    "models/gold/sku.sql": (
        "/* ---\nkind: full\n--- */\nSELECT l.sku, sum(l.price) AS p FROM (SELECT unnest(lines) AS l FROM silver.orders) GROUP BY ALL\n"
    ),
    "models/gold/shapes.sql": (
        "/* ---\nkind: full\n--- */\nSELECT id, {t: opens::TIME, n: 1::HUGEINT, m: MAP {id: 1.5}} AS s FROM silver.orders\n"
    ),
    "storage/orders/incoming/a.csv": (
        "id,opens,lines,extra\n"
        '1,08:00,"[{""sku"":""A"",""price"":2.50,""sold"":""2026-01-01T10:00+02:00""}]","{""k"":[1.10]}"\n'
        '2,09:30:15.25,"[{""sku"":""A"",""price"":-1}]",\n'
        '3,10:00,[],{}\n'
    ),
}  # fmt: skip


def run(project: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "entrepot", *words], cwd=project, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.req("F2")
def test_nested_columns_from_file_to_query_and_back(project: Path) -> None:
    """Accepted values come out as JSON, a reject says its path, a fix takes JSON, and models see the row."""
    run(project, "run")
    ordered = "SELECT id, opens, lines, extra FROM bronze.orders ORDER BY id"
    table = run(project, "query", ordered)
    line = '[{"sku": "A", "price": 2.50, "sold": "2026-01-01 08:00:00+00:00"}]'
    assert f'1\t08:00:00\t{line}\t{{"k":[1.10]}}' in table
    first, second = csv.DictReader(io.StringIO(run(project, "query", ordered, "--csv")))
    assert (first["opens"], first["lines"], second["lines"]) == ("08:00:00", line, "[]")
    rows = json.loads(run(project, "query", ordered, "--json"))
    assert rows[0]["lines"] == [{"sku": "A", "price": "2.50", "sold": "2026-01-01T08:00:00+00:00"}]
    shapes = json.loads(run(project, "query", "SELECT s FROM gold.shapes ORDER BY id", "--json"))
    assert shapes[0] == {"s": {"t": "08:00:00", "n": "1", "m": {"1": "1.5"}}}

    (reject,) = json.loads(run(project, "rejects", "list", "--json"))
    assert reject["row"]["lines"] == '[{"sku":"A","price":-1}]'
    assert [(why["rule"], why["at"]) for why in reject["reasons"]] == [("range:lines[].price", "lines[0].price")]
    run(project, "rejects", "fix", reject["id"], 'lines=[{"sku": "A", "price": 1}]')
    run(project, "rejects", "check", reject["id"])
    run(project, "rejects", "retry")
    run(project, "run")
    assert json.loads(run(project, "query", "SELECT sku, p FROM gold.sku ORDER BY sku", "--json")) == [
        {"sku": "A", "p": "3.50"}
    ]


def test_sqlite_keeps_nested_values_as_json() -> None:
    """Lists, structs and maps are JSON text there; keys of a map are keys."""
    kind = pa.struct([("m", pa.map_(pa.string(), pa.int64())), ("l", pa.list_(pa.string()))])
    values = pa.array([{"m": [("a", 1)], "l": ["x", None]}, None], kind)
    assert encode_column(pa.field("v", kind), values) == ['{"m": {"a": 1}, "l": ["x", null]}', None]
