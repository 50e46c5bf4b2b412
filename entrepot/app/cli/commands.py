"""All commands on one page; each imports what it needs when it is called, so that `--help` is quick."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from entrepot.app.cli import contract, rejects

app = typer.Typer(
    name="entrepot",
    help="One folder of plain files that takes in a company's data, proves it, refines it and delivers it.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(rejects.app, name="rejects")
app.add_typer(contract.app, name="contract")
connectors = typer.Typer(help="What data can come from, and how each is set up.", no_args_is_help=True)
app.add_typer(connectors, name="connectors")

ProjectOption = Annotated[Path, typer.Option("--project", "-p", help="A folder of the project (default: here).")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def _version(value: bool) -> None:
    if value:
        from entrepot import __version__

        typer.echo(f"entrepot {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Exit codes: 0 fine · 1 data or run failed · 2 wrong usage or project · 3 something outside is missing."""


@app.command(epilog="Example: entrepot new shop --example retail")
def new(
    folder: Annotated[Path | None, typer.Argument(help="The folder to make.")] = None,
    example: Annotated[str | None, typer.Option(help="Start from an example: retail.")] = None,
    list_examples: Annotated[bool, typer.Option("--list", help="List the examples.")] = False,
) -> None:
    """Start a project: an empty one, or a copy of an example with data of its own."""
    from entrepot.app.cli.new import new_project

    new_project(folder, example, list_examples=list_examples)


@app.command(epilog="Example: entrepot check")
def check(project: ProjectOption = Path(), json: JsonOption = False) -> None:
    """Tell everything that can be known without running: errors with file and line, what was sniffed."""
    from entrepot.app.cli.check import check_project

    check_project(project, as_json=json)


@app.command(epilog="Example: entrepot plan gold.sales+")
def plan(
    selection: Annotated[
        list[str] | None,
        typer.Argument(
            help="Flows, datasets or sources, also gold.*; +x with what x needs, x+ with what needs x, x+1 one step far."
        ),
    ] = None,
    project: ProjectOption = Path(),
    json: JsonOption = False,
) -> None:
    """Say what `run` would do, and why, without doing it."""
    from entrepot.app.cli.plan import show_plan

    show_plan(project, selection or [], as_json=json)


@app.command(epilog="Example: entrepot run bronze.sales+")
def run(
    selection: Annotated[
        list[str] | None,
        typer.Argument(
            help="Flows, datasets or sources, also gold.*; +x with what x needs, x+ with what needs x, x+1 one step far."
        ),
    ] = None,
    project: ProjectOption = Path(),
    json: JsonOption = False,
    workers: Annotated[int, typer.Option(min=1, help="Flows side by side.")] = 2,
    retry: Annotated[
        list[str] | None, typer.Option(help="A blocked flow whose cause is mended: try it once more.")
    ] = None,
    again: Annotated[
        list[Path] | None, typer.Option(help="A processed file to take again, although it was taken.")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why the file is taken again; kept with the batch.")] = None,
) -> None:
    """Bring everything up to date, once, and publish a release."""
    from entrepot.app.cli.run import run_command

    run_command(
        project, selection or [], as_json=json, workers=workers, retry=retry or [], again=again or [], reason=reason
    )


@app.command(epilog="Example: entrepot status --json")
def status(
    flow: Annotated[str | None, typer.Argument(help="One flow or dataset in detail.")] = None,
    project: ProjectOption = Path(),
    json: JsonOption = False,
) -> None:
    """Show datasets, rows, rejects, freshness, open batches and releases."""
    from entrepot.app.cli.status import show_status

    show_status(project, flow, as_json=json)


@app.command(epilog="Example: entrepot quality bronze.sales --rule few")
def quality(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[accept] [DATASET]", help="A dataset; with accept before it: let a version of it pass."
        ),
    ] = None,
    rule: Annotated[str | None, typer.Option(help="Show the rows that break this rule; with accept: the rule.")] = None,
    version: Annotated[int | None, typer.Option(help="With accept: the version that may pass.")] = None,
    reason: Annotated[str | None, typer.Option(help="With accept: why; kept in the state.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows to show.")] = 100,
    project: ProjectOption = Path(),
    json: JsonOption = False,
) -> None:
    """Show how rules over whole datasets stand, the rows that break them; accept a version all the same."""
    from entrepot.app.cli.quality import quality_command

    quality_command(project, words or [], rule=rule, version=version, reason=reason, limit=limit, as_json=json)


@app.command(epilog="Example: entrepot kpis stock_availability --at 3")
def kpis(
    name: Annotated[str | None, typer.Argument(help="One KPI: its periods, and the rows that stand out.")] = None,
    at: Annotated[
        str | None, typer.Option(help="A release number, or an instant: the release that was current then.")
    ] = None,
    project: ProjectOption = Path(),
    json: JsonOption = False,
) -> None:
    """Show how each KPI stands: newest closed period, the one before, target, status."""
    from entrepot.app.cli.kpis import show_kpis

    show_kpis(project, name, at, as_json=json)


@app.command(epilog="""Example: entrepot query "SELECT * FROM gold.kpi_total_sales LIMIT 10" --at 3""")
def query(
    sql: Annotated[str, typer.Argument(help="One SELECT over layer.name tables, in DuckDB's dialect.")],
    at: Annotated[
        str | None, typer.Option(help="A release number, or an instant: the release that was current then.")
    ] = None,
    limit: Annotated[int, typer.Option(help="Rows to show on a terminal.")] = 100,
    csv: Annotated[bool, typer.Option("--csv", help="All rows as CSV.")] = False,
    project: ProjectOption = Path(),
    json: JsonOption = False,
) -> None:
    """Ask a release: readers see whole refreshes only."""
    from entrepot.app.cli.query import run_query

    run_query(project, sql, at, limit=limit, as_csv=csv, as_json=json)


@connectors.command("list", epilog="Example: entrepot connectors list")
def list_connectors(json: JsonOption = False) -> None:
    """List connectors."""
    from entrepot.app.cli.connectors import show_connectors

    show_connectors(as_json=json)


@connectors.command("show", epilog="Example: entrepot connectors show excel")
def show_connector(
    name: Annotated[str, typer.Argument(help="A connector, or a file format such as csv or excel.")],
    json: JsonOption = False,
) -> None:
    """Show a connector or a file format: options, examples, what it can do."""
    from entrepot.app.cli.connectors import show_connector as show

    show(name, as_json=json)


@connectors.command("test", epilog="Example: entrepot connectors test till_sales")
def try_connector(
    source: Annotated[str, typer.Argument(help="A source of the project.")],
    project: ProjectOption = Path(),
    json: JsonOption = False,
) -> None:
    """Reach a source of the project, and say what it would bring next."""
    from entrepot.app.cli.connectors import try_source

    try_source(project, source, as_json=json)


@app.command(epilog="Example: entrepot doctor")
def doctor(
    project: ProjectOption = Path(),
    rebuild_state: Annotated[
        bool, typer.Option("--rebuild-state", help="Put back plans that the lake holds and the state lost.")
    ] = False,
    accept_loss: Annotated[
        bool,
        typer.Option(
            "--accept-loss", help="The lake is older for good: put the state aside and rebuild it from the lake."
        ),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Tell what is there, what is missing, and whether state and lake agree."""
    from entrepot.app.cli.doctor import examine

    examine(project, rebuild=rebuild_state, accept_loss=accept_loss, as_json=json)
