"""The connector `inbox`: records that others send to `/api/v1/in/<name>`, as a source."""

from __future__ import annotations

from entrepot.intake.gateway.checks import check_inbox
from entrepot.intake.gateway.fields import FIELDS
from entrepot.intake.sources.base import ReaderContext
from entrepot.intake.sources.fields import Options
from entrepot.intake.sources.spec import Capability, ConnectorSpec
from entrepot.kernel.errors import ProjectError
from entrepot.ports.reader import Reader


def _build(options: Options, context: ReaderContext) -> Reader:
    from entrepot.intake.gateway.reader import InboxReader

    if len(context.members) > 1:
        raise ProjectError(
            f"the integration {context.source or context.flow} names {len(context.members)} datasets; allowed is one.",
            hint="Let a model make the others from the first.",
        )
    handler = options["handler"]
    if handler is not None and not (context.root / "handlers" / f"{handler}.py").is_file():
        raise ProjectError(
            f"the integration {context.flow} names the handler {handler}, but there is no handlers/{handler}.py.",
            hint="Write it with a function handle(record), or correct the option handler.",
        )
    return InboxReader(context, batch_rows=options["batch_rows"], has_topic=options["topic"] is not None)


SPEC = ConnectorSpec(
    name="inbox",
    summary="Records that partners and applications send by HTTP to /api/v1/in/NAME, where NAME is the source's name.",
    description="""\
While `entrepot up` runs, each record is stored as it was received before it is acknowledged with 202 and an id. A handler, or
without one the JSON itself, makes rows of it outside of the request; the flow takes them to bronze, each once. The contract may
name the columns integration_id, record_id, external_reference, received_at (the record's own, whatever stands in the row) and
payload (the whole row as JSON text).

The same reference within the window is the same record: with the same body the sender gets the same answer, with another body
it is a conflict, which is kept and shown. Where senders sign only the body, nothing but the body says which record it is.

Secrets are named, never written here: {secret: scope/key} is the variable ENTREPOT_SECRET_SCOPE_KEY, or the file
.entrepot/secrets/scope/key. All fields, forms and providers: docs/how-to/integrations.md.""",
    example_yaml="""\
connector: inbox
options:
  auth:
    - standard_webhooks: {secrets: [{secret: shop/webhook}, {secret: shop/webhook_new}]}
    - token: {secrets: {secret: shop/token}, header: X-Api-Key}
      ip: {allowed: [192.0.2.0/24]}
  reference: {body: order.id}
  key: {body: order.customer}
  on_error: wait
  handler: shop_orders
  limits: {body_mb: 1, per_second: 200}
  archive_after: 30d
""",
    fields=FIELDS,
    factory=_build,
    capabilities=frozenset({Capability.CURSOR, Capability.LANDS, Capability.STREAM}),
    check=check_inbox,
)
