"""`entrepot connectors …`."""

from __future__ import annotations

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
