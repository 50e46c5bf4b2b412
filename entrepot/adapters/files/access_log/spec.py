"""The format `access_log`: what people read about it, its options, and how its reader is built."""

from __future__ import annotations

from entrepot.adapters.files.access_log.options import AccessLogOptions
from entrepot.adapters.files.encodings import is_encoding
from entrepot.intake.sources.fields import FieldSpec, KeyPath, Options
from entrepot.intake.sources.formats import FormatContext, FormatReader, FormatSpec


def _build(options: Options, context: FormatContext) -> FormatReader:
    from entrepot.adapters.files.access_log.reader import AccessLogFormat

    return AccessLogFormat(AccessLogOptions(**options), context)


def _faults(options: Options) -> list[tuple[KeyPath, str]]:
    if options["encoding"] is None or is_encoding(options["encoding"]):
        return []
    return [(("encoding",), f"is {options['encoding']!r}; allowed are Python's names of encodings.")]


FORMAT = FormatSpec(
    name="access_log",
    summary="Access logs of web servers (Apache, nginx and others) in the combined or common layout.",
    description="""\
Columns are host, ident, user, time, request, method, path, protocol, status, bytes, referer, agent. A - is null. The time is given with its
offset (2015-05-17T10:05:03+00:00), for a timestamp. Of a request that is none (a TLS greeting, say) only request is filled.
The line's number is the record's; a line that is written otherwise goes to quarantine.""",
    example_yaml="""\
connector: files
options:
  path: storage/web
  pattern: "access*.log.gz"
  access_log: {layout: combined}
""",
    extensions=(".log",),
    may_be_compressed=True,
    fields=(
        FieldSpec(name="layout", type="string", default="combined", choices=("combined", "common"), description="common: without referer and agent."),
        FieldSpec(name="encoding", type="string", description="UTF-8 when not said."),
        FieldSpec(name="unescape", type="boolean", default=True, description="Turn \\\" and \\x hh within quotes back into what was sent."),
    ),
    build=_build,
    check=_faults,
)  # fmt: skip
