"""What cannot be right about the options of an integration; each fault with the key path of the option."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from entrepot.intake.gateway.addresses import parse_networks
from entrepot.intake.gateway.bodies import parse_path
from entrepot.intake.gateway.secret_keys import parse_secret_name
from entrepot.intake.gateway.signing_options import (
    build_signing,
    build_standard_signing,
    find_hmac_faults,
)
from entrepot.intake.sources.fields import KeyPath, Options, Places
from entrepot.kernel.durations import parse_duration
from entrepot.kernel.errors import ProjectError

ALWAYS = "always"
_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`|~]{1,200}\Z")
Said = Mapping[str, Any]
Faults = Iterator[tuple[KeyPath, str]]


def check_inbox(options: Options, places: Places) -> list[ProjectError]:
    """`ConnectorSpec.check` of the connector inbox."""
    return [
        ProjectError(
            f"option {'.'.join(map(str, path))!r} of connector inbox {text}",
            place=places(path),
            hint="See: entrepot connectors show inbox",
        )
        for path, text in find_faults(options)
    ]


def find_faults(options: Options) -> Faults:
    """Everything that is wrong beyond single options."""
    found = [
        *_texts(options),
        *_pieces(options, "reference"),
        *_pieces(options, "key"),
        *_auth(options),
    ]
    yield from found
    if options["on_error"] is not None and not options["key"]:
        yield ("on_error",), "is said without key; it is about records of one key."
    if not found:  # else what is signed cannot be told
        yield from _coverage(options)


def alternatives(options: Options) -> tuple[Said, ...]:
    """The entries of auth; none for `none` and when nothing is said."""
    return options["auth"] if isinstance(options["auth"], tuple) else ()


def signed_headers(entry: Said) -> frozenset[bytes] | None:
    """Headers that the signatures of an entry cover; None when it has no signature."""
    found: list[frozenset[bytes]] = []
    if entry["hmac"] is not None:
        found.append(build_signing(entry["hmac"]).covered)
    if entry["standard_webhooks"] is not None:
        found.append(build_standard_signing(entry["standard_webhooks"]).covered)
    return frozenset().union(*found) if found else None


def is_signed(options: Options) -> bool:
    """True when a sender may prove itself by a signature."""
    return any(signed_headers(entry) is not None for entry in alternatives(options))


def _texts(options: Options) -> Faults:
    if options["window"] != ALWAYS:
        yield from _try(parse_duration, options["window"], "window")
    if options["archive_after"] is not None:
        yield from _try(parse_duration, options["archive_after"], "archive_after")
    for name in ("handler", "files", "topic"):
        if options[name] is not None and _NAME.match(options[name]) is None:
            yield (name,), f"is {options[name]!r}; allowed are lower-case letters, digits and _, a letter first."
    if options["proxies"] is not None:
        yield from _try(parse_networks, options["proxies"], "proxies")


def _pieces(options: Options, name: str) -> Faults:
    for number, piece in enumerate(options[name] or ()):
        said = [kind for kind in ("header", "body", "query") if piece[kind] is not None]
        if len(said) != 1:
            yield (name, number), f"names {' and '.join(said) or 'nothing'}; allowed is one of header, body and query."
        if piece["header"] is not None:
            yield from _header(piece["header"], name, number, "header")
        if piece["body"] is not None:
            yield from _try(parse_path, piece["body"], name, number, "body")
    if options[name] == ():
        yield (name,), "is empty; leave it out, or say header, body or query."


def _auth(options: Options) -> Faults:
    if options["auth"] == ():
        yield ("auth",), "is empty; leave it out for the administrator's token, or say none if everybody may send."
    for number, entry in enumerate(alternatives(options)):
        at: KeyPath = ("auth", number)
        if not any(value is not None for value in entry.values()):
            yield at, "names nothing that a sender must prove."
        for kind, said in entry.items():
            yield from () if said is None else _proof(kind, said, (*at, kind), options)


def _proof(kind: str, said: Said, at: KeyPath, options: Options) -> Faults:
    for number, secret in enumerate(said.get("secrets") or ()):
        yield from _try(parse_secret_name, secret["secret"], *at, "secrets", number, "secret")
    if said.get("secrets") == ():
        yield (*at, "secrets"), "is empty; name one at least."
    for name in ("header", "timestamp_header", "id_header", "verified_header"):
        if said.get(name) is not None:
            yield from _header(said[name], *at, name)
    if "tolerance" in said:
        yield from _try(parse_duration, said["tolerance"], *at, "tolerance")
    if kind == "hmac":
        yield from (((*at, name), text) for name, text in find_hmac_faults(said))
    if kind == "ip":
        yield from _try(parse_networks, said["allowed"], *at, "allowed")
    if kind == "mtls" and options["proxies"] is None:
        yield at, "needs proxies: a header about a certificate counts only from a proxy that is trusted."


def _coverage(options: Options) -> Faults:
    """Where a signature covers only the body, nothing else may say which record it is: it could be changed, and the request sent again."""
    if not is_signed(options):
        return
    pieces = list(enumerate(options["reference"] or ()))
    for entry in alternatives(options):
        covered = signed_headers(entry)
        for number, piece in pieces if covered is not None else ():
            unsigned = piece["query"] is not None or (
                piece["header"] is not None and piece["header"].strip().lower().encode() not in (covered or ())
            )
            if unsigned and not piece["unsigned"]:
                yield (
                    ("reference", number),
                    "is covered by no signature: who holds one signed request could send it again under another id. "
                    "Take a field of the body, a header that is signed, leave reference out (a hash of the body), or say unsigned: true.",
                )
    if options["cloudevents"] == "also" and not pieces:
        yield (
            ("cloudevents",),
            "is also, but a signature does not cover what tells an event from other bodies; say only or never, or a reference in the body.",
        )
    if options["batches"] == "also":
        yield (
            ("batches",),
            "is also, but a signature does not cover the address: a batch could be sent again as a single record; say only or never.",
        )


def _header(text: str, *at: str | int) -> Faults:
    if _HEADER.match(text.strip()) is None:
        yield at, f"is {text[:60]!r}, which is no name of a header."


def _try(parse: Callable[[Any], object], value: Any, *at: str | int) -> Faults:
    try:
        parse(value)
    except ValueError as error:
        text = str(error)
        yield at, (text if text.startswith("is ") else f"is wrong: {text}") + "."
