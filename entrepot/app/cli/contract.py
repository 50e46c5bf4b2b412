"""`entrepot contract …`: contract files, judged and compared."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Contracts: what is promised of a dataset, and judged for each row.", no_args_is_help=True)

ProjectOption = Annotated[Path, typer.Option("--project", "-p", help="A folder of the project (default: here).")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


@app.command("lint", epilog="Example: entrepot contract lint contracts/sales.odcs.yaml")
def lint(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Files or folders; default: all contracts of the project.")
    ] = None,
    github: Annotated[bool, typer.Option("--github", help="Print annotations for GitHub Actions.")] = False,
    project: ProjectOption = Path(),
    json: JsonOption = False,
) -> None:
    """Judge contract files by the standard (ODCS 3) and by what a dataset needs; exit code 2 when one is refused."""
    from entrepot.app.cli.contract_lint import lint_files

    lint_files(paths or [], project, as_json=json, as_github=github)


@app.command("diff", epilog="Example: entrepot contract diff git:main contracts/sales.odcs.yaml")
def diff(
    old: Annotated[str, typer.Argument(help="A file, git:REV (the new file as of then), or REV:path.")],
    new: Annotated[Path, typer.Argument(help="The new contract.")],
    breaking_only: Annotated[
        bool, typer.Option("--breaking-only", help="Leave out what nobody can stumble over.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Say what changed between two contracts, and who stumbles over it; exit code 1 when somebody may."""
    from entrepot.app.cli.contract_diff import diff_files

    diff_files(old, new, breaking_only=breaking_only, as_json=json)


@app.command("infer", epilog="Example: entrepot contract infer inbox/sales.csv -o contracts/sales.odcs.yaml")
def infer(
    subject: Annotated[
        str, typer.Argument(help="A file, or a table of the lake such as bronze.sales.", metavar="FILE|TABLE")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the draft here (default: print it).")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="Name of the dataset; default: bronze and the file's name.")
    ] = None,
    options: Annotated[
        str | None, typer.Option(help="Options of the connector files, as YAML: 'csv: {delimiter: \";\"}'.")
    ] = None,
    rows: Annotated[int | None, typer.Option(min=1, help="Look at no more than the first so many rows.")] = None,
    project: ProjectOption = Path(),
    json: JsonOption = False,
) -> None:
    """Draft a contract from data: types, keys, lists of values, ranges, likely personal data, each with the reason."""
    from entrepot.app.cli.contract_infer import infer as infer_draft

    infer_draft(subject, project, dataset=dataset, options=options, rows=rows, output=output, as_json=json)


@app.command("docs", epilog="Example: entrepot contract docs --to public/contracts")
def docs(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Files or folders; default: all contracts of the project.")
    ] = None,
    to: Annotated[
        Path | None, typer.Option(help="The folder to write (default: site/contracts in the project).")
    ] = None,
    project: ProjectOption = Path(),
    json: JsonOption = False,
) -> None:
    """Write pages about every contract: columns, rules, keys, references, service levels; one HTML file each."""
    from entrepot.app.cli.contract_docs import write_docs

    write_docs(paths or [], project, to, as_json=json)
