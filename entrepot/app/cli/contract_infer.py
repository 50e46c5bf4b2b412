"""`entrepot contract infer`: a draft of a contract, made from a file or a table."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from entrepot.app.cli.output import print_json, say
from entrepot.kernel.errors import UsageError
from entrepot.kernel.names import Dataset, parse_dataset

if TYPE_CHECKING:
    from entrepot.contracts.infer.decide import Inferred
    from entrepot.contracts.infer.profile import TableProfile


def infer(
    subject: str,
    project: Path,
    *,
    dataset: str | None,
    options: str | None,
    rows: int | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Draft a contract from a file or from a table of the lake."""
    from entrepot.app.cli.opening import open_platform
    from entrepot.app.profiling import profile_file, profile_table, time_zone_of
    from entrepot.contracts.infer.decide import infer_contract
    from entrepot.contracts.infer.write import render_draft

    if output is not None and output.exists():
        raise UsageError(
            f"{output} is there already; a draft is never written over it.", hint="Name another file with -o."
        )
    path, zone = Path(subject), time_zone_of(project)
    if path.is_file():
        name = parse(dataset) if dataset else Dataset("bronze", _name_of(path))
        profile, source = profile_file(path, _read_options(options), rows, zone), path.name
    else:
        name = parse(dataset or subject, subject=subject)
        profile, source = profile_table(open_platform(project), subject, rows), f"the table {subject}"
    draft = infer_contract(profile, name, zone)
    if as_json:
        print_json(_to_json(draft, profile))
        return
    text = render_draft(draft, f"{source} ({profile.rows:,} rows)", project_zone=zone)
    if output is None:
        print(text, end="")
        return
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}.", hint="Name another file with -o.") from error
    say(f"{output} drafts {name} from {source}: {len(draft.contract.columns)} columns, {profile.rows:,} rows.")
    say(f"Read it and complete it, then: entrepot contract lint {output}")


def parse(text: str, *, subject: str | None = None) -> Dataset:
    """A dataset's name. Raises: UsageError; for a subject that looks like a file, that it is not there."""
    try:
        return parse_dataset(text)
    except ValueError as error:
        if subject is not None:
            raise UsageError(
                f"there is no file {subject}, and it is no table: {error}",
                hint="Name a file, or a table as bronze.sales.",
            ) from error
        raise UsageError(str(error), hint="Write it as --dataset bronze.sales.") from error


def _name_of(path: Path) -> str:
    base = re.sub(r"\W+", "_", path.name.split(".")[0]).strip("_").lower() or "data"
    return f"t_{base}" if base[0].isdigit() else base


def _read_options(text: str | None) -> dict[str, Any]:
    """Options of the connector files, as YAML on the command line."""
    from entrepot.kernel.documents import parse_document

    if text is None:
        return {}
    return dict(parse_document(text, Path("--options")).value)


def _to_json(draft: Inferred, profile: TableProfile) -> dict[str, Any]:
    contract = draft.contract
    return {
        "dataset": str(contract.dataset),
        "rows": profile.rows,
        "key": list(contract.key),
        "notes": list(draft.notes),
        "columns": [
            {
                "name": column.name,
                "header": counted.name,
                "type": str(column.type),
                "required": column.required,
                "classification": column.classification,
                "values": counted.values,
                "missing": counted.nulls + counted.blanks,
                "distinct": counted.distinct,
                "smallest": counted.smallest,
                "largest": counted.largest,
                "remarks": list(draft.remarks[column.name]),
            }
            for column, counted in zip(contract.columns, profile.columns, strict=True)
        ],
    }
