"""`entrepot test --update`: what came becomes what is expected, and the rest of the file stays as it is written."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from entrepot.app.model_tests.runs import Finished
from entrepot.app.model_tests.workbench import RejectedRow
from entrepot.app.model_tests.written import open_yaml, replace_file, rows_to_yaml, to_yaml
from entrepot.kernel.errors import ProjectError


def update_expected(failed: Sequence[Finished], zone: str) -> None:
    """Rewrite the expectations of failed tests.

    Raises: ProjectError for an empty text in a CSV file, where it would be null; nothing is written of that test's file then.
    """
    by_file: defaultdict[Path, list[Finished]] = defaultdict(list)
    for each in failed:
        by_file[each.test.place.path].append(each)
    for path, some in by_file.items():
        yaml = open_yaml()
        document = yaml.load(path.read_text(encoding="utf-8-sig"))
        for each in some:
            _update(document["tests"][each.test.at[1]]["expect"], each, zone)
        text = io.StringIO()
        yaml.dump(document, text)
        replace_file(path, text.getvalue())


def _update(expect: Any, each: Finished, zone: str) -> None:
    if each.rows is not None and not each.rows.equal:
        _update_rows(expect, each, zone)
    if each.rejects is not None and not each.rejects.equal:
        assert each.outcome is not None
        expect["rejected"] = [_reject(came) for came in each.outcome.rejected]


def _update_rows(expect: Any, each: Finished, zone: str) -> None:
    assert each.rows is not None and each.outcome is not None
    columns = list(each.rows.columns or each.outcome.schema.names)
    if each.test.expect.rows_file is None:
        expect["rows"] = rows_to_yaml(each.outcome.rows, columns, zone)
        return
    path = each.test.place.path.parent / each.test.expect.rows_file
    found = io.StringIO()
    writer = csv.writer(found, lineterminator="\n")
    writer.writerow(columns)
    for row in each.outcome.rows:
        if any(row[name] == "" for name in columns):
            raise ProjectError(
                f"{path.name} cannot hold what came: an empty text would be read as null.",
                place=each.test.expect.place,
                hint="Write the expected rows into the test itself.",
            )
        writer.writerow("" if row[name] is None else _csv_text(row[name], zone) for name in columns)
    replace_file(path, found.getvalue())


def _csv_text(value: Any, zone: str) -> str:
    import json

    written = to_yaml(value, zone)
    if isinstance(written, bool):
        return "true" if written else "false"
    return json.dumps(written, ensure_ascii=False) if isinstance(written, dict | list) else str(written)


def _reject(came: RejectedRow) -> dict[str, Any]:
    return {"rule": came.rules[0] if len(came.rules) == 1 else list(came.rules)}
