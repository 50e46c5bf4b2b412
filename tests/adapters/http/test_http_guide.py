"""The guide's examples are right."""

from __future__ import annotations

import re
from pathlib import Path

from ruamel.yaml import YAML

from entrepot.connectors import check_options, load_connector


def test_options_of_the_guide(repository: Path) -> None:
    """Every source, credential and way of paging that the page shows is accepted."""
    text = (repository / "docs/how-to/poll-an-api.md").read_text()
    spec, yaml = load_connector("http"), YAML(typ="safe")
    blocks = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    sources = [yaml.load(block)["options"] for block in blocks if "connector:" in block]
    auths = [yaml.load(line) for block in blocks for line in block.splitlines() if line.startswith("auth:")]
    pages = [{"pagination": yaml.load(found)} for found in re.findall(r"`(\{kind: [^`]*\})`", text)]
    cursors = [yaml.load(found) for found in re.findall(r"`(cursor: \{[^`]*\})`", text)]
    assert (len(sources), len(auths), len(pages), len(cursors)) == (1, 4, 5, 2)
    url = {"url": "https://shop.example/a"}
    for options in (*sources, *auths, *pages, *cursors):
        _, errors = check_options(spec, {**url, **options})
        assert errors == [], options
