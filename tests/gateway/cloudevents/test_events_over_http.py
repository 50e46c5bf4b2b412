"""CloudEvents 1.0 over HTTP in structured, binary and batch mode, as the specification and its conformance material have them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from entrepot.intake.gateway.bodies import parse_json
from entrepot.intake.gateway.cloudevents import (
    BATCH,
    STRUCTURED,
    Event,
    decode_header,
    read_binary,
    read_structured,
    split_array,
)
from entrepot.intake.gateway.integration import Reading, Refusal
from entrepot.intake.gateway.plain import PlainRows
from entrepot.intake.gateway.unreadable import Unreadable
from tests.gateway.settings.integration_lab import build, only, refused, request

OPEN = "auth: none"
EVENT = {"specversion": "1.0", "id": "17", "source": "/till/4", "type": "com.example.sale"}
BINARY = {f"ce-{name}": value for name, value in EVENT.items()}


def structured(**more: Any) -> str:
    """An event in the JSON format."""
    return json.dumps({**EVENT, **more}, ensure_ascii=False)


def rows(found: Reading) -> list[dict[str, Any]]:
    """The rows of a record without a handler, numbers as texts."""
    return [parse_json(text) for text in PlainRows()(found.content_type, found.headers, found.body)]


# --- the official material ---------------------------------------------------------------------------------


def scenarios(shared_data: Path) -> list[tuple[Mapping[str, str], str, Mapping[str, str], Any]]:
    """Headers, body, attributes and data of each example in the Gherkin file of the conformance suite."""
    text = (shared_data / "conformance" / "cloudevents" / "features" / "http-protocol-binding.feature").read_text()
    found = []
    for outline in text.split("Scenario Outline:")[1:]:
        first, second = re.findall(r'"""\n(.*?)"""', outline, re.DOTALL)
        lines = [line.strip() for line in first.strip().splitlines()]
        blank = lines.index("")
        table = dict(re.findall(r"^\s*\|\s*(\w+)\s*\|\s*(.*?)\s*\|$", outline.partition("Examples:")[0], re.MULTILINE))
        del table["key"]
        for kind in re.findall(r"^\s*\|\s*(application/.*?)\s*\|$", outline.partition("Examples:")[2], re.MULTILINE):
            headers = dict(line.split(": ", 1) for line in lines[1:blank])
            headers["Content-Type"] = kind
            wanted = {key: value.replace("<contentType>", kind) for key, value in table.items()}
            found.append((headers, "\n".join(lines[blank + 1 :]), wanted, json.loads(second)))
    return found


@pytest.mark.real
@pytest.mark.req("G1")
def test_feature_file(shared_data: Path) -> None:
    """Each scenario of the HTTP binding gives the attributes and the data that it states."""
    found = scenarios(shared_data)
    assert len(found) == 4
    for headers, body, attributes, data in found:
        reading = only(build(OPEN).read(request(body, headers)))
        assert reading.body == body.encode()
        assert reading.reference == "/mycontext/subcontext|1234-1234-1234"
        (row,) = rows(reading)
        assert {key: row[f"ce_{key}"] for key in attributes} == attributes
        assert {key: value for key, value in row.items() if not key.startswith("ce_")} == data


def documented(shared_data: Path) -> list[dict[str, Any]]:
    """The events of the conformance suite's YAML files."""
    folder = shared_data / "conformance" / "cloudevents" / "yaml"
    texts = [document for path in sorted(folder.rglob("*.yaml")) for document in path.read_text().split("\n---\n")]
    return [
        YAML(typ="safe", pure=True).load(text.replace("2018-04-05T03:56:24Z", '"2018-04-05T03:56:24Z"'))
        for text in texts
    ]


@pytest.mark.real
def test_conformance_events(shared_data: Path) -> None:
    """Each event of the conformance suite reads the same in binary and in structured mode, and as the official schema has it."""
    schema = json.loads(
        (
            shared_data / "conformance" / "cloudevents-schema" / "cloudevents" / "formats" / "cloudevents.json"
        ).read_text()
    )
    found = documented(shared_data)
    assert len(found) == 8
    for event in found:
        given = {key: str(value).strip() for key, value in event["ContextAttributes"].items() if key != "Extensions"}
        given |= {key: value.strip() for key, value in event["ContextAttributes"].get("Extensions", {}).items()}
        kind, data = given.get("datacontenttype", "application/json"), event["Data"].strip()
        headers = {f"ce-{key}": quote(value, safe="") for key, value in given.items() if key != "datacontenttype"}
        is_json = "json" in kind
        document = {**given, "datacontenttype": kind, "data": json.loads(data) if is_json else data}
        jsonschema.validate(document, schema)
        binary = only(build(OPEN).read(request(data, {**headers, "content-type": kind})))
        whole = only(build(OPEN).read(request(json.dumps(document), {"content-type": STRUCTURED})))
        assert binary.reference == whole.reference
        assert rows(binary) == rows(whole)


@pytest.mark.real
def test_what_the_schema_refuses_is_refused(shared_data: Path) -> None:
    """No document that the official schema refuses is taken as an event."""
    path = shared_data / "conformance" / "cloudevents-schema" / "cloudevents" / "formats" / "cloudevents.json"
    schema = json.loads(path.read_text())
    wrong: list[Any] = [{key: value for key, value in EVENT.items() if key != left_out} for left_out in EVENT]
    wrong += [{**EVENT, key: value} for key in EVENT for value in ("", 17, True, None, [], {})]
    wrong += [
        {**EVENT, key: value}
        for key in ("subject", "time", "dataschema", "datacontenttype")
        for value in ("", 17, [], True)
    ]
    wrong += [{**EVENT, "data_base64": 17}, [], "text", 17]
    for document in wrong:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(document, schema)
        assert (
            refused(build(OPEN).read(request(json.dumps(document), {"content-type": STRUCTURED}))).code
            == "event_invalid"
        )


# --- modes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("specversion", "0.3"), ("source", "a b"), ("time", "yesterday"), ("time", "2024-13-01T00:00:00Z"), ("time", "2024-01-01"),
        ("time", "2024-01-01T00:00:00"), ("dataschema", "no uri"), ("datacontenttype", "json"), ("Upper", "x"), ("with-dash", "x"),
        ("id", "a\x07"), ("number", 1.5), ("nested", {"a": 1}), ("data_base64", "%%"),
    ],
)  # fmt: skip
def test_invalid_events(attribute: str, value: Any) -> None:
    """Attributes that break the specification make the request wrong, and the answer names which."""
    answer = refused(build(OPEN).read(request(structured(**{attribute: value}), {"content-type": STRUCTURED})))
    assert answer.code == "event_invalid"
    assert attribute in (answer.detail or "")


@pytest.mark.parametrize(
    "time",
    ["2018-04-05T03:56:24Z", "2018-04-05t03:56:24.123456789z", "2016-12-31T23:59:60Z", "2020-02-29T00:00:00+05:30"],
)
def test_times_of_rfc_3339(time: str) -> None:
    """Leap seconds, nanoseconds, offsets and small letters are right, and kept as they came."""
    (row,) = rows(only(build(OPEN).read(request(structured(time=time), {"content-type": STRUCTURED}))))
    assert row["ce_time"] == time


def test_binary_mode() -> None:
    """Headers are the attributes, the body the data, kept byte by byte."""
    body = b'{"amount": 1.10, "ce_id": "forged"}'
    found = only(build(OPEN).read(request(body, {**BINARY, "ce-subject": "Euro%20%E2%82%AC%20%F0%9F%98%80"})))
    assert (found.body, found.reference, found.content_type) == (body, "/till/4|17", "application/json")
    (row,) = rows(found)
    assert (row["amount"], row["ce_id"], row["ce_subject"]) == ("1.10", "17", "Euro € 😀")


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"ce-id": None}, "event_invalid"), ({"ce-id": ""}, "event_invalid"), ({"ce-datacontenttype": "text/plain"}, "event_invalid"),
        ({"ce-subject": "%C0%A0"}, "event_invalid"), ({"ce-data": "x"}, "event_invalid"), ({"content-type": "application/json", "x": "y"}, None),
        ({"ce-specversion": "2.0"}, "event_invalid"),
    ],
)  # fmt: skip
def test_binary_mode_is_checked(changed: dict[str, Any], code: str | None) -> None:
    """What the binding forbids is refused."""
    answer = build(OPEN).read(request("{}", {**BINARY, **changed}))
    assert (answer.code if isinstance(answer, Refusal) else None) == code


def test_batch_mode() -> None:
    """Each event of a batch is a record of its own, letter by letter; one that is wrong does not fail the others."""
    good = '{"specversion": "1.0", "id" : "1",  "source": "/s", "type": "t", "data": {"n": 1.0}}'
    body = f' [ {good} ,\n {{"id": "2"}}, {good.replace("1", "3", 1).replace("3.0", "1.0").replace(": " + chr(34) + "1" + chr(34), ": " + chr(34) + "3" + chr(34))} ] '
    found = build(OPEN).read(request(body, {"content-type": BATCH}))
    assert not isinstance(found, Refusal)
    assert [(one.reference, one.fault.code if one.fault else None) for one in found] == [
        ("/s|1", None), ("", "event_invalid"), ("/s|3", None),
    ]  # fmt: skip
    assert found[0].body == good.encode()
    assert {one.content_type for one in found} == {STRUCTURED}
    assert build(OPEN).read(request("[]", {"content-type": BATCH})) == []
    assert refused(build(OPEN).read(request("[1", {"content-type": BATCH}))).code == "unreadable"
    assert refused(build(OPEN).read(request(good, {"content-type": BATCH}))).code == "unreadable"


def test_events_as_lines_of_a_batch() -> None:
    """At …/batch each element is an event in structured mode, where the content type or the integration says so."""
    for yaml, kind in ((OPEN, BATCH), (f"{OPEN}\ncloudevents: only", "application/x-ndjson")):
        found = only(build(yaml).read(request(structured(), {"content-type": kind}, number=4)))
        assert (found.reference, found.content_type) == ("/till/4|17", STRUCTURED)
    assert (
        only(build(OPEN).read(request(structured(), {"content-type": "application/x-ndjson"}, number=4))).content_type
        == "application/json"
    )


def test_also_only_never() -> None:
    """An integration says whether it takes events, only these, or none."""
    plain, event = request("{}"), request(structured(), {"content-type": STRUCTURED})
    only_events, never = build(f"{OPEN}\ncloudevents: only"), build(f"{OPEN}\ncloudevents: never")
    assert refused(only_events.read(plain)).code == "unsupported_content"
    assert only(only_events.read(event)).reference == "/till/4|17"
    assert only(never.read(event)).reference.startswith("sha256:")
    assert PlainRows(events=False)(STRUCTURED, (), structured().encode()) == (structured(),)


def test_other_formats_are_refused() -> None:
    """Events in Avro or protobuf are said to be unknown, not taken for bytes."""
    for kind in ("application/cloudevents+avro", "application/cloudevents-batch+xml"):
        assert refused(build(OPEN).read(request(b"x", {"content-type": kind}))).status == 415


def test_a_stated_reference_holds_for_events_too() -> None:
    """Where the integration says where the reference stands, that counts in place of source and id."""
    door = build(f"{OPEN}\nreference: {{body: data.order}}\nkey: {{body: source}}")
    found = only(door.read(request(structured(data={"order": 5}), {"content-type": STRUCTURED})))
    assert (found.reference, found.key) == ("5", "/till/4")
    shared = build(f"{OPEN}\nreference: {{header: X-Id}}").read(
        request(f"[{structured()}]", {"content-type": BATCH, "x-id": "1"})
    )
    assert not isinstance(shared, Refusal) and shared[0].fault is not None


@settings(deadline=None)
@given(text=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])))
def test_header_values_come_back(text: str) -> None:
    """What is percent-encoded as the binding says, and what older senders quote, is decoded to the same text."""
    assert decode_header(quote(text, safe=""), "ce-subject") == text
    if text.isascii() and "%" not in text:
        quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
        assert decode_header(quoted, "ce-subject") == text


@settings(deadline=None)
@given(
    headers=st.lists(
        st.tuples(
            st.sampled_from(["ce-id", "ce-source", "ce-type", "ce-specversion", "ce-x", "ce-time"]),
            st.text(st.characters(max_codepoint=255), max_size=9),
        )
    ),
    kind=st.text(max_size=12),
    body=st.binary(max_size=30),
)
def test_binary_garbage(headers: list[tuple[str, str]], kind: str, body: bytes) -> None:
    """Any headers give an event with its four attributes, or are refused."""
    try:
        event = read_binary(headers, kind, body)
    except Unreadable:
        return
    assert all(event.attributes[name] for name in ("id", "source", "type", "specversion"))


# --- rows of events and of plain bodies ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({}, {}),
        ({"data": {"a": {"b": [1]}}}, {"a": {"b": ["1"]}}),
        ({"data": None}, {"data": None}),
        ({"data": "text"}, {"data": "text"}),
        ({"data": [1, 2]}, {"data": ["1", "2"]}),
        ({"data_base64": base64.b64encode(b"\x00\xff").decode()}, {"data_base64": "AP8="}),
        ({"data_base64": base64.b64encode(b'{"a": 1.0}').decode(), "datacontenttype": "application/json"}, {"a": "1.0"}),
        ({"data_base64": base64.b64encode("é".encode()).decode(), "datacontenttype": "text/plain"}, {"data": "é"}),
    ],
)  # fmt: skip
def test_rows_of_events(more: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Data that are an object are the row; others stand under `data` or `data_base64`."""
    (row,) = rows(only(build(OPEN).read(request(structured(**more), {"content-type": STRUCTURED}))))
    assert {key: value for key, value in row.items() if not key.startswith("ce_")} == wanted


def test_a_list_of_objects_gives_several_rows() -> None:
    """Each with the event's attributes."""
    found = rows(
        only(
            build(OPEN).read(
                request(structured(data=[{"n": 1, "ce_id": "forged"}, {"n": 2}]), {"content-type": STRUCTURED})
            )
        )
    )
    assert [(row["n"], row["ce_id"]) for row in found] == [("1", "17"), ("2", "17")]


PLAIN = [
    ("application/json", b' {"a": 1.10} \n', ['{"a": 1.10}']),
    ("", b'{"a":1}', ['{"a":1}']),
    ("application/json", b'[{"a": 1e5}, {"b": [1,2]}]', ['{"a": 1e5}', '{"b": [1,2]}']),
    ("application/json", b"[]", []),
    ("application/x-ndjson", b'{"a": 1}\r\n\n{"a": 2}', ['{"a": 1}', '{"a": 2}']),
    ("application/x-www-form-urlencoded", b"a=1&b=x+y&b=%C3%A9", ['{"a": "1", "b": ["x y", "é"]}']),
    ("application/json; charset=iso-8859-1", '{"a": "é"}'.encode("latin-1"), ['{"a": "é"}']),
]


@pytest.mark.parametrize(("kind", "body", "wanted"), PLAIN)
def test_plain_rows(kind: str, body: bytes, wanted: list[str]) -> None:
    """Without a handler each JSON object is a row, letter by letter; lists and lines give several, a form one."""
    assert list(PlainRows()(kind, (), body)) == wanted


@pytest.mark.parametrize(
    ("kind", "body", "code"),
    [
        ("application/json", b"17", "unreadable"), ("application/json", b'[{"a":1}, 2]', "unreadable"), ("application/json", b'{"a":1,"a":2}', "unreadable"),
        ("application/json", b'{"a": NaN}', "unreadable"), ("application/x-ndjson", b'{"a":1}\n[]', "unreadable"), ("application/json", b"\xff", "unreadable"),
        ("application/json; charset=utf-16", b"{}", "unsupported_content"), ("text/csv", b"a,b", "unsupported_content"), ("text/xml", b"<a/>", "unsupported_content"),
    ],
)  # fmt: skip
def test_what_gives_no_rows(kind: str, body: bytes, code: str) -> None:
    """What is no row by itself is an error of the record, in words for its sender."""
    with pytest.raises(Unreadable) as caught:
        PlainRows()(kind, (), body)
    assert caught.value.code == code


@settings(deadline=None)
@given(
    values=st.lists(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5)), max_size=5),
    indent=st.sampled_from([None, 1]),
)
def test_array_elements_come_letter_by_letter(values: list[dict[str, Any]], indent: int | None) -> None:
    """The elements of an array, cut out, are the texts that stood in it."""
    text = json.dumps(values, indent=indent, ensure_ascii=False)
    found = split_array(text, 100)
    assert [json.loads(one) for one in found] == values
    assert all(one in text for one in found)


def test_events_are_values() -> None:
    """The same event reads to the same value."""
    assert read_structured(structured(data={"a": 1})) == read_structured(structured(data={"a": 1}))
    assert read_structured(structured()) == Event(EVENT)
