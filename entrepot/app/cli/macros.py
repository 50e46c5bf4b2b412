"""`entrepot macros …`."""

from __future__ import annotations

from pathlib import Path

from entrepot.app.cli.output import console, print_json, print_table, say


def show_macros(*, as_json: bool) -> None:
    """All macros, a sentence each."""
    from entrepot.sql.macros.catalogue import MACROS

    if as_json:
        print_json([{"name": one.name, "summary": one.summary, "call": one.signature} for one in MACROS.values()])
        return
    print_table(None, ("macro", "what it gives"), [(one.name, one.summary) for one in MACROS.values()])
    say("\nOne of them in detail: entrepot macros show convert")


def show_macro(name: str, *, as_json: bool) -> None:
    """One macro: arguments, an example with rows in and rows out, what to know."""
    from entrepot.kernel.errors import UsageError
    from entrepot.sql.macros.catalogue import MACROS
    from entrepot.sql.macros.macro import near
    from entrepot.sql.macros.page import macro_text, sample_text

    macro = MACROS.get(name.lower())
    if macro is None:
        raise UsageError(f"there is no macro {name!r}.", hint=near(name, MACROS) or f"There are: {', '.join(MACROS)}.")
    if not as_json:
        console.print(macro_text(macro), markup=False, soft_wrap=True)
        return
    arguments = [
        {"name": one.name, "form": one.form, "meaning": one.meaning, "needed": one.needed} for one in macro.arguments
    ]
    print_json(
        {
            "name": macro.name,
            "summary": macro.summary,
            "table": macro.table,
            "call": macro.signature,
            "arguments": arguments,
            "examples": [sample_text(sample) for sample in macro.samples],
            "notes": macro.notes,
        }
    )


def write_out(file: Path, *, as_json: bool) -> None:
    """A model's text with its macros written out."""
    from entrepot.kernel.errors import UsageError
    from entrepot.sql.macros.expand import expand_macros

    if not file.is_file():
        raise UsageError(f"there is no file {file}.", hint="Name a model's file, such as models/silver/sales.sql.")
    sql = expand_macros(file.read_text(encoding="utf-8-sig"), file)
    if as_json:
        print_json({"file": str(file), "sql": sql})
        return
    console.print(sql, markup=False, soft_wrap=True, end="" if sql.endswith("\n") else "\n")
