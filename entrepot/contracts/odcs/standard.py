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
from entrepot.contracts.odcs.document import Document, Listing, Node, Section, plain
from entrepot.contracts.odcs.wording import KIND_WORDS, find_hint, say_limit, say_needed, show_value
from entrepot.contracts.row_rules import Severity
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

MIGRATE = (
    "ODCS 2 named things otherwise (dataset, columns, slaProperties.column); "
    "its migration guide to 3 is https://github.com/bitol-io/open-data-contract-standard, CHANGELOG.md. "
    "Or read the table itself anew: entrepot contract infer."
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
            code="contract.old_specification",
        )
        return False
    version = root.scalar("apiVersion")
    if version in VERSIONS:
        return True
    if "apiVersion" not in root.entries:
        text = f"apiVersion is missing; allowed is {say_allowed(VERSIONS)}."
        found.error(root.place, text, _say_origin(root), code="contract.version")
        return False
    place = root.place_of("apiVersion")
    text = f"apiVersion is {_say_version(version)}; allowed is {say_allowed(VERSIONS)}."
    if str(version).removeprefix("v").startswith(("2.", "1.", "0.")):
        found.error(place, f"this is a contract of an older ODCS: {text}", MIGRATE, code="contract.old_version")
    else:
        written = f"v{version}".replace("vv", "v")
        newer = f"What is newer than {VERSIONS[-1]} is not read yet." if written > VERSIONS[-1] else None
        found.error(place, text, newer or suggest(written, VERSIONS), code="contract.version")
    return False


def _say_version(version: object) -> str:
    return repr(version) if isinstance(version, str) else show_value(version)


_MISSPELT = ("apiversion", "apiversions", "apiverison", "odcsversion", "specversion")


def _say_origin(root: Section) -> str | None:
    """What a file without apiVersion may be, from its keys."""
    if {"datasetName", "quantumName", "dataset"} & root.entries.keys():
        return MIGRATE
    near = [key for key in root.entries if key.lower().replace("_", "").replace("-", "") in _MISSPELT]
    return f"The key {near[0]} stands in line {root.keys[near[0]].line}; did you mean apiVersion?" if near else None


def check_structure(document: Document, found: Findings, unknown: Severity) -> tuple[str, ...]:
    """Check the document against the standard's schema and return the paths of unknown keys.

    Args: unknown: the severity of an unknown key: an error in lint, a warning when loading.
    """
    root = document.root
    version = root.text("apiVersion") or VERSIONS[-1]
    if version in STATUS_NEEDED and "status" not in root.entries:
        hint = "Add for example status: active."
        text = f"status is missing; ODCS {version} needs it (3.2 no longer does)."
        found.error(root.place, text, hint, code="contract.missing")
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
                        text = f"{self._label(path, key)} is missing; {say_needed(error, key)}."
                        self._add("missing", path, text, self._find_misspelt(error, key))
            case "not":
                text = f"{self._label(path)} must not have from: on a property it is that property."
                self._add("relationship", path, text)
            case _:
                text = f"{self._label(path)} is {show_value(error.instance)}; {say_limit(error)}."
                hint = "Write - value: … for each." if path[-2:-1] == ("enum",) else find_hint(error)
                self._add("kind" if error.validator == "type" else "value", path, text, hint)

    def _find_misspelt(self, error: Any, key: str) -> str | None:
        """The key that stands where a missing one should, when it looks like it."""
        known = _allowed_keys(error.schema, error.instance)
        near = [other for other in error.instance if other not in known and suggest(other, [key])]
        return f"There is {near[0]}: did you mean {key}?" if near else None

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
                self._found.error(place, text, code="contract.option")
                continue
            self.unknown_keys.append(label)
            hint = suggest(key, allowed) or "Put what is your own under customProperties."
            listed = say_allowed(sorted(allowed)) if len(allowed) <= 12 else "what the standard names"
            text = f"the key {label} is not known; allowed is {listed}."
            self._found.add(self._unknown, place, text, hint, code="contract.unknown_key")

    def _logical_type(self, path: Path_) -> str:
        value = self._value
        for step in path[:-1]:
            value = value[step]
        return str(value.get("logicalType"))

    def _report_choice(self, error: Any, path: Path_) -> None:
        names = [name for branch in error.validator_value for name in branch.get("required", ())]
        if names and isinstance(error.instance, dict):
            present = [name for name in names if name in error.instance]
            if len(present) == 1:
                meant = [
                    number for number, one in enumerate(error.validator_value) if present[0] in one.get("required", ())
                ]
                for sub in (sub for sub in error.context if sub.schema_path[0] in meant):
                    self.report(sub)
                return
            if names:
                came = " and ".join(present) or "none of them"
                text = f"{self._label(path)} has {came}; allowed is exactly one of {', '.join(names)}."
                self._add("choice", path, text)
                return
        if names_reference(error):
            text = f"{self._label(path)} is {show_value(error.instance)}; allowed is object.column"
            self._add("reference", path, f"{text}, layer.name.column or schema/ID/properties/ID.")
            return
        branch = _best_branch(error)
        if branch is None:
            kinds = [KIND_WORDS.get(sub.validator_value, "") for sub in error.context if sub.validator == "type"]
            allowed = say_allowed(dict.fromkeys(filter(None, kinds))) if any(kinds) else "one of the standard's shapes"
            self._add("kind", path, f"{self._label(path)} is {show_value(error.instance)}; allowed is {allowed}.")
            return
        for sub in branch:
            self.report(sub)

    def _add(self, code: str, path: Path_, message: str, hint: str | None = None) -> None:
        self._found.error(self._place(path), message, hint, code=f"contract.{code}")

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


_NAMES = ("name", "property", "server", "username", "role", "channel")
"""What names an item of a list, instead of its number."""


def _steps(value: Any, path: Iterable[str | int]) -> Iterator[str]:
    for step in path:
        if isinstance(value, list):
            value = value[int(step)]
            names = (value.get(key) for key in _NAMES) if isinstance(value, dict) else ()
            yield next((name for name in names if isinstance(name, str) and name), str(int(step) + 1))
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
