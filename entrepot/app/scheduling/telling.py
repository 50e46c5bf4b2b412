"""The sender of a platform, with its outbox, its secrets and its reports; and hooks after a run by hand."""

from __future__ import annotations

from collections.abc import Sequence

from entrepot.app.project import open_project
from entrepot.app.reports.distribute import ReportSender
from entrepot.app.scheduling.announce import keep_hook_calls
from entrepot.app.scheduling.sending import Sender
from entrepot.app.session import RunReport
from entrepot.app.wiring import Platform
from entrepot.ports.outbox import Draft, Enqueued


def build_sender(platform: Platform) -> Sender:
    """Makes the calls that wait in the platform's schedule. The outbox is opened when the first message goes out."""

    def enqueue(drafts: Sequence[Draft], *, who: str = "") -> Sequence[Enqueued]:
        return platform.stores.outbox().enqueue(drafts, who=who)

    def reopen() -> Platform:
        return Platform(open_project(platform.project.root), platform.announce)

    reports = ReportSender(reopen, platform.stores.secrets, enqueue=enqueue)
    return Sender(
        platform.schedule,
        platform.clock,
        platform.project.root,
        enqueue=enqueue,
        send_report=reports,
        emit=platform.announce,
    )


def tell_hooks(platform: Platform, report: RunReport) -> None:
    """Call the project's own hooks after a run by hand; what cannot be told now is tried again by `entrepot up`."""
    if keep_hook_calls(platform, report):
        build_sender(platform).work()
