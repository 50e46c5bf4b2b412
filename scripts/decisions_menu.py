"""A hook of mkdocs: put each decision into the menu, so that a new page needs no second place."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def on_config(config: Any) -> Any:
    folder = Path(config["docs_dir"]) / "decisions"
    pages = sorted(f"decisions/{page.name}" for page in folder.glob("[0-9]*.md"))
    for entry in config["nav"]:
        if "Decisions" in entry:
            entry["Decisions"] = ["decisions/index.md", *pages]
    return config
