"""The connector `http`: what people read about it, and how its reader is built."""

from __future__ import annotations

from entrepot.adapters.http.checks import check
from entrepot.adapters.http.fields import FIELDS
from entrepot.intake.sources.base import ReaderContext
from entrepot.intake.sources.fields import Options
from entrepot.intake.sources.spec import Capability, ConnectorSpec
from entrepot.ports.reader import Reader


def _build(options: Options, context: ReaderContext) -> Reader:
    from entrepot.adapters.http.options import read_http_options
    from entrepot.adapters.http.source import HttpReader

    return HttpReader(read_http_options(options, context.root, context.flow), context)


SPEC = ConnectorSpec(
    name="http",
    summary="Records of any JSON API: pages, credentials, rate limits, and what is new since last time.",
    description="""\
A fetch asks for page after page and keeps each as it was received, under .entrepot/landing/<source>/<fetch>/, before anything is
planned: a batch that is done again reads the same pages. They stay for keep_raw after their rows are safe, and a row's _origin names
its page and its place there: orders@20261121T101502-3f9c2a/page-000001.json#17.

What is new is found in one of three ways. cursor.field: each fetch asks for records that are not older than the greatest value seen,
less an overlap for those that appear late; records that an earlier fetch brought, letter by letter the same, are left out, changed ones
come again, so write: merge. cursor.from: the server says with each page how the stream goes on. Without cursor all records are fetched
each time, and taken when anything changed: write: replace or merge.

Numbers keep the digits they are written with; lists and objects stay the JSON text they are, unless flatten or explode opens them.

Requests are repeated after timeouts, broken connections, 408, 425, 429 and 5xx, with drawn pauses that grow, and as late as Retry-After
says. A POST is repeated only where the server cannot have seen it or says that it did nothing, unless it is repeatable. Credentials go to
the host of url only: a redirect to another host is followed without them, a next page at another host is refused. Proxies and authorities
are those of the environment: HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE.

Secrets are named, never written: {secret: shop/token} is the variable ENTREPOT_SECRET_SHOP_TOKEN, or the file .entrepot/secrets/shop/token.""",
    example_yaml="""\
connector: http
dataset: bronze.orders
write: merge
options:
  url: https://shop.example/api/v2/orders
  auth: {bearer: {secret: shop/token}}
  records: data
  pagination: {kind: cursor, param: after, from: body.meta.next, size_param: limit, size: 500}
  cursor: {field: updated_at, param: since, overlap: 10m}
  flatten: {}
  per_second: 5
""",
    fields=FIELDS,
    factory=_build,
    capabilities=frozenset({Capability.CURSOR, Capability.LANDS}),
    check=check,
)
