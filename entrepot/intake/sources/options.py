"""Options checked against a connector's spec: every error says where in the user's file and what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from entrepot.intake.sources.fields import FieldSpec, KeyPath, Options, Places, nowhere
from entrepot.intake.sources.spec import ConnectorSpec
from entrepot.kernel.errors import ProjectError

_WORDS = {
    "string": "a text",
    "strings": "a text or a list of texts",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "scalar": "a text or a number",
    "object": "a mapping of options",
    "objects": "a mapping of options, or a list of such",
    "mapping": "a mapping of names to texts",
}


def read_options(spec: ConnectorSpec, options: Mapping[str, Any], places: Places = nowhere) -> Options:
    """Check options and fill in defaults.

    Raises: ProjectError, the first of what `check_options` finds.
    """
    filled, errors = check_options(spec, options, places)
    if errors:
        raise errors[0]
    return filled


def check_options(
    spec: ConnectorSpec, options: Mapping[str, Any], places: Places = nowhere
) -> tuple[Options, list[ProjectError]]:
    """Find everything that is wrong with a connector's options; return them with defaults, and the errors."""
    errors: list[ProjectError] = []
    filled = _fill(spec.name, spec.all_fields, options, places, (), errors)
    for one in () if errors else spec.formats:
        filled[one.name] = filled.get(one.name, {})
        for path, text in one.check(filled[one.name]) if one.check else ():
            named = _dotted((one.name, *path))
            place = places((one.name, *path))
            errors.append(ProjectError(f"option {named!r} of connector {spec.name} {text}", place=place))
    if not errors and spec.check is not None:
        errors.extend(spec.check(filled, places))
    return filled, errors


def _fill(
    connector: str,
    fields: tuple[FieldSpec, ...],
    options: Mapping[str, Any],
    places: Places,
    at: KeyPath,
    errors: list[ProjectError],
) -> dict[str, Any]:
    known = {field.name: field for field in fields}
    errors.extend(_unknown(connector, tuple(known), key, places, at) for key in options if key not in known)
    filled: dict[str, Any] = {}
    for field in fields:
        path = (*at, field.name)
        value = options.get(field.name)
        if value is None:
            if field.required:
                errors.append(_missing(connector, field, places, at))
            filled[field.name] = field.default
            if field.type == "object" and field.default is not None:
                filled[field.name] = _fill(connector, field.fields, {}, places, path, errors)
        elif problem := _find_problem(field, value):
            errors.append(_wrong(connector, field, value, problem, places, path))
        else:
            filled[field.name] = _take(connector, field, value, places, path, errors)
    return filled


def _take(
    connector: str, field: FieldSpec, value: Any, places: Places, path: KeyPath, errors: list[ProjectError]
) -> Any:
    """A value of the right type as the reader gets it."""
    if isinstance(value, str) and value in field.words:
        return value
    match field.type:
        case "object":
            return _fill(connector, field.fields, value, places, path, errors)
        case "objects" if isinstance(value, Mapping):
            return (_fill(connector, field.fields, value, places, path, errors),)
        case "objects":
            return tuple(
                _fill(connector, field.fields, item, places, (*path, number), errors)
                for number, item in enumerate(value)
            )
        case "strings":
            return tuple([value] if isinstance(value, str) else value)
        case "mapping":
            return {str(name): str(text) for name, text in value.items()}
        case _:
            return value


def _find_problem(field: FieldSpec, value: object) -> str | None:
    """What is allowed, when the value is not."""
    if isinstance(value, str) and value in field.words:
        return None
    if not _has_type(field, value):
        return " or ".join([_WORDS[field.type], *field.words])
    if field.choices and value not in field.choices:
        return "one of " + ", ".join(field.choices)
    if field.minimum is not None and isinstance(value, int | float) and value < field.minimum:
        return f"at least {field.minimum:g}"
    return None


def _has_type(field: FieldSpec, value: object) -> bool:
    match field.type:
        case "string":
            return isinstance(value, str)
        case "strings":
            many = isinstance(value, list | tuple) and bool(value) and all(isinstance(item, str) for item in value)
            return isinstance(value, str) or many
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "boolean":
            return isinstance(value, bool)
        case "scalar":
            return isinstance(value, str | int | float) and not isinstance(value, bool)
        case "object":
            return isinstance(value, Mapping)
        case "objects":
            many = isinstance(value, list | tuple) and all(isinstance(item, Mapping) for item in value)
            return isinstance(value, Mapping) or many
        case "mapping":
            return isinstance(value, Mapping) and all(isinstance(text, str | int | float) for text in value.values())


def _dotted(path: KeyPath) -> str:
    return ".".join(str(step) for step in path)


def _unknown(connector: str, allowed: tuple[str, ...], key: str, places: Places, at: KeyPath) -> ProjectError:
    near = difflib.get_close_matches(str(key), allowed, n=1)
    within = f" in {_dotted(at)}" if at else ""
    return ProjectError(
        f"unknown option {key!r}{within} of connector {connector}; allowed are {', '.join(allowed)}.",
        place=places((*at, key)),
        hint=f"Did you mean {near[0]!r}?" if near else f"See: entrepot connectors show {connector}",
    )


def _missing(connector: str, field: FieldSpec, places: Places, at: KeyPath) -> ProjectError:
    return ProjectError(
        f"option {_dotted((*at, field.name))!r} of connector {connector} is missing: {field.description}",
        place=places(at),
        hint=f"See: entrepot connectors show {connector}",
    )


def _wrong(
    connector: str, field: FieldSpec, value: object, allowed: str, places: Places, path: KeyPath
) -> ProjectError:
    came = "a secret value" if field.secret else repr(value)
    return ProjectError(
        f"option {_dotted(path)!r} of connector {connector} is {came}; allowed is {allowed}.", place=places(path)
    )
