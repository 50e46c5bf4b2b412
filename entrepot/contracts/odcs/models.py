"""A second judge: the standard's Pydantic models, for what its JSON schema lets through. A third of a second to import, so for lint alone."""

from __future__ import annotations

from decimal import Decimal
from importlib import import_module
from typing import Any

from entrepot.contracts.findings import Findings
from entrepot.contracts.odcs.document import Document, Listing, Node, Section, plain
from entrepot.kernel.errors import Place


def check_models(document: Document, found: Findings) -> None:
    """Warn where the models refuse what the schema allows: other tools that read by them will stumble there.

    A place the schema has spoken about is not spoken about twice.
    """
    pydantic: Any = import_module("pydantic")
    package: Any = import_module("open_data_contract_standard.model")
    if found.errors:
        return
    try:
        package.OpenDataContractStandard.model_validate(_with_floats(plain(document.root)))
    except pydantic.ValidationError as error:
        for item in error.errors():
            place = _place(document.root, item["loc"])
            text = f"the standard's Python models refuse this ({item['msg']}), though its JSON schema allows it."
            found.warn(place, text, "Tools that read by them will not take the file.", code="contract.models")


def _with_floats(value: Any) -> Any:
    """Numbers as JSON has them: the models know no decimals."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, list):
        return [_with_floats(item) for item in value]
    return {key: _with_floats(item) for key, item in value.items()} if isinstance(value, dict) else value


def _place(node: Node, steps: tuple[str | int, ...]) -> Place:
    """The place that a path names, as far as the document has it; words of the models themselves are passed over."""
    for step in steps:
        if isinstance(node, Section) and step in node.entries:
            node = node.entries[str(step)]
        elif isinstance(node, Listing) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
    return node.place
