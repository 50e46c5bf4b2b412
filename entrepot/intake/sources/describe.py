"""A connector's spec as a page for people and as JSON Schema for editors."""

from __future__ import annotations

from typing import Any

from entrepot.intake.sources.fields import FieldSpec
from entrepot.intake.sources.formats import FormatSpec
from entrepot.intake.sources.spec import ConnectorSpec

_JSON_TYPES: dict[str, Any] = {
    "string": {"type": "string"},
    "strings": {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "scalar": {"type": ["string", "number"]},
    "mapping": {"type": "object", "additionalProperties": {"type": ["string", "number"]}},
}


def options_schema(spec: ConnectorSpec) -> dict[str, Any]:
    """JSON Schema of the connector's options."""
    return {
        "title": f"options of connector {spec.name}",
        "description": spec.summary,
        **_object_schema(spec.all_fields),
    }


def _object_schema(fields: tuple[FieldSpec, ...]) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {field.name: _field_schema(field) for field in fields},
    }
    required = [field.name for field in fields if field.required]
    return {**schema, "required": required} if required else schema


def _field_schema(field: FieldSpec) -> dict[str, Any]:
    match field.type:
        case "object":
            schema = _object_schema(field.fields)
        case "objects":
            one = _object_schema(field.fields)
            schema = {"oneOf": [one, {"type": "array", "items": one}]}
        case _:
            schema = dict(_JSON_TYPES[field.type])
    if field.words:
        schema = {"oneOf": [{"enum": list(field.words)}, *schema.get("oneOf", [schema])]}
    schema["description"] = field.description
    if field.choices:
        schema["enum"] = list(field.choices)
    if field.minimum is not None:
        schema["minimum"] = field.minimum
    if field.default is not None and field.type != "object":
        schema["default"] = list(field.default) if isinstance(field.default, tuple) else field.default
    return schema


def reference_text(spec: ConnectorSpec) -> str:
    """The page that `entrepot connectors show NAME` prints."""
    can = ", ".join(sorted(spec.capabilities)) or "nothing beyond reading"
    lines = [f"{spec.name} — {spec.summary}", "", spec.description.strip(), "", f"Can: {can}", "", "Options:"]
    lines += _field_lines(spec.fields, "  ")
    for one in spec.formats:
        lines += ["", f"Format {one.name} ({', '.join(one.extensions)}): {one.summary}"]
        lines += [f"    its options and examples: entrepot connectors show {one.name}"]
    lines += ["", "Example:"] + [f"  {line}" if line else "" for line in spec.example_yaml.strip().splitlines()]
    return "\n".join(lines) + "\n"


def format_text(spec: FormatSpec, connector: str) -> str:
    """The page that `entrepot connectors show FORMAT` prints."""
    endings = ", ".join(spec.extensions) + (", also with .gz, .zst or .zip" if spec.may_be_compressed else "")
    lines = [f"{spec.name} — {spec.summary} (a format of the connector {connector})", "", spec.description.strip(), ""]
    lines += [f"Files: {endings}", ""]
    lines += (
        [f"Options, under options: {spec.name}:", *_field_lines(spec.fields, "  ")]
        if spec.fields
        else ["Options: none"]
    )
    lines += ["", "Example:"] + [f"  {line}" if line else "" for line in spec.example_yaml.strip().splitlines()]
    for number, example in enumerate(spec.examples, 1):
        lines += ["", f"Example {number}: {example.title}", "", *_indented(example.picture), ""]
        lines += [*_indented(example.yaml), "", f"  {example.result}"]
    return "\n".join(lines) + "\n"


def _indented(text: str) -> list[str]:
    return [f"  {line}" if line else "" for line in text.rstrip().splitlines()]


def _field_lines(fields: tuple[FieldSpec, ...], indent: str) -> list[str]:
    lines: list[str] = []
    for field in fields:
        lines.append(f"{indent}{field.name} ({_remarks(field)})")
        lines.append(f"{indent}    {field.description}")
        lines += _field_lines(field.fields, indent + "    ")
    return lines


def _remarks(field: FieldSpec) -> str:
    remarks = ["one of " + ", ".join(field.choices) if field.choices else field.type]
    remarks += [f"or {word}" for word in field.words]
    if field.required:
        remarks.append("required")
    elif field.default is not None and field.type != "object":
        default = ", ".join(field.default) if isinstance(field.default, tuple) else str(field.default)
        remarks.append(f"default {default.lower() if field.type == 'boolean' else default}")
    if field.minimum is not None:
        remarks.append(f"at least {field.minimum:g}")
    if field.secret:
        remarks.append("secret")
    return ", ".join(remarks)
