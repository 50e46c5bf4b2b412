"""Inbound integrations of a project: its sources with `connector: inbox`, as the door and the processor need them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from entrepot.intake.gateway.addresses import Networks, parse_networks
from entrepot.intake.gateway.authentication import (
    AddressProof,
    AdministratorProof,
    Authentication,
    BasicProof,
    CertificateProof,
    Proof,
    SignatureProof,
    TokenProof,
    admit_all,
    refuse_sender,
)
from entrepot.intake.gateway.bodies import parse_path
from entrepot.intake.gateway.checks import ALWAYS, alternatives, is_signed
from entrepot.intake.gateway.integration import MEGABYTE, Authenticate, Integration, Limits
from entrepot.intake.gateway.plain import PlainRows
from entrepot.intake.gateway.processing.settings import OnError, ProcessingSettings
from entrepot.intake.gateway.reading import SECRET_HEADERS, RequestReader
from entrepot.intake.gateway.references import Extractor, Piece
from entrepot.intake.gateway.secret_keys import SecretKeys, parse_secret_name
from entrepot.intake.gateway.signatures import decode_secret, decode_standard_secret
from entrepot.intake.gateway.signing_options import build_signing, build_standard_signing
from entrepot.intake.gateway.source import SPEC
from entrepot.intake.sources.fields import KeyPath, Options
from entrepot.intake.sources.options import read_options
from entrepot.kernel.durations import duration_us, parse_duration
from entrepot.kernel.errors import EntrepotError, Place, ProjectError, raise_all
from entrepot.ports import access
from entrepot.ports.secrets import Secrets

Said = Mapping[str, Any]


class StatedSource(Protocol):
    """A file of `sources/`."""

    @property
    def name(self) -> str:
        """The source's name."""
        ...

    @property
    def connector(self) -> str:
        """The connector's name."""
        ...

    @property
    def options(self) -> Mapping[str, Any]:
        """As they stand in the file."""
        ...

    def place(self, path: KeyPath) -> Place:
        """Where an option stands."""
        ...


@dataclass(frozen=True, slots=True)
class Inbound:
    """One inbound integration: its door, and what becomes of its records."""

    integration: Integration
    processing: ProcessingSettings
    plain: PlainRows
    """Makes the rows, where there is no handler."""
    archive_after: timedelta | None = None
    """How long after receipt processed records go to the lake; None: never."""
    topic: str | None = None
    """The topic of the bus that processed rows are put on too."""

    @property
    def name(self) -> str:
        """The integration's id."""
        return self.integration.name


def integrations_of(
    sources: Sequence[StatedSource], secrets: Secrets, administrator: access.Authenticate, root: Path
) -> Mapping[str, Integration]:
    """Name → what the door needs. Raises: as `inbound_of`."""
    return {name: inbound.integration for name, inbound in inbound_of(sources, secrets, administrator, root).items()}


def inbound_of(
    sources: Sequence[StatedSource], secrets: Secrets, administrator: access.Authenticate, root: Path
) -> Mapping[str, Inbound]:
    """Name → integration, of all sources with `connector: inbox`.

    Args: secrets: asked for each name that is stated, now and again while requests come. root: the project's folder.

    Raises: ProjectError with everything that is wrong: options, secrets that are not there or not of their form, missing handlers.
    """
    errors: list[EntrepotError] = []
    found: dict[str, Inbound] = {}
    for source in sources:
        if source.connector != SPEC.name:
            continue
        try:
            options = read_options(SPEC, source.options, source.place)
            building = _Building(source, options, secrets, administrator, root)
            errors += [*find_missing(source, options, sources, root), *building.secret_errors()]
            found[source.name] = building.inbound(sources)
        except EntrepotError as error:
            errors.append(error)
    raise_all(errors)
    return found


def find_missing(
    source: StatedSource, options: Options, sources: Sequence[StatedSource], root: Path
) -> Iterator[ProjectError]:
    """What an integration names and the project does not have: its handler, its source of files."""
    handler, files = options["handler"], options["files"]
    if handler is not None and not (root / "handlers" / f"{handler}.py").is_file():
        yield ProjectError(
            f"there is no handlers/{handler}.py.",
            place=source.place(("handler",)),
            hint="Write it with a function handle(record), or correct the name.",
        )
    if files is not None and _incoming(files, sources, root) is None:
        names = ", ".join(sorted(one.name for one in sources if one.connector == "files")) or "none"
        yield ProjectError(
            f"files is {files!r}, which is no source of connector files; there are: {names}.",
            place=source.place(("files",)),
        )


def _incoming(name: str, sources: Iterable[StatedSource], root: Path) -> Path | None:
    for source in sources:
        path = source.options.get("path")
        # a file that feeds several datasets gives a source for each, `name.layer.dataset`
        if source.connector == "files" and source.name.partition(".")[0] == name and isinstance(path, str):
            return root / path / "incoming"
    return None


@dataclass(frozen=True, slots=True)
class _Building:
    """One integration being built from checked options."""

    source: StatedSource
    options: Options
    secrets: Secrets
    administrator: access.Authenticate
    root: Path

    def inbound(self, sources: Sequence[StatedSource]) -> Inbound:
        options, name = self.options, self.source.name
        has_key = bool(options["key"])
        on_error = OnError(options["on_error"] or ("wait" if has_key else "go_on"))
        return Inbound(
            Integration(
                name,
                self._authenticate(),
                self._read(),
                body_signed=is_signed(options),
                limits=_limits(options["limits"]),
                window_us=0 if options["window"] == ALWAYS else duration_us(options["window"]),
                paused=options["paused"],
                files=_incoming(options["files"], sources, self.root) if options["files"] else None,
            ),
            ProcessingSettings(
                name, options["handler"], on_error, options["workers"], options["timeout_s"], options["memory_mb"]
            ),
            PlainRows(events=self._events != "never"),
            parse_duration(options["archive_after"]) if options["archive_after"] else None,
            options["topic"],
        )

    def secret_errors(self) -> Iterator[EntrepotError]:
        """Each secret that cannot be used, with the place where it is named."""
        for at, keys in self._all_keys():
            try:
                keys()
            except EntrepotError as error:
                yield ProjectError(error.message, place=self.source.place(at), hint=error.hint)

    def _all_keys(self) -> Iterator[tuple[KeyPath, SecretKeys]]:
        for number, entry in enumerate(alternatives(self.options)):
            for kind, said in entry.items():
                if said is not None and "secrets" in said:
                    yield ("auth", number, kind, "secrets"), self._keys(kind, said)

    @property
    def _events(self) -> Any:
        return self.options["cloudevents"] or ("never" if is_signed(self.options) else "also")

    def _read(self) -> RequestReader:
        options, signed = self.options, is_signed(self.options)
        return RequestReader(
            Extractor(self._reference()),
            Extractor(tuple(_piece(piece) for piece in options["key"] or ())),
            self._events,
            options["batches"] or ("never" if signed else "also"),
            signed,
            SECRET_HEADERS | {name for name, _ in self._token_headers()},
        )

    def _reference(self) -> tuple[Piece, ...]:
        stated = tuple(_piece(piece) for piece in self.options["reference"] or ())
        entries = alternatives(self.options)
        if stated or not entries or self._events == "only":
            return stated
        all_standard = all(entry["standard_webhooks"] is not None for entry in entries)
        return (Piece(header=b"webhook-id"),) if all_standard else ()

    def _token_headers(self) -> Iterator[tuple[str, Said]]:
        for entry in alternatives(self.options):
            if entry["token"] is not None:
                yield entry["token"]["header"].strip().lower(), entry["token"]

    def _authenticate(self) -> Authenticate:
        if self.options["auth"] == "none":
            return admit_all
        entries = alternatives(self.options)
        if not entries:
            return Authentication(((AdministratorProof(self.administrator),),))
        proofs = tuple(tuple(self._proofs(entry)) for entry in entries)
        return Authentication(proofs, refuse_sender(_challenge(entries)))

    def _proofs(self, entry: Said) -> Iterator[Proof]:
        """Quick ones first."""
        proxies = parse_networks(self.options["proxies"] or ())
        for kind in ("ip", "mtls", "token", "basic", "hmac", "standard_webhooks"):
            if entry[kind] is not None:
                yield self._proof(kind, entry[kind], proxies)

    def _proof(self, kind: str, said: Said, proxies: Networks) -> Proof:
        match kind:
            case "ip":
                return AddressProof(parse_networks(said["allowed"]), proxies)
            case "mtls":
                return _certificate(said, proxies)
            case "token":
                return TokenProof(self._keys(kind, said), said["header"].strip().lower().encode())
            case "basic":
                return BasicProof(said["user"], self._keys(kind, said))
            case "hmac":
                return SignatureProof(build_signing(said), self._keys(kind, said))
        return SignatureProof(build_standard_signing(said), self._keys(kind, said))

    def _keys(self, kind: str, said: Said) -> SecretKeys:
        names = [parse_secret_name(secret["secret"]) for secret in said["secrets"]]
        return SecretKeys(self.secrets, names, _decoder(kind, said))


def _decoder(kind: str, said: Said) -> Callable[[str], bytes]:
    if kind == "standard_webhooks":
        return decode_standard_secret
    encoding = said.get("key_encoding") or "text"
    return lambda text: decode_secret(text, encoding)


def _certificate(said: Said, proxies: Networks) -> CertificateProof:
    is_fingerprint = said["is"] == "fingerprint"
    allowed = (text.replace(":", "").lower() if is_fingerprint else text for text in said["allowed"])
    verified = said["verified_header"]
    return CertificateProof(
        said["header"].strip().lower().encode(),
        frozenset(text.strip().encode() for text in allowed),
        is_fingerprint,
        proxies,
        verified.strip().lower().encode() if verified is not None else None,
        said["verified_value"].encode(),
    )


def _challenge(entries: Sequence[Said]) -> str | None:
    """What WWW-Authenticate says; None where a sender can show nothing by itself."""
    if any(entry["basic"] is not None for entry in entries):
        return 'Basic realm="entrepot", charset="UTF-8"'
    shown = ("token", "hmac", "standard_webhooks")
    return "Bearer" if any(entry[kind] is not None for entry in entries for kind in shown) else None


def _piece(said: Said) -> Piece:
    return Piece(
        said["header"].strip().lower().encode() if said["header"] is not None else None,
        parse_path(said["body"]) if said["body"] is not None else None,
        said["query"],
        said["prefix"] or "",
        said.get("fallback", "refuse"),
        said.get("unsigned", False),
    )


def _limits(said: Said) -> Limits:
    return Limits(
        body_bytes=int(said["body_mb"] * MEGABYTE),
        batch_bytes=int(said["batch_mb"] * MEGABYTE),
        batch_records=said["batch_records"],
        file_bytes=int(said["file_mb"] * MEGABYTE),
        per_second=said["per_second"],
        burst=said["burst"],
        waiting=said["waiting"],
    )
