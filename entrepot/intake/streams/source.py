"""The connector `topic`: messages of a topic of the bus, as a source."""

from __future__ import annotations

from entrepot.intake.sources.base import ReaderContext
from entrepot.intake.sources.fields import FieldSpec, Options
from entrepot.intake.sources.spec import Capability, ConnectorSpec
from entrepot.intake.streams.settings import METADATA, TopicOptions
from entrepot.kernel.errors import ProjectError
from entrepot.ports.reader import Reader


def _build(options: Options, context: ReaderContext) -> Reader:
    from entrepot.intake.streams.reader import TopicReader

    if len(context.members) > 1:
        raise ProjectError(
            f"the source {context.source or context.flow} names {len(context.members)} datasets; a topic feeds one.",
            hint="Name the topic in a source for each dataset, or let a model make the others from the first.",
        )
    return TopicReader(context, TopicOptions.of(options))


SPEC = ConnectorSpec(
    name="topic",
    summary="Messages of a topic of the bus, each once.",
    description="""\
Topics are kept in .entrepot/bus.db; integrations with the option `topic`, applications and `entrepot topics put` put messages on
them. The source keeps its own place in each partition, together with the rows: no message is lost or comes twice, whatever is killed.
Messages are kept at least until the source has taken them.

A message's value is a JSON object, or a list of objects: a row each. With format text or bytes it stands in the column payload (bytes
as Base64). The contract may name the columns topic, partition, offset, key, published_at and record_id: these are the message's own.
Where a JSON object has a value of its own under such a name, the message is rejected, since nobody can tell which one is meant; the
option metadata decides it.

Messages of one key come in the order in which they were put, as long as the topic's number of partitions stays.""",
    example_yaml="""\
connector: topic
options:
  topic: web_events
  start: earliest
  on_unreadable: dead_letter
""",
    fields=(
        FieldSpec(name="topic", type="string", required=True, description="The topic's name. It may be made later."),
        FieldSpec(
            name="format",
            type="string",
            default="json",
            choices=("json", "text", "bytes"),
            description="What a message's value is: JSON, text in UTF-8, or any bytes.",
        ),
        FieldSpec(
            name="start",
            type="string",
            default="earliest",
            choices=("earliest", "latest"),
            description=(
                "Where the source begins when it has taken nothing yet: with the oldest message that is kept, or with "
                "those that come after its first look."
            ),
        ),
        FieldSpec(
            name="batch_rows",
            type="integer",
            default=20_000,
            minimum=1,
            description="Messages that one batch takes at most, of all partitions together.",
        ),
        FieldSpec(
            name="on_unreadable",
            type="string",
            default="reject",
            choices=("reject", "dead_letter"),
            description=(
                "Where messages go that are not of the format: to the dataset's rejects, or as they are to the topic "
                "TOPIC.dead, with the reason in their headers."
            ),
        ),
        FieldSpec(
            name="metadata",
            type="strings",
            description=(
                f"Which of the contract's columns hold what the message itself says ({', '.join(METADATA)}), whatever "
                "stands in the JSON object. Not said: all that the contract has, and objects with such a name are rejected. "
                "record_id is always the message's."
            ),
        ),
    ),
    factory=_build,
    capabilities=frozenset({Capability.CURSOR, Capability.LANDS, Capability.STREAM}),
    check=TopicOptions.check,
)
