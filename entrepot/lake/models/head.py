"""The head of a model's file: YAML in a leading `/* --- … --- */` comment."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from entrepot.kernel.documents import Document, check_keys, parse_document
from entrepot.kernel.errors import Place, ProjectError
from entrepot.kernel.names import Dataset, parse_dataset
from entrepot.lake.models.model import Incremental, ModelKind
from entrepot.sql.history import History, read_history

HEAD_KEYS = ("name", "kind", "driving", "partition", "history", "incremental", "contract", "description")

_OPENING = re.compile(r"\A\ufeff?\s*/\*\s*---[ \t]*\n")
_CLOSING = re.compile(r"^[ \t]*---\s*\*/", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Head:
    """What stands in the head; everything has a default."""

    document: Document
    name: Dataset | None = None
    kind: ModelKind = ModelKind.FULL
    driving: Dataset | None = None
    partition: tuple[str, ...] = ()
    history: History | None = None
    incremental: Incremental = Incremental.AUTO
    contract: Dataset | None = None
    description: str | None = None


def read_head(text: str, path: Path) -> Head:
    """Read the head of a model's text; a text without one has the defaults.

    Raises: ProjectError with line and column of what is wrong.
    """
    document = _find_document(text, path)
    value = document.value
    check_keys(document, (), value, HEAD_KEYS)
    description = value.get("description")
    if description is not None and not isinstance(description, str):
        raise document.error("description is text.", "description")
    head = Head(
        document,
        name=_read_dataset(document, "name"),
        kind=_read_kind(document),
        driving=_read_dataset(document, "driving"),
        partition=_read_partition(document),
        history=read_history(document),
        incremental=_read_incremental(document),
        contract=_read_dataset(document, "contract"),
        description=description,
    )
    _check_driving(head)
    _check_rows(head)
    return head


def _find_document(text: str, path: Path) -> Document:
    opening = _OPENING.match(text)
    if opening is None:
        return Document(path, {}, {(): (1, 1)})
    closing = _CLOSING.search(text, opening.end())
    line = text.count("\n", 0, opening.end()) + 1
    if closing is None:
        raise ProjectError(
            "the head is not closed.", place=Place(path, line - 1), hint="End it with a line that holds: --- */"
        )
    return parse_document(text[opening.end() : closing.start()], path, first_line=line)


def _read_dataset(document: Document, key: str) -> Dataset | None:
    value = document.value.get(key)
    if value is None:
        return None
    try:
        return parse_dataset(str(value))
    except ValueError as error:
        raise document.error(str(error), key) from error


def _read_kind(document: Document) -> ModelKind:
    value = document.value.get("kind", ModelKind.FULL.value)
    if value not in tuple(ModelKind):
        raise document.error(f"kind is {value!r}; allowed are {', '.join(ModelKind)}.", "kind")
    return ModelKind(value)


def _read_partition(document: Document) -> tuple[str, ...]:
    value = document.value.get("partition", [])
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise document.error("partition is a list of columns, such as [month, region].", "partition")
    if len({name.lower() for name in names}) < len(names):
        raise document.error("partition names a column twice.", "partition")
    return tuple(names)


def _read_incremental(document: Document) -> Incremental:
    value = document.value.get("incremental", Incremental.AUTO.value)
    if value not in tuple(Incremental):
        raise document.error(f"incremental is {value!r}; allowed are {', '.join(Incremental)}.", "incremental")
    return Incremental(value)


def _check_rows(head: Head) -> None:
    """Each kind has what it needs, and nothing that only another kind knows."""
    for kind, key, stated, example in (
        (ModelKind.PARTITION, "partition", bool(head.partition), "partition: [month]"),
        (ModelKind.HISTORY, "history", head.history is not None, "history: {key: [id], valid_from: changed_at}"),
    ):
        if head.kind is kind and not stated:
            raise head.document.error(
                f"a model of kind {kind} needs {key}.", "kind", hint=f"Add for example: {example}"
            )
        if stated and head.kind is not kind:
            raise head.document.error(f"{key} belongs to kind {kind}; this model is of kind {head.kind}.", key)


def _check_driving(head: Head) -> None:
    if head.kind.is_driven and head.driving is None:
        raise head.document.error(
            f"a model of kind {head.kind} needs a driving input: the dataset whose new records it takes.",
            "kind",
            hint="Add for example: driving: bronze.sales",
        )
    if head.driving is not None and not head.kind.is_driven:
        raise head.document.error(
            f"driving belongs to kinds append and merge; this model is of kind {head.kind}.", "driving"
        )
