"""Does a file have the shape of the standard? In comes a document, out go findings and the keys nobody knows.

The judge is the JSON schema of ODCS 3.2 that the package `open-data-contract-standard` ships (its Pydantic models check no
enumerations and cost a third of a second to import). Its errors are said again in words that name what is allowed.
Source: Open Data Contract Standard 3.2.0, `schema.json`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import Any

from entrepot.contracts.findings import Findings, say_allowed, suggest
from entrepot.contracts.model import Severity
from entrepot.contracts.odcs.document import Document, Listing, Node, Section, plain
from entrepot.contracts.odcs.wording import KIND_WORDS, find_hint, say_limit, say_needed, show_value
from entrepot.kernel.errors import Place

VERSIONS = ("v3.0.0", "v3.0.1", "v3.0.2", "v3.1.0", "v3.2.0")
STATUS_NEEDED = ("v3.0.0", "v3.0.1", "v3.0.2", "v3.1.0")
RULE_WORD = ("v3.0.0", "v3.0.1", "v3.0.2")
"""Versions in which a library check says `rule:` where later ones say `metric:`."""
METRICS = {"duplicateCount": "duplicateValues", "unique": "duplicateValues", "validValues": "invalidValues"}
"""Names of 3.0 for metrics of 3.1; the others are equal."""

CONVERT = (
    "Convert it with the Data Contract CLI: datacontract export odcs FILE --output NEW.odcs.yaml "
    "(before its version 0.12: datacontract export --format odcs FILE --output NEW.odcs.yaml)."
)

Path_ = tuple[str | int, ...]


def check_version(root: Section, found: Findings) -> bool:
    """Say whether the file claims to be a contract of a version we read; report it when not."""
    if "dataContractSpecification" in root.entries:
        found.error(
            root.keys["dataContractSpecification"],
            "this is a contract of the older Data Contract Specification (dataContractSpecification); "
            f"allowed is the Open Data Contract Standard, {say_allowed(VERSIONS)}.",
            CONVERT,
        )
        return False
    version = root.scalar("apiVersion")
    if version in VERSIONS:
        return True
    if "apiVersion" not in root.entries:
        found.error(root.place, f"apiVersion is missing; allowed is {say_allowed(VERSIONS)}.")
    else:
        place = root.place_of("apiVersion")
        hint = suggest(f"v{version}".replace("vv", "v"), VERSIONS)
        found.error(place, f"apiVersion is {version!r}; allowed is {say_allowed(VERSIONS)}.", hint)
    return False


def check_structure(document: Document, found: Findings, unknown: Severity) -> tuple[str, ...]:
    """Check the document against the standard's schema and return the paths of unknown keys.

    Args: unknown: the severity of an unknown key: an error in lint, a warning when loading.
    """
    root = document.root
    version = root.text("apiVersion") or VERSIONS[-1]
    if version in STATUS_NEEDED and "status" not in root.entries:
        hint = "Add for example status: active."
        found.error(root.place, f"status is missing; ODCS {version} needs it (3.2 no longer does).", hint)
    value = plain(root)
    if version in RULE_WORD:
        _say_metric(value)
    checker = _Checker(root, value, found, unknown)
    for error in _validator().iter_errors(value):
        checker.report(error)
    return tuple(dict.fromkeys(checker.unknown_keys))


@cache
def _validator() -> Any:
    jsonschema: Any = import_module("jsonschema")  # 0.13 s: only where a contract is read

    text = files("open_data_contract_standard").joinpath("schema.json").read_text(encoding="utf-8")
    return jsonschema.Draft201909Validator(json.loads(text))


def _say_metric(value: Any) -> None:
    """Give checks of 3.0 the word `metric`, so that the one schema of 3.2 judges them too."""
    if isinstance(value, list):
        for item in value:
            _say_metric(item)
    elif isinstance(value, dict):
        checks = value.get("quality")
        for check in checks if isinstance(checks, list) else ():
            if isinstance(check, dict) and isinstance(check.get("rule"), str) and "metric" not in check:
                check["metric"] = METRICS.get(check["rule"], check["rule"])
        for item in value.values():
            _say_metric(item)


class _Checker:
    """Says the schema's errors again in our words, each at its place."""

    def __init__(self, root: Section, value: Any, found: Findings, unknown: Severity) -> None:
        self._root = root
        self._value = value
        self._found = found
        self._unknown = unknown
        self.unknown_keys: list[str] = []

    def report(self, error: Any) -> None:
        """Turn one error of the schema into findings."""
        path: Path_ = tuple(error.absolute_path)
        if "then" in error.absolute_schema_path and self._lacks_type(path):
            return
        match error.validator:
            case "additionalProperties" | "unevaluatedProperties":
                self._report_unknown(error, path)
            case "oneOf" | "anyOf":
                self._report_choice(error, path)
            case "required":
                for key in error.validator_value:
                    if key not in error.instance:
                        self._add(path, f"{self._label(path, key)} is missing; {say_needed(error, key)}.")
            case "not":
                self._add(path, f"{self._label(path)} must not have from: on a property it is that property.")
            case _:
                self._add(
                    path, f"{self._label(path)} is {show_value(error.instance)}; {say_limit(error)}.", find_hint(error)
                )

    def _lacks_type(self, path: Path_) -> bool:
        """True inside a property without valid logicalType: the schema then holds it for every type at once."""
        types = _validator().schema["$defs"]["SchemaBaseProperty"]["properties"]["logicalType"]["enum"]
        value = self._value
        for index, step in enumerate(path):
            value = value[step]
            parent = path[index - 1] if index else None
            if parent == "properties" and isinstance(value, dict) and value.get("logicalType") not in types:
                return True
        return False

    def _report_unknown(self, error: Any, path: Path_) -> None:
        allowed = _allowed_keys(error.schema, error.instance)
        for key in error.instance:
            if key in allowed:
                continue
            place = self._key_place(path, key)
            label = self._label(path, key)
            if path and path[-1] == "logicalTypeOptions" and key in _all_options():
                kind = self._logical_type(path)
                text = f"{label} is no option of the logicalType {kind}; allowed is {say_allowed(sorted(allowed))}."
                self._found.error(place, text)
                continue
            self.unknown_keys.append(label)
            hint = suggest(key, allowed) or "Put what is your own under customProperties."
            listed = say_allowed(sorted(allowed)) if len(allowed) <= 12 else "what the standard names"
            self._found.add(self._unknown, place, f"the key {label} is not known; allowed is {listed}.", hint)

    def _logical_type(self, path: Path_) -> str:
        value = self._value
        for step in path[:-1]:
            value = value[step]
        return str(value.get("logicalType"))

    def _report_choice(self, error: Any, path: Path_) -> None:
        names = [name for branch in error.validator_value for name in branch.get("required", ())]
        if names and isinstance(error.instance, dict):
            present = [name for name in names if name in error.instance]
            if len(present) != 1:
                came = " and ".join(present) or "none of them"
                self._add(path, f"{self._label(path)} has {came}; allowed is exactly one of {', '.join(names)}.")
                return
        if names_reference(error):
            text = f"{self._label(path)} is {show_value(error.instance)}; allowed is object.column"
            self._add(path, f"{text}, layer.name.column or schema/ID/properties/ID.")
            return
        branch = _best_branch(error)
        if branch is None:
            kinds = [KIND_WORDS.get(sub.validator_value, "") for sub in error.context if sub.validator == "type"]
            allowed = say_allowed(dict.fromkeys(filter(None, kinds))) if any(kinds) else "one of the standard's shapes"
            self._add(path, f"{self._label(path)} is {show_value(error.instance)}; allowed is {allowed}.")
            return
        for sub in branch:
            self.report(sub)

    def _add(self, path: Path_, message: str, hint: str | None = None) -> None:
        self._found.error(self._place(path), message, hint)

    def _place(self, path: Path_) -> Place:
        node: Node = self._root
        for step in path:
            child: Node | None = None
            if isinstance(node, Section):
                child = node.get(str(step))
            elif isinstance(node, Listing) and isinstance(step, int):
                child = node.items[step]
            if child is None:
                break
            node = child
        return node.place

    def _key_place(self, path: Path_, key: str) -> Place:
        node: Node = self._root
        for step in path:
            node = node.entries[str(step)] if isinstance(node, Section) else node.items[int(step)]  # type: ignore[union-attr]
        return node.keys[key] if isinstance(node, Section) else node.place

    def _label(self, path: Path_, *more: str) -> str:
        """`schema.orders.properties.id.unique`: names instead of numbers where there are names."""
        return ".".join([*_steps(self._value, path), *more]) or "the contract"


def _steps(value: Any, path: Iterable[str | int]) -> Iterator[str]:
    for step in path:
        if isinstance(value, list):
            value = value[int(step)]
            name = value.get("name") or value.get("property") if isinstance(value, dict) else None
            yield name if isinstance(name, str) else str(int(step) + 1)
        else:
            value = value.get(step) if isinstance(value, dict) else None
            yield str(step)


def names_reference(error: Any) -> bool:
    """True when the choice is between the standard's ways of naming a column."""
    return bool(error.context) and all(sub.validator == "pattern" for sub in error.context)


def _best_branch(error: Any) -> list[Any] | None:
    """The errors of the one alternative that was meant, None when no alternative has the value's type."""
    branches: dict[Any, list[Any]] = {}
    for sub in error.context:
        branches.setdefault(sub.schema_path[0], []).append(sub)
    meant = [
        subs for subs in branches.values() if not any(sub.validator == "type" and not sub.relative_path for sub in subs)
    ]
    return min(meant, key=len) if meant else None


def _allowed_keys(schema: Any, instance: Any) -> set[str]:
    """The keys that a schema knows for this very value: conditional ones only where the condition holds."""
    keys = set(schema.get("properties", ()))
    if "$ref" in schema:
        keys |= _allowed_keys(_definition(schema["$ref"]), instance)
    for word in ("allOf", "anyOf", "oneOf"):
        for branch in schema.get(word, ()):
            keys |= _allowed_keys(branch, instance)
    if "if" in schema:
        holds = _validator().evolve(schema=schema["if"]).is_valid(instance)
        keys |= _allowed_keys(schema.get("then" if holds else "else", {}), instance)
    return keys


def _definition(reference: str) -> Any:
    """The part of the schema that `#/$defs/…` names."""
    value = _validator().schema
    for step in reference.removeprefix("#/").split("/"):
        value = value[step]
    return value


@cache
def _all_options() -> frozenset[str]:
    """The names of all logicalTypeOptions of all types."""
    conditions = _validator().schema["$defs"]["SchemaBaseProperty"]["allOf"]
    options = [c.get("then", {}).get("properties", {}).get("logicalTypeOptions", {}) for c in conditions]
    return frozenset(name for option in options for name in option.get("properties", ()))
