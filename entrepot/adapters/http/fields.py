"""The options of the connector `http`, one by one."""

from __future__ import annotations

from entrepot.intake.sources.fields import FieldSpec
from entrepot.kernel.durations import DURATION_WORDS

_IN = ("query", "header", "body")


def _secret(name: str, description: str, *, required: bool = False) -> FieldSpec:
    inner = FieldSpec(
        name="secret", type="string", required=True, secret=True, description="Its name, scope/key; never the value."
    )
    return FieldSpec(name=name, type="object", secret=True, required=required, description=description, fields=(inner,))


_AUTH = (
    _secret("bearer", "A token, sent as Authorization: Bearer …"),
    FieldSpec(
        name="key",
        type="object",
        description="A key in a header or in the query.",
        fields=(
            _secret("value", "The key.", required=True),
            FieldSpec(name="header", type="string", description="The header that bears it, X-Api-Key; or else query."),
            FieldSpec(name="query", type="string", description="The parameter that bears it, api_key."),
            FieldSpec(name="prefix", type="string", default="", description="What stands before it, 'Token '."),
        ),
    ),
    FieldSpec(
        name="basic",
        type="object",
        description="User and password.",
        fields=(
            FieldSpec(name="user", type="string", required=True, description="The user."),
            _secret("password", "The password.", required=True),
        ),
    ),
    FieldSpec(
        name="oauth2",
        type="object",
        description=(
            "OAuth 2 client credentials. The token is renewed before it ends, and once when it is "
            "refused; it is never written down."
        ),
        fields=(
            FieldSpec(name="url", type="string", required=True, description="Where tokens are given."),
            FieldSpec(name="client", type="string", required=True, description="The client's id."),
            _secret("client_secret", "The client's secret.", required=True),
            FieldSpec(name="scope", type="string", description="What is asked for, with blanks between."),
            FieldSpec(name="audience", type="string", description="For whom, where the server wants it."),
            FieldSpec(
                name="in",
                type="string",
                default="header",
                choices=("header", "body"),
                description="Where client and secret are sent.",
            ),
        ),
    ),
)
_PAGINATION = (
    FieldSpec(
        name="kind",
        type="string",
        required=True,
        choices=("page", "offset", "cursor", "link", "link_header"),
        description=(
            "page: numbers; offset: how many records to pass over; cursor: a word of the page before; "
            "link: the next address in the body; link_header: in the header Link (rel=next)."
        ),
    ),
    FieldSpec(
        name="param",
        type="string",
        description="The parameter of page, offset or cursor; called as the kind when not said.",
    ),
    FieldSpec(
        name="in",
        type="string",
        default="query",
        choices=_IN,
        description="Where the parameter is sent; in body it may be a path: variables.after.",
    ),
    FieldSpec(
        name="first", type="integer", minimum=0, description="The first page's number (1 when not said) or offset (0)."
    ),
    FieldSpec(name="size_param", type="string", description="The parameter of the page's size."),
    FieldSpec(name="size", type="integer", minimum=1, description="Records on a page."),
    FieldSpec(
        name="from",
        type="string",
        description=(
            "For cursor and link: where the page says it, body.meta.next or header.X-Next. null, an "
            "empty text or false is the end."
        ),
    ),
    FieldSpec(
        name="more", type="string", description="Where the page says whether there is another one, body.has_more."
    ),
    FieldSpec(name="pages", type="string", description="For page: where the number of pages stands, body.pages."),
    FieldSpec(
        name="total",
        type="string",
        description="Where the number of all records stands, body.total or header.X-Total-Count.",
    ),
    FieldSpec(
        name="short_is_last",
        type="boolean",
        default=False,
        description=(
            "A page with fewer records than size is the last one. Without it an empty page is: a server"
            " that gives at most 100 where 1,000 were asked for would end the fetch after the first "
            "page."
        ),
    ),
)
_CURSOR = (
    FieldSpec(
        name="field",
        type="string",
        description="The records' field that grows, updated_at or meta.version; or else from.",
    ),
    FieldSpec(
        name="param", type="string", required=True, description="The parameter that asks for what is not older: since."
    ),
    FieldSpec(name="in", type="string", default="query", choices=_IN, description="Where it is sent."),
    FieldSpec(
        name="type",
        type="string",
        default="instant",
        choices=("instant", "integer", "text"),
        description=(
            "How values of the field are compared: ISO instants and days, whole numbers, texts by their bytes."
        ),
    ),
    FieldSpec(name="start", type="scalar", description="What the very first fetch asks for; everything when not said."),
    FieldSpec(
        name="overlap",
        type="scalar",
        description=(
            f"How far each fetch looks back, for records that appear late: {DURATION_WORDS}; for whole "
            "numbers a number. Records that came before are left out, changed ones come again: write: "
            "merge."
        ),
    ),
    FieldSpec(
        name="older",
        type="string",
        default="refuse",
        choices=("refuse", "take"),
        description=(
            "Records that lie before what was asked for: mostly a sign that the server does not know the parameter."
        ),
    ),
    FieldSpec(
        name="from",
        type="string",
        description=(
            "In place of field: where the answer says how the stream goes on, body.next_cursor. The "
            "next fetch begins there."
        ),
    ),
)
_RETRY = (
    FieldSpec(
        name="attempts", type="integer", default=5, minimum=1, description="How often a request is tried in all."
    ),
    FieldSpec(
        name="wait",
        type="string",
        default="1s",
        description="The longest first pause; each is up to twice as long as the one before, its length is drawn.",
    ),
    FieldSpec(name="longest", type="string", default="60s", description="The longest pause of our own."),
    FieldSpec(
        name="longest_asked",
        type="string",
        default="5m",
        description="The longest pause that a server may ask for with Retry-After; more ends the run.",
    ),
)
_FLATTEN = (
    FieldSpec(name="separator", type="string", default="_", description="Between the keys in a column's name."),
    FieldSpec(
        name="depth",
        type="integer",
        default=100,
        minimum=1,
        description="Levels that are opened; what lies deeper stays JSON text.",
    ),
)
_EXPLODE = (
    FieldSpec(name="key", type="string", required=True, description="The key of the list."),
    FieldSpec(name="prefix", type="string", default="", description="Before the keys of its elements."),
    FieldSpec(
        name="keep_empty",
        type="boolean",
        default=False,
        description="A record without elements gives a row; else it is rejected.",
    ),
)
_CASSETTE = (
    FieldSpec(name="folder", type="string", required=True, description="The folder, from the project's."),
    FieldSpec(
        name="mode",
        type="string",
        default="replay",
        choices=("replay", "record"),
        description=(
            "replay: answers come from the folder, nothing is sent. record: what is asked and answered "
            "is written there, without secrets."
        ),
    ),
)
FIELDS = (
    FieldSpec(name="url", type="string", required=True, description="The address, without query."),
    FieldSpec(
        name="method",
        type="string",
        default="GET",
        choices=("GET", "POST"),
        description="POST for APIs that are asked with a body.",
    ),
    FieldSpec(name="params", type="mapping", description="Parameters of the query that never change."),
    FieldSpec(name="headers", type="mapping", description="Headers that are no secrets."),
    FieldSpec(name="body", type="string", description="With POST: JSON as text."),
    FieldSpec(
        name="repeatable",
        type="boolean",
        default=False,
        description="A POST that only reads: it may be sent again when no answer came.",
    ),
    FieldSpec(
        name="records",
        type="string",
        description="Keys that lead to the records, data.items; the whole answer when not said, or with '.'.",
    ),
    FieldSpec(name="auth", type="object", fields=_AUTH, description="How we prove who we are: one of these."),
    FieldSpec(
        name="pagination",
        type="object",
        fields=_PAGINATION,
        description="How the next page is asked for; one page when not said.",
    ),
    FieldSpec(
        name="cursor",
        type="object",
        fields=_CURSOR,
        description=(
            "How a fetch goes on where the one before ended. Without it all records are fetched each "
            "time, and taken when they changed: write: replace or merge."
        ),
    ),
    FieldSpec(
        name="flatten",
        type="object",
        fields=_FLATTEN,
        description="Objects within a record become columns: address_city. {} takes the defaults.",
    ),
    FieldSpec(
        name="explode",
        type="object",
        fields=_EXPLODE,
        description="One row for each element of a list, with the record's other values in each.",
    ),
    FieldSpec(name="per_second", type="number", minimum=0.001, description="At most so many requests a second."),
    FieldSpec(
        name="timeout",
        type="string",
        default="30s",
        description=(
            "How long a connection, or a piece of an answer, may take; an answer as a whole ten times as long."
        ),
    ),
    FieldSpec(
        name="retry", type="object", default={}, fields=_RETRY, description="After no answer, 408, 425, 429 and 5xx."
    ),
    FieldSpec(
        name="max_pages",
        type="integer",
        default=10_000,
        minimum=1,
        description="More pages are an error: some servers have no end.",
    ),
    FieldSpec(
        name="batch_pages",
        type="integer",
        minimum=1,
        description="With cursor.from: pages of one batch, 100 when not said.",
    ),
    FieldSpec(
        name="max_page_mb",
        type="number",
        default=64,
        minimum=0.001,
        description="A larger answer is an error; one page is in memory at a time.",
    ),
    FieldSpec(
        name="keep_raw",
        type="string",
        default="7d",
        description="How long the pages stay on disk after their rows are safe.",
    ),
    FieldSpec(
        name="takes_empty",
        type="boolean",
        default=False,
        description=(
            "Without cursor: an answer without any record is taken, and empties the table with write: replace."
        ),
    ),
    FieldSpec(
        name="cassette",
        type="object",
        fields=_CASSETTE,
        description=(
            "Recorded answers in place of the server. ENTREPOT_CASSETTES=record:FOLDER or replay:FOLDER"
            " does it for all sources."
        ),
    ),
)
