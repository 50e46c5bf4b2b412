"""The options of `connector: inbox`: what one may say of an inbound integration."""

from __future__ import annotations

from entrepot.intake.gateway.signatures import ALGORITHMS, ENCODINGS, PRESETS, SECRET_ENCODINGS
from entrepot.intake.sources.fields import FieldSpec

_SECRETS = FieldSpec(
    name="secrets",
    type="objects",
    required=True,
    secret=True,
    fields=(
        FieldSpec(
            name="secret", type="string", required=True, secret=True, description="The secret's name, scope/key."
        ),
    ),
    description=(
        "Names of the secrets that count, {secret: scope/key}; several, so that one can be changed without a break."
    ),
)
_TOLERANCE = FieldSpec(
    name="tolerance", type="string", default="5m", description="How far the time that is signed may lie back or ahead."
)
_TOKEN = (
    _SECRETS,
    FieldSpec(
        name="header",
        type="string",
        default="Authorization",
        description="The header that holds it; in Authorization after Bearer.",
    ),
)
_BASIC = (
    FieldSpec(name="user", type="string", required=True, description="The user's name."),
    _SECRETS,
)
_HMAC = (
    FieldSpec(
        name="preset",
        type="string",
        choices=tuple(PRESETS),
        description="As this provider signs; then only secrets and tolerance are said beside it.",
    ),
    _SECRETS,
    FieldSpec(name="header", type="string", description="The header that holds the signature."),
    FieldSpec(name="algorithm", type="string", choices=ALGORITHMS, description="sha256 when not said."),
    FieldSpec(
        name="encoding",
        type="string",
        choices=ENCODINGS,
        description="How the signature is written; hex when not said.",
    ),
    FieldSpec(name="prefix", type="string", description="Before the signature, sha256= for one."),
    FieldSpec(
        name="key_encoding",
        type="string",
        choices=SECRET_ENCODINGS,
        description="How the secret stands for the key: text (as it is) when not said.",
    ),
    FieldSpec(
        name="signed",
        type="string",
        description="What is signed, of {body}, {timestamp} and {id}: {timestamp}.{body}; {body} when not said.",
    ),
    FieldSpec(name="timestamp_header", type="string", description="The header of the time, in seconds since 1970."),
    FieldSpec(name="id_header", type="string", description="The header of the id that is signed."),
    FieldSpec(
        name="timestamp_key",
        type="string",
        description="The signature's header holds pairs, t=…,v1=…: the key of the time.",
    ),
    FieldSpec(name="signature_key", type="string", description="Likewise the key of the signature."),
    _TOLERANCE,
)
_MTLS = (
    FieldSpec(
        name="header", type="string", required=True, description="The header in which the proxy names the certificate."
    ),
    FieldSpec(
        name="is",
        type="string",
        choices=("fingerprint", "subject"),
        default="fingerprint",
        description="What stands in it.",
    ),
    FieldSpec(
        name="allowed",
        type="strings",
        required=True,
        description="Fingerprints (with or without colons) or subjects, letter by letter.",
    ),
    FieldSpec(
        name="verified_header",
        type="string",
        description="The header in which the proxy says that it checked the certificate.",
    ),
    FieldSpec(name="verified_value", type="string", default="SUCCESS", description="What it then holds."),
)
_IP = (
    FieldSpec(
        name="allowed",
        type="strings",
        required=True,
        description="Networks and addresses: 192.0.2.7, 10.0.0.0/8, 2001:db8::/32.",
    ),
)
_AUTH = (
    FieldSpec(name="token", type="object", secret=True, fields=_TOKEN, description="A secret token in a header."),
    FieldSpec(name="basic", type="object", fields=_BASIC, description="User and password."),
    FieldSpec(
        name="hmac", type="object", fields=_HMAC, description="A signature over the body, as many providers send it."
    ),
    FieldSpec(
        name="standard_webhooks",
        type="object",
        fields=(_SECRETS, _TOLERANCE),
        description="A signature after Standard Webhooks: webhook-id, webhook-timestamp, webhook-signature.",
    ),
    FieldSpec(
        name="mtls",
        type="object",
        fields=_MTLS,
        description="A client certificate that a proxy among proxies has checked.",
    ),
    FieldSpec(name="ip", type="object", fields=_IP, description="The sender's address."),
)


def _pieces(what: str, *, of_key: bool) -> tuple[FieldSpec, ...]:
    own = (
        FieldSpec(name="header", type="string", description=f"The header that holds {what}."),
        FieldSpec(
            name="body",
            type="string",
            description=(
                "Where it stands in the body: order.id, lines[0].sku; in XML from the root, order.@id; in a "
                "form a field's name."
            ),
        ),
        FieldSpec(name="query", type="string", description="The parameter of the address that holds it."),
        FieldSpec(name="prefix", type="string", description="A text before it."),
    )
    if of_key:
        return own
    return (
        *own,
        FieldSpec(
            name="fallback",
            type="string",
            default="refuse",
            choices=("refuse", "hash"),
            description="When it is missing: refuse the record, or take a hash of the body as its reference.",
        ),
        FieldSpec(
            name="unsigned",
            type="boolean",
            default=False,
            description=(
                "Believe it though no signature covers it: who holds a signed request could send it again under "
                "another id."
            ),
        ),
    )


_LIMITS = (
    FieldSpec(
        name="body_mb",
        type="number",
        default=10,
        minimum=0.001,
        description="Largest record, before and after its compression is undone.",
    ),
    FieldSpec(name="batch_mb", type="number", default=256, minimum=0.001, description="Largest batch."),
    FieldSpec(
        name="batch_records", type="integer", default=500_000, minimum=1, description="Most records of one batch."
    ),
    FieldSpec(name="file_mb", type="number", default=10_000, minimum=0.001, description="Largest file."),
    FieldSpec(
        name="per_second",
        type="number",
        minimum=0.001,
        description="Records a second in the long run; no limit when not said.",
    ),
    FieldSpec(
        name="burst",
        type="integer",
        default=0,
        minimum=0,
        description="How many may come at once beyond that; 0: those of one second.",
    ),
    FieldSpec(
        name="waiting",
        type="integer",
        default=1_000_000,
        minimum=1,
        description="How many records may wait to be processed; beyond it senders are told to come again later.",
    ),
)
FIELDS = (
    FieldSpec(
        name="auth",
        type="objects",
        words=("none",),
        fields=_AUTH,
        description=(
            "How senders prove themselves: entries of which one suffices; what one entry names must all "
            "hold. none: everybody may send. The administrator's token when not said."
        ),
    ),
    FieldSpec(
        name="reference",
        type="objects",
        fields=_pieces("it", of_key=False),
        description=(
            "Where the sender's own id of a record stands; several are joined. A hash of the body when not "
            "said; webhook-id with standard_webhooks; source and id of a CloudEvent."
        ),
    ),
    FieldSpec(
        name="window",
        type="string",
        default="7d",
        description="How far back the same reference is the same record: 12h, 7d, or always.",
    ),
    FieldSpec(
        name="key",
        type="objects",
        fields=_pieces("it", of_key=True),
        description="What records are ordered by: those of one key are processed one after the other.",
    ),
    FieldSpec(
        name="on_error",
        type="string",
        choices=("wait", "go_on"),
        description=("With key: later records of a key wait for one that is in error (wait, when not said), or go on."),
    ),
    FieldSpec(
        name="handler",
        type="string",
        description=(
            "The name of handlers/NAME.py, which makes rows of a record. Without one each JSON object is a "
            "row as it is; a list gives several."
        ),
    ),
    FieldSpec(
        name="timeout_s",
        type="number",
        default=30,
        minimum=0.01,
        description="How long the handler may take for one record.",
    ),
    FieldSpec(
        name="memory_mb",
        type="integer",
        default=512,
        minimum=16,
        description="How much memory a process of the handler may take.",
    ),
    FieldSpec(
        name="workers", type="integer", default=1, minimum=1, description="Processes of the handler side by side."
    ),
    FieldSpec(
        name="cloudevents",
        type="string",
        choices=("also", "only", "never"),
        description=("Whether CloudEvents are taken as such; also when not said, never with signatures over the body."),
    ),
    FieldSpec(
        name="batches",
        type="string",
        choices=("also", "only", "never"),
        description=(
            "Whether …/batch is open, and single records are taken; also when not said, never with "
            "signatures over the body."
        ),
    ),
    FieldSpec(name="limits", type="object", default={}, fields=_LIMITS, description="How much is taken."),
    FieldSpec(
        name="proxies",
        type="strings",
        description=(
            "Networks of trusted proxies: only from these X-Forwarded-For and headers about certificates count."
        ),
    ),
    FieldSpec(
        name="paused",
        type="boolean",
        default=False,
        description="Take nothing for now: senders are told to come again later.",
    ),
    FieldSpec(
        name="files",
        type="string",
        description="The name of a source of connector files: uploads to …/file go to its incoming/.",
    ),
    FieldSpec(
        name="archive_after",
        type="string",
        description="Move processed records to the lake after so long: 30d. Never when not said.",
    ),
    FieldSpec(
        name="topic", type="string", description="Put processed rows on this topic of the bus too; used by streams."
    ),
    FieldSpec(
        name="batch_rows",
        type="integer",
        default=20_000,
        minimum=1,
        description="Rows that one batch of bronze takes at most; a record is never cut.",
    ),
)
