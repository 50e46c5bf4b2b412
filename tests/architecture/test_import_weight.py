"""What is loaded when."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

DRIVERS = {
    "duckdb", "deltalake", "fastexcel", "openpyxl", "sqlite3", "pyspark", "psycopg", "boto3", "azure", "pandas", "polars",
}  # fmt: skip
HEAVY = DRIVERS | {"pyarrow", "sqlglot", "jsonschema", "open_data_contract_standard", "pydantic", "structlog", "rich"}


def loaded_after(code: str) -> set[str]:
    """Top-level modules in a fresh interpreter after running `code`."""
    script = f"{code}\nimport json, sys\nprint('\\n' + json.dumps(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_the_package_loads_nothing_heavy() -> None:
    """`import entrepot` loads no driver and no other big library."""
    assert loaded_after("import entrepot") & HEAVY == set()


@pytest.mark.parametrize("library", ["duckdb", "pyarrow"])
def test_the_measure_sees_what_is_loaded(library: str) -> None:
    """The measure itself works: a library that is imported is found."""
    assert library in loaded_after(f"import entrepot, {library}")


def test_showing_help_loads_no_driver() -> None:
    """`entrepot --help` answers without any driver."""
    code = (
        "import sys\n"
        "from entrepot.app.cli import main\n"
        "sys.argv = ['entrepot', '--help']\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as end:\n"
        "    assert end.code in (0, None), end.code\n"
    )
    assert loaded_after(code) & DRIVERS == set()
