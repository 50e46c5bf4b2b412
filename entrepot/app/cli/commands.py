"""All commands on one page; each imports what it needs when it is called, so that `--help` is quick."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from entrepot.app.cli import contract, outbox, records, rejects, token, topics, triggers

app = typer.Typer(
    name="entrepot",
    help="One folder of plain files that takes in a company's data, proves it, refines it and delivers it.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(rejects.app, name="rejects")
app.add_typer(records.app, name="records")
app.add_typer(outbox.app, name="outbox")
app.add_typer(topics.app, name="topics")
app.add_typer(contract.app, name="contract")
app.add_typer(token.app, name="token")
app.add_typer(triggers.app, name="triggers")
connectors = typer.Typer(help="What data can come from, and how each is set up.", no_args_is_help=True)
app.add_typer(connectors, name="connectors")
macros = typer.Typer(
    help="Ready transforms for FROM in models: clean, convert, daily, dimension, fact.", no_args_is_help=True
)
app.add_typer(macros, name="macros")

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
    example: Annotated[str | None, typer.Option(help="Start from an example: retail, prices, core_app.")] = None,
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
    compare: Annotated[
        bool, typer.Option(help="Run changed models (large ones over a sample) to tell which rows they would change.")
    ] = True,
) -> None:
    """Say what `run` would do, and why, without doing it: what is new, which models run and how, what changes, what breaks."""
    from entrepot.app.cli.plan import show_plan

    show_plan(project, selection or [], as_json=json, compare=compare)


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
    allow: Annotated[
        list[str] | None,
        typer.Option(help="A dataset that may lose columns, change their types, or leave the release (see plan)."),
    ] = None,
    rebuild: Annotated[
        list[str] | None, typer.Option(help="Models to compute as a whole, whatever changed; as SELECTION names them.")
    ] = None,
) -> None:
    """Bring everything up to date, once, and publish a release."""
    from entrepot.app.cli.run import run_command

    run_command(
        project,
        selection or [],
        as_json=json,
        workers=workers,
        retry=retry or [],
        again=again or [],
        reason=reason,
        allow=allow or [],
        rebuild=rebuild or [],
    )


@app.command(epilog="Example: entrepot up --port 8401 --only gateway,processing")
def up(
    project: ProjectOption = Path(),
    host: Annotated[
        str, typer.Option(help="The address to bind; others than 127.0.0.1 need a proxy with TLS in front.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port; 0 takes a free one.", min=0, max=65535)] = 8400,
    only: Annotated[
        list[str] | None,
        typer.Option(
            help="Only these parts: gateway, processing, batches, delivery, schedule. Others run in other processes."
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print no events; logs/up.ndjson has them.")] = False,
) -> None:
    """Keep the project running: take in what is sent and what arrives, bring figures up to date, deliver, until Ctrl-C.

    The administrator's token for the API is made at the first start and shown once.
    """
    from entrepot.app.cli.up import up_command

    up_command(project, host=host, port=port, only=only or [], quiet=quiet)


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
    version: Annotated[
        int | None, typer.Option(help="With accept: the version that may pass; with --rule: an earlier one.")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="With accept: why; kept in the state.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows to show.")] = 100,
    project: ProjectOption = Path(),
    json: JsonOption = False,
) -> None:
    """Show how rules over whole datasets stand, the rows that break them; accept a version all the same."""
    from entrepot.app.cli.quality import quality_command

    quality_command(project, words or [], rule=rule, version=version, reason=reason, limit=limit, as_json=json)


@app.command("test", epilog="Example: entrepot test gold.sales")
def run_model_tests(
    selection: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SELECT]", help="Datasets (also gold.*), files of tests, or words of a test's name."),
    ] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Where rows differ, write what came into the test as expected.")
    ] = False,
    freeze: Annotated[
        str | None,
        typer.Option(metavar="DATASET", help="Write a test of real rows: those of --where and what made them."),
    ] = None,
    where: Annotated[str | None, typer.Option(help="With --freeze: which rows of the dataset, in SQL.")] = None,
    name: Annotated[str | None, typer.Option(help="With --freeze: the test's name.")] = None,
    with_personal: Annotated[
        bool, typer.Option("--with-personal", help="With --freeze: keep values that contracts classify.")
    ] = False,
    project: ProjectOption = Path(),
    json: JsonOption = False,
) -> None:
    """Run the tests of models: rows in, rows out, by the real engine, without touching the lake."""
    from entrepot.app.cli.test import test_command

    test_command(
        project,
        selection or [],
        update=update,
        freeze=freeze,
        where=where,
        name=name,
        with_personal=with_personal,
        as_json=json,
    )


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


@app.command(epilog="Example: entrepot backfill sales --from 2026-11-01 --reason 'the contract was wrong'")
def backfill(
    name: Annotated[str, typer.Argument(help="A source of files, or the dataset that it feeds.")],
    start: Annotated[str, typer.Option("--from", help="What came from then on: a day, or an instant.")],
    end: Annotated[str | None, typer.Option("--to", help="And before then (default: to the newest).")] = None,
    reason: Annotated[str | None, typer.Option(help="Why: it stands with the batches.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be taken again.")] = False,
    project: ProjectOption = Path(),
    json: JsonOption = False,
) -> None:
    """Take again what came to a source within a time, and compute what is made from it."""
    from entrepot.app.cli.backfill import backfill_command

    backfill_command(project, name, start, end, reason=reason, dry_run=dry_run, as_json=json)


@app.command(epilog="Example: entrepot report --kpi total_sales -o sales.pdf")
def report(
    kpi: Annotated[list[str] | None, typer.Option(help="A KPI; may be said several times (default: all).")] = None,
    format: Annotated[
        str | None, typer.Option(help="html, pdf or xlsx (default: as the file's name ends, else html).")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The file to write, or a folder; - for standard output.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(help="A release number, or an instant: the release that was current then.")
    ] = None,
    project: ProjectOption = Path(),
    json: JsonOption = False,
) -> None:
    """Write a report of KPIs from a release: definition, target, trend, numerator and denominator, how far it is complete."""
    from entrepot.app.cli.report import report_command

    report_command(project, kpi or [], format, out, at, as_json=json)


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


@app.command(epilog="Example: entrepot docs --out public")
def docs(
    out: Annotated[
        Path | None, typer.Option(help="The folder to write, replaced as a whole (default: site/docs in the project).")
    ] = None,
    serve: Annotated[
        bool, typer.Option("--serve", help="Show the site to this machine's browser until Ctrl-C.")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="With --serve; 0: any that is free.")] = 8700,
    project: ProjectOption = Path(),
    json: JsonOption = False,
) -> None:
    """Write a site about datasets, KPIs, sources and contracts: plain pages, no server needed, no row's value in them."""
    from entrepot.app.cli.docs import write_docs

    write_docs(project, out, serve=serve, port=port, as_json=json)


@app.command(epilog="Example: entrepot lineage gold.sales.net_amount --up")
def lineage(
    what: Annotated[
        str | None,
        typer.Argument(metavar="[DATASET[.COLUMN]]", help="silver.sales, or silver.sales.amount; without: everything."),
    ] = None,
    up: Annotated[bool, typer.Option("--up", help="Only what it comes from.")] = False,
    down: Annotated[bool, typer.Option("--down", help="Only what comes from it.")] = False,
    depth: Annotated[int | None, typer.Option(min=1, help="Steps to go; without: all.")] = None,
    indirect: Annotated[
        bool,
        typer.Option("--indirect", help="Also columns that decide which rows there are: conditions, joins, groups."),
    ] = False,
    svg: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write a picture of the datasets; - for standard output.")
    ] = None,
    project: ProjectOption = Path(),
    json: JsonOption = False,
) -> None:
    """Show which columns a column comes from, and which come from it, back to files and on to KPIs."""
    from entrepot.app.cli.lineage import lineage_command

    lineage_command(project, what, up=up, down=down, depth=depth, indirect=indirect, svg=svg, as_json=json)


@app.command(
    epilog="""Example: entrepot explain gold.kpi_total_sales --where "day = '2026-09-20' AND region = 'North'" """
)
def explain(
    dataset: Annotated[str | None, typer.Argument(help="The dataset whose rows are asked about.")] = None,
    where: Annotated[str | None, typer.Option(help="Which rows, as after WHERE in SQL; they must be few.")] = None,
    column: Annotated[
        list[str] | None, typer.Option(help="Only what made this column (default: all; of a KPI all but its trend).")
    ] = None,
    record: Annotated[
        str | None, typer.Option(help="Forward instead: every row that a record reached, bronze.sales:3.17.")
    ] = None,
    origin: Annotated[str | None, typer.Option(help="The same, by its place: 'sales_2026-10-01.csv#17'.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Go so many tables deep, not down to the files.")] = None,
    most: Annotated[int, typer.Option(min=1, help="Follow so many rows of each table; more are counted.")] = 10_000,
    full: Annotated[bool, typer.Option("--full", help="Follow all rows, however many.")] = False,
    csv: Annotated[Path | None, typer.Option(help="Write every record that it ends at to this file.")] = None,
    seconds: Annotated[float, typer.Option(min=1, help="What one question to the engine may take.")] = 60,
    at: Annotated[
        str | None, typer.Option(help="A release number, or an instant: the release that was current then.")
    ] = None,
    project: ProjectOption = Path(),
    json: JsonOption = False,
) -> None:
    """Show which records made a number, down to file and row; or which rows a record reached."""
    from entrepot.app.cli.explain import explain_command
    from entrepot.app.explaining import Limits

    explain_command(
        project,
        dataset,
        where,
        columns=column or [],
        record=record,
        origin=origin,
        at=at,
        limits=Limits(most=most, full=full, steps=steps, seconds=seconds),
        csv=csv,
        as_json=json,
    )


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


@macros.command("list", epilog="Example: entrepot macros list")
def list_macros(json: JsonOption = False) -> None:
    """List macros."""
    from entrepot.app.cli.macros import show_macros

    show_macros(as_json=json)


@macros.command("show", epilog="Example: entrepot macros show convert")
def show_macro(name: Annotated[str, typer.Argument(help="A macro.")], json: JsonOption = False) -> None:
    """Teach one macro: its arguments, rows in and rows out."""
    from entrepot.app.cli.macros import show_macro as show

    show(name, as_json=json)


@macros.command("expand", epilog="Example: entrepot macros expand models/silver/prices_eur.sql")
def expand_macros(file: Annotated[Path, typer.Argument(help="A model's file.")], json: JsonOption = False) -> None:
    """Print a model with its macros written out, as everything else sees it."""
    from entrepot.app.cli.macros import write_out

    write_out(file, as_json=json)


@app.command(epilog="Example: entrepot simulate retail --trouble 0.05")
def simulate(
    example: Annotated[str, typer.Argument(help="The example whose outside systems are wanted: retail.")],
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 8330,
    seed: Annotated[int, typer.Option(help="The same seed gives the same events.")] = 7,
    rate: Annotated[
        float | None, typer.Option(min=0.01, help="Events a second, at any hour; else as busy as the example's data.")
    ] = None,
    trouble: Annotated[float, typer.Option(min=0, max=0.9, help="The share of requests that end in 500 or 429.")] = 0.0,
    start: Annotated[str | None, typer.Option(help="The simulated present, 2026-09-28T08:00; else now.")] = None,
    first_day: Annotated[str | None, typer.Option(help="The first day of events; else the day before.")] = None,
    speed: Annotated[float, typer.Option(min=0.001, help="How many times as fast as real time.")] = 1.0,
    push: Annotated[
        str | None, typer.Option(help="Post events here, {stream} is web_traffic, interactions or loyalty.")
    ] = None,
    most: Annotated[int | None, typer.Option(min=1, help="With --push: end after so many events.")] = None,
) -> None:
    """Play an example's outside systems on this machine: APIs to poll, and events pushed to a webhook.

    Late, doubled and out-of-order events are part of it. Everything follows from the seed.
    """
    from entrepot.app.cli.simulate import Wish, read_day
    from entrepot.app.cli.simulate import simulate as play

    play(example, Wish(seed, port, rate, trouble, start, read_day(first_day), speed, push, most))


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
