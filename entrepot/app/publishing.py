"""Publishing: released rows into the outbox, messages of applications into the outbox, and from there to the webhooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from entrepot.flow.commit import void
from entrepot.flow.flow import MAX_ATTEMPTS, Flow
from entrepot.flow.lease import held
from entrepot.flow.loop import Progress, advance
from entrepot.kernel.errors import BusyError, EntrepotError, raise_all
from entrepot.kernel.events import Event
from entrepot.kernel.ids import hash_text
from entrepot.kernel.positions import Versions
from entrepot.serve.publish.rows import Draftsman, PublishedRows
from entrepot.serve.publish.settings import OutboxTable, Publication, Webhook

if TYPE_CHECKING:
    from entrepot.adapters.embedded.outbox import SqliteOutbox
    from entrepot.adapters.outbox_tables import Relay
    from entrepot.adapters.webhooks import Deliverer
    from entrepot.app.wiring import Platform
    from entrepot.ports.secrets import Secret
    from entrepot.serve.publish.keys import SecretName

KEEP_SETTLED = timedelta(days=30)
"""So long a settled message can be looked at and sent again; its reference stays known for ever."""
KEEP_S = 10 * 365 * 86_400.0
"""The last published version is kept until the next one is published."""


class Publishing:
    """The outbound side of one project."""

    def __init__(self, platform: Platform, outbox: SqliteOutbox, publications: Sequence[Publication]) -> None:
        self._platform = platform
        self._outbox = outbox
        self._publications = tuple(publications)

    def publish(self) -> list[Progress]:
        """Hand in what the newest release changed in datasets that are published. To be called after a release; repeatable.

        Raises: the errors of those that failed, or that another process is publishing now, after all others were published; calling again
            goes on where they stood.
        """
        done: list[Progress] = []
        failed: list[EntrepotError] = []
        for publication in self._publications:
            if publication.origin is None:
                continue
            try:
                done.append(self._publish(publication))
            except BusyError as error:
                failed.append(error)
            except EntrepotError as error:
                self._platform.announce(Event("publication_failed", publication.name, {"code": error.code}))
                failed.append(error)
        raise_all(failed)
        return done

    def flow(self, publication: Publication) -> Flow:
        """The flow from a dataset's releases to the outbox."""
        from entrepot.adapters.embedded.outbox import OutboxWriter

        assert publication.origin is not None
        name, origin = publication.name, publication.origin
        draftsman = Draftsman(name, publication.type or origin.dataset, origin)
        return Flow(
            name=f"publish.{name}",
            target=f"outbox.{name}",
            reader=PublishedRows(name, origin, partial(self._released, origin.dataset), self._platform.tables),
            writer=OutboxWriter(self._outbox, f"outbox.{name}", draftsman.draft),
            engine=self._platform.engine,
            transform_hash=hash_text(publication.type or "", repr(origin)),
            system_columns=False,
            pin=lambda: {origin.dataset: self._platform.state.durable_version(origin.dataset)},
        )

    def deliverer(self) -> Deliverer:
        """Pushes messages of all webhooks: `run(stop)` in a thread of its own, `wake()` after something was enqueued."""
        from entrepot.adapters.webhooks import Deliverer, Route
        from entrepot.app.clock import is_alive

        platform = self._platform
        routes = [Route(one.name, one.way) for one in self._publications if isinstance(one.way, Webhook)]
        return Deliverer(
            self._outbox,
            routes,
            platform.clock,
            platform.holder,
            self._find_secret,
            is_alive,
            platform.project.allow_private,
            platform.announce,
            f"/entrepot/{platform.project.name}",
        )

    def relays(self) -> Mapping[str, Relay]:
        """For each `connector: outbox_table`: `turn()` moves what waits there, to be called every second or so."""
        from entrepot.adapters.outbox_tables import open_relay

        known = {one.name for one in self._publications if not isinstance(one.way, OutboxTable)}
        return {
            one.name: open_relay(one.name, one.way, self._outbox, known, self._find_secret)
            for one in self._publications
            if isinstance(one.way, OutboxTable)
        }

    def prune(self) -> int:
        """Forget messages that were settled long ago, some thousand at a call; dead ones too. To be called now and then."""
        return self._outbox.prune(self._platform.clock.now() - KEEP_SETTLED, 5_000)

    def _publish(self, publication: Publication) -> Progress:
        assert publication.origin is not None
        flow = self.flow(publication)
        self._restore(flow)
        self._leave_older_release(flow, publication.origin.dataset)
        progress = advance(flow, self._platform.services)
        position = self._platform.state.last_position(flow.name)
        if isinstance(position, Versions):
            self._keep(flow.name, publication.origin.dataset, position)
        return progress

    def _leave_older_release(self, flow: Flow, dataset: str) -> None:
        """Give up a batch whose attempts are used up and whose release is no longer the newest: what changed is told by the newer one."""
        services = self._platform.services
        plan = services.state.open_plan(flow.name)
        if plan is None or plan.attempts < MAX_ATTEMPTS or not isinstance(plan.draft.position, Versions):
            return
        if plan.draft.position.upto.get(dataset) == self._released(dataset):
            return
        with held(f"flow:{flow.name}", services):
            if flow.writer.last_sequence(flow.name) < plan.sequence:
                void(flow, plan, services, "a newer release came before it could be handed in")

    def _restore(self, flow: Flow) -> None:
        """Plans that only the outbox knows, because the state was lost and rebuilt from the lake."""
        from entrepot.adapters.embedded.outbox import OutboxWriter
        from entrepot.flow.rebuild import plan_from_commit

        assert isinstance(flow.writer, OutboxWriter)
        state = self._platform.state
        last = state.last_plan(flow.name)
        for commit in flow.writer.history(flow.name, last.sequence if last else 0):
            state.restore_plan(plan_from_commit(commit))

    def _keep(self, flow: str, dataset: str, position: Versions) -> None:
        """Upkeep must spare the version from which the next one differs, also when no release names it any more."""
        state, version = self._platform.state, position.upto[dataset]
        state.pin_versions(f"{flow}@{version}", {dataset: version}, KEEP_S)
        before = position.after.get(dataset)
        if before is not None:
            state.unpin(f"{flow}@{before}")

    def _released(self, dataset: str) -> int | None:
        release = self._platform.state.latest_release()
        return None if release is None else release.tables.get(dataset)

    def _find_secret(self, name: SecretName) -> Secret:
        return self._platform.stores.secrets.get(name.scope, name.key)
