"""`entrepot contract docs`: pages about every contract, for people who only read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from entrepot.app.cli.output import print_json, say
from entrepot.kernel.errors import EntrepotError, UsageError


def write_docs(paths: Sequence[Path], project: Path, to: Path | None, *, as_json: bool) -> None:
    """Write `index.html` and a page for each dataset."""
    from entrepot.app.profiling import time_zone_of
    from entrepot.app.project import find_project
    from entrepot.contracts.docs.facts import collect_facts
    from entrepot.contracts.docs.html import page_name, render_index, render_page
    from entrepot.contracts.load import load_contracts

    root = find_project(project.resolve()) if not paths else Path.cwd()
    folders = list(paths) or [root / "contracts"]
    found = [file for path in folders for file in (sorted(path.glob("*.y*ml")) if path.is_dir() else [path])]
    if not found:
        raise UsageError(
            f"there is no contract in {', '.join(map(str, folders))}.",
            hint="Draft one from a file: entrepot contract infer FILE",
        )
    pages = collect_facts([load_contracts(file, default_time_zone=time_zone_of(root)) for file in found])
    folder = to or root / "site" / "contracts"
    texts = {"index.html": render_index(pages, root.name)}
    texts |= {page_name(page.dataset): render_page(page) for page in pages}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise EntrepotError(
            f"{folder} cannot be written: {error.strerror}.", hint="Say another folder with --to."
        ) from error
    if as_json:
        print_json({"folder": str(folder), "pages": sorted(texts)})
        return
    say(f"{len(pages)} datasets are described in {folder}. Open {folder / 'index.html'} in a browser.")
