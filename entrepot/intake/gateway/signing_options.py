"""The options `hmac` and `standard_webhooks` as a `Signing`, and what cannot be right about them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from entrepot.intake.gateway.signatures import PRESETS, STANDARD_WEBHOOKS, Signing, with_tolerance
from entrepot.kernel.durations import duration_us

_BESIDE_PRESET = ("preset", "secrets", "tolerance")
_MARKS = re.compile(r"\{[^}]*\}")
Said = Mapping[str, Any]


def build_signing(hmac: Said) -> Signing:
    """The signing that checked options state."""
    tolerance_us = duration_us(hmac["tolerance"])
    if hmac["preset"] is not None:
        return with_tolerance(PRESETS[hmac["preset"]], tolerance_us)
    return Signing(
        header=_lower(hmac["header"]) or b"",
        algorithm=hmac["algorithm"] or "sha256",
        encoding=hmac["encoding"] or "hex",
        prefix=(hmac["prefix"] or "").encode(),
        signed=(hmac["signed"] or "{body}").encode(),
        timestamp_header=_lower(hmac["timestamp_header"]),
        id_header=_lower(hmac["id_header"]),
        timestamp_key=_bytes(hmac["timestamp_key"]),
        signature_key=_bytes(hmac["signature_key"]),
        tolerance_us=tolerance_us,
    )


def build_standard_signing(said: Said) -> Signing:
    """Standard Webhooks with the stated tolerance."""
    return with_tolerance(STANDARD_WEBHOOKS, duration_us(said["tolerance"]))


def find_hmac_faults(hmac: Said) -> Iterator[tuple[str, str]]:
    """Option and what is wrong with it."""
    if hmac["preset"] is not None:
        for name, value in hmac.items():
            if name not in _BESIDE_PRESET and value is not None:
                yield name, f"is said beside the preset {hmac['preset']}; leave one of them out."
        return
    if not hmac["header"]:
        yield "header", "is missing: say the header of the signature, or a preset."
    yield from _template_faults(hmac)
    if (hmac["timestamp_key"] is None) != (hmac["signature_key"] is None):
        yield "signature_key", "and timestamp_key go together: a header of pairs holds both."
    if hmac["timestamp_key"] is not None and hmac["timestamp_header"] is not None:
        yield "timestamp_header", "is said beside timestamp_key; the time stands in one of them."


def _template_faults(hmac: Said) -> Iterator[tuple[str, str]]:
    signed = hmac["signed"] or "{body}"
    marks = _MARKS.findall(signed)
    unknown = [mark for mark in marks if mark not in ("{body}", "{timestamp}", "{id}")]
    if unknown:
        yield "signed", f"has {unknown[0]}; allowed are {{body}}, {{timestamp}} and {{id}}."
    if marks.count("{body}") != 1:
        yield "signed", "must have {body} once: what is not signed could be changed."
    has_time = hmac["timestamp_header"] is not None or hmac["timestamp_key"] is not None
    if has_time and "{timestamp}" not in marks:
        yield "signed", "leaves out {timestamp}, though a time is stated: anybody could change it."
    if not has_time and "{timestamp}" in marks:
        yield "signed", "has {timestamp}: say where the time stands with timestamp_header or timestamp_key."
    if (hmac["id_header"] is not None) != ("{id}" in marks):
        yield "signed", "has {id} exactly when id_header is said."


def _lower(text: str | None) -> bytes | None:
    return None if text is None else text.strip().lower().encode("latin-1", "replace")


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode()
