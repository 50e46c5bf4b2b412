"""What the guide to integrations shows is accepted as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

from entrepot.connectors import check_options, load_connector
from tests.gateway.settings.integration_lab import options_of


def examples(repository: Path) -> list[str]:
    """The options of each YAML block; of a block with alternatives each line."""
    text = (repository / "docs" / "how-to" / "integrations.md").read_text()
    found: list[str] = []
    for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL):
        if block.startswith("reference:"):
            found += block.strip().splitlines()
        elif "options:" in block:
            found.append(re.sub(r"(?m)^  ", "", block.partition("options:\n")[2]))
        else:
            found.append(block)
    return found


def test_examples_of_the_guide(repository: Path) -> None:
    """Each example is accepted by the connector."""
    found = examples(repository)
    assert len(found) >= 10
    for yaml in found:
        errors = check_options(load_connector("inbox"), options_of(yaml))[1]
        assert not errors, (yaml, [str(error) for error in errors])


def test_every_option_is_in_the_guide(repository: Path) -> None:
    """No option of an integration is left out of the guide."""
    text = (repository / "docs" / "how-to" / "integrations.md").read_text()
    missing = [
        field.name
        for field in load_connector("inbox").fields
        if f"`{field.name}" not in text and f"{field.name}:" not in text
    ]
    assert missing == []
