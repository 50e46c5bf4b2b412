"""`entrepot connectors …`."""

from __future__ import annotations

from pathlib import Path

from entrepot.app.cli.output import console, print_json, print_table, say


def show_connectors(*, as_json: bool) -> None:
    """All connectors that are installed."""
    from entrepot.connectors import connector_names, load_connector

    specs = [load_connector(name) for name in connector_names()]
    if as_json:
        print_json([{"name": spec.name, "summary": spec.summary} for spec in specs])
        return
    print_table(None, ("connector", "what it brings"), [(spec.name, spec.summary) for spec in specs])
    say("\nOne of them in detail: entrepot connectors show files")


def show_connector(name: str, *, as_json: bool) -> None:
    """One connector: options, example, schema."""
    from entrepot.connectors import (
        connector_names,
        find_format,
        format_text,
        load_connector,
        options_schema,
        reference_text,
    )

    found = None if name in connector_names() else find_format(name)
    if found is not None and not as_json:
        connector, one = found
        console.print(format_text(one, connector.name), markup=False, soft_wrap=True)
        return
    name = found[0].name if found else name
    spec = load_connector(name)
    if as_json:
        print_json(options_schema(spec))
        return
    console.print(reference_text(spec), markup=False, soft_wrap=True)


def try_source(folder: Path, name: str, *, as_json: bool) -> None:
    """Reach one source of the project, and say what it would bring next; nothing is taken."""
    from entrepot.app.cli.opening import open_platform
    from entrepot.app.planning.steps import describe
    from entrepot.flow.plan import last_position
    from entrepot.kernel.errors import UsageError

    platform = open_platform(folder)
    names = [source.name for source in platform.project.sources]
    if name not in names:
        raise UsageError(f"there is no source {name!r}.", hint=f"There are: {', '.join(names) or 'none'}.")
    source = platform.project.sources[names.index(name)]
    # An open batch is read again before anything new: then this is what comes after it.
    found = platform.flows.source_flow(source).reader.find_next(last_position(name, platform.services))
    waiting = describe(found) if found is not None else None
    if as_json:
        print_json({"source": name, "connector": source.connector, "reached": True, "next": waiting})
        return
    say(f"[green]{name}[/] can be reached by the connector {source.connector}.")
    say(f"It would bring: {waiting}" if waiting else "It has nothing new.")
    say("\nWhat its files look like: entrepot check    Take it: entrepot run " + name)
