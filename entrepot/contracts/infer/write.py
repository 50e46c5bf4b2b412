"""A draft as a contract file, with what is known about each column as comments above it."""

from __future__ import annotations

import re

from entrepot.contracts.infer.decide import Inferred
from entrepot.contracts.odcs.draft import render_contract


def render_draft(draft: Inferred, source: str, *, project_zone: str | None = None) -> str:
    """The contract file. `source` says in words where the rows came from; the project's own time zone is not repeated."""
    head = [f"# A draft made from {source}. Read every line, complete it, then: entrepot contract lint FILE"]
    head += [f"# {note}" for note in draft.notes]
    text = render_contract(draft.contract)
    if draft.contract.time_zone == project_zone:
        text = re.sub(
            r"^customProperties:\n- property: entrepot\.timeZone\n  value: .*\n", "", text, flags=re.MULTILINE
        )
    lines = text.splitlines()
    columns = iter(draft.contract.columns)
    within, indent = False, None
    found: list[str] = []
    for line in lines:
        begins = re.match(r"(\s*)- name: ", line)
        if within and begins and indent in (None, begins[1]):  # deeper ones are inside of a column
            indent = begins[1]
            column = next(columns)
            found += [f"{indent}# {remark}" for remark in draft.remarks.get(column.name, ())]
        within = within or line.strip() == "properties:"
        found.append(line)
    return "\n".join([*head, *found]) + "\n"
