"""Words for what the standard's schema says in keywords: what came, what is allowed, what to do."""

from __future__ import annotations

from typing import Any

from entrepot.contracts.findings import say_allowed, suggest

KIND_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}
"""The kinds of values of JSON, as people say them."""


def show_value(value: Any) -> str:
    """What came, short enough for a message."""
    if value is None:
        return "empty"
    if isinstance(value, str):
        return f"the text {value!r}" if len(value) <= 60 else f"the text {value[:57]!r}…"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return "a mapping" if isinstance(value, dict) else f"the number {value}"


def say_limit(error: Any) -> str:
    """What the broken keyword of the schema allows."""
    value = error.validator_value
    match error.validator:
        case "type":
            return (
                f"allowed is {say_allowed(KIND_WORDS[word] for word in ([value] if isinstance(value, str) else value))}"
            )
        case "enum":
            return f"allowed is {say_allowed(str(item) for item in value)}"
        case "pattern":
            return f"allowed is text of the form {value}"
        case "minimum":
            return f"allowed is {value} or more"
        case "exclusiveMinimum":
            return f"allowed is more than {value}"
        case "maximum":
            return f"allowed is {value} or less"
        case "minItems":
            return f"allowed is a list of {value} or more"
        case "maxItems":
            return f"allowed is a list of {value} or fewer"
        case "uniqueItems":
            return "allowed is a list without repetition"
    return str(error.message)


def say_needed(error: Any, key: str) -> str:
    """What a missing key may be, as far as the schema says it beside."""
    part = error.schema.get("properties", {}).get(key, {})
    if "enum" in part:
        return f"allowed is {say_allowed(part['enum'])}"
    kind = part.get("type")
    return f"allowed is {KIND_WORDS[kind]}" if isinstance(kind, str) else "it must be there"


_LOGICAL = {
    "string": ("varchar", "text", "char", "nvarchar", "str", "uuid", "character varying"),
    "integer": ("int", "bigint", "smallint", "tinyint", "long", "int32", "int64", "serial"),
    "number": ("float", "double", "decimal", "numeric", "real", "money"),
    "boolean": ("bool", "bit"),
    "timestamp": ("datetime", "timestamptz", "timestamp_tz", "timestamp_ntz", "datetime2"),
    "object": ("struct", "record", "json"),
    "array": ("list",),
}
"""Words of databases and programs, and the standard's logicalType for each."""


def find_hint(error: Any) -> str | None:
    """What to do about it, where that is clear."""
    if error.validator == "enum" and isinstance(error.instance, str):
        word = error.instance.lower().partition("(")[0].strip()
        logical = next((kind for kind, words in _LOGICAL.items() if word in words), None)
        if logical in error.validator_value:
            return f"Write logicalType: {logical}; {error.instance} may stand under physicalType."
        return suggest(error.instance, [item for item in error.validator_value if isinstance(item, str)])
    if error.validator == "type" and error.validator_value == "string" and not isinstance(error.instance, list | dict):
        return "Write it in quotes." if error.instance is not None else "Remove the key or give it a text."
    return None
