"""The conformance suite of connectors: what a spec says about itself is whole, and holds."""

from __future__ import annotations

import re
from typing import Any

from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from entrepot.connectors import ConnectorSpec, FieldSpec, check_options, options_schema, reference_text

_SECRET = "S3cret-Value-17"


class ConnectorConformance:
    """What every connector's spec must be. Subclass it and give the fixture `spec`."""

    def test_speaks_for_itself(self, spec: ConnectorSpec) -> None:
        """Name, summary, description and every option's description are there and are sentences."""
        assert re.fullmatch(r"[a-z][a-z0-9_]*", spec.name), f"{spec.name!r}: small letters, digits and _"
        assert spec.summary.endswith(".") and "\n" not in spec.summary, "the summary is one sentence"
        assert spec.description.strip(), "the description says what people must know before they use it"
        for path, field in all_fields(spec):
            assert field.description.strip(), f"the option {path} has no description"

    def test_example_is_right(self, spec: ConnectorSpec) -> None:
        """The example is YAML, names this connector, and its options are accepted."""
        example = YAML(typ="safe").load(spec.example_yaml)
        assert example["connector"] == spec.name
        _, errors = check_options(spec, example.get("options", {}))
        assert not errors, [str(error) for error in errors]

    def test_schema_is_right(self, spec: ConnectorSpec) -> None:
        """The options' JSON Schema is one, and accepts the example."""
        schema = options_schema(spec)
        Draft202012Validator.check_schema(schema)
        example = YAML(typ="safe").load(spec.example_yaml)
        Draft202012Validator(schema).validate(example.get("options", {}))

    def test_unknown_options_are_refused(self, spec: ConnectorSpec) -> None:
        """A misspelt option is an error that says what is allowed."""
        name = spec.all_fields[0].name
        _, errors = check_options(spec, {f"{name}x": 1})
        unknown = [str(error) for error in errors if f"{name}x" in str(error)]
        assert unknown and all(field.name in unknown[0] for field in spec.all_fields)

    def test_wrong_types_are_refused(self, spec: ConnectorSpec) -> None:
        """An option of a wrong type is an error that names it."""
        for path, field in all_fields(spec):
            if "." not in path:
                _, errors = check_options(spec, {path: object()})
                assert any(repr(path) in str(error) for error in errors), f"{path} ({field.type}) accepts anything"

    def test_secrets_are_never_shown(self, spec: ConnectorSpec) -> None:
        """No error and no page shows the value of an option that is declared secret."""
        assert _SECRET not in reference_text(spec)
        for path, field in all_fields(spec):
            if field.secret:
                wrong: Any = [_SECRET] if field.type != "strings" else {"x": _SECRET}
                _, errors = check_options(spec, _nested(path.split("."), wrong))
                assert errors, f"the secret {path} accepts {type(wrong).__name__}"
                assert not [error for error in errors if _SECRET in f"{error} {error.hint} {error!r}"]

    def test_secrets_are_declared(self, spec: ConnectorSpec) -> None:
        """An option that is named as secrets are is declared secret."""
        named = re.compile(r"password|passwd|secret|token|api_?key|private_?key|credential", re.IGNORECASE)
        bare = [path for path, field in all_fields(spec) if named.search(field.name) and not field.secret]
        assert not bare, f"not declared as secret: {bare}"


def all_fields(spec: ConnectorSpec) -> list[tuple[str, FieldSpec]]:
    """Every option with its dotted name, also nested ones."""
    return _fields("", spec.all_fields)


def _fields(prefix: str, fields: tuple[FieldSpec, ...]) -> list[tuple[str, FieldSpec]]:
    found: list[tuple[str, FieldSpec]] = []
    for field in fields:
        found += [(prefix + field.name, field), *_fields(f"{prefix}{field.name}.", field.fields)]
    return found


def _nested(path: list[str], value: object) -> dict[str, Any]:
    return {path[0]: _nested(path[1:], value) if len(path) > 1 else value}
