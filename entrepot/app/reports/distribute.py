"""Sending a report where a trigger wants it: to a folder, a webhook or queue of the outbox, by mail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from entrepot.app.reports.facts import gather_report
from entrepot.app.reports.mail import make_mail, send_mail
from entrepot.app.reports.render import Rendered, render_report, write_report
from entrepot.app.scheduling.sending import Enqueue
from entrepot.app.wiring import Platform
from entrepot.kernel.errors import SystemError_
from entrepot.kernel.events import Event
from entrepot.ports.outbox import Draft
from entrepot.ports.secrets import Secrets
from entrepot.ports.state import Release
from entrepot.runner.triggers.trigger import Mail


class ReportSender:
    """`SendReport` of the hooks' sender. Args: open_platform: a platform for one report."""

    def __init__(
        self, open_platform: Callable[[], Platform], secrets: Secrets, *, enqueue: Enqueue | None = None
    ) -> None:
        self._open_platform = open_platform
        self._secrets = secrets
        self._enqueue = enqueue

    def __call__(self, order: Mapping[str, Any], release: int | None, id: str) -> None:
        """Render the report and send it; repeated after a crash, receivers know it by its id."""
        platform = self._open_platform()
        found = _find_release(platform, release)
        report = gather_report(platform, found, order["kpis"])
        rendered = render_report(report, order["format"])
        if order.get("folder"):
            write_report(rendered.body, platform.project.root / Path(order["folder"]) / rendered.name)
        elif order.get("webhook"):
            self._put_out(order["webhook"], rendered, id)
        else:
            mail = read_mail(order["mail"])
            password = None if mail.secret is None else self._secrets.get(*mail.secret.split("/", 1))
            refused = send_mail(mail, make_mail(mail, report, rendered, id), password)
            if refused:  # the others have it: sending it to all again would be worse
                platform.announce(Event("recipients_refused", id, {"count": len(refused)}))
        platform.announce(Event("report_sent", id, {"release": found.id, "format": order["format"]}))

    def _put_out(self, integration: str, rendered: Rendered, id: str) -> None:
        if self._enqueue is None:
            raise SystemError_("a report to a webhook needs the outbox.", hint="Start it with: entrepot up")
        draft = Draft(
            integration,
            rendered.body,
            content_type=rendered.content_type,
            reference=f"report/{id}",
            type="entrepot.report",
        )
        self._enqueue([draft], who="reports")


def read_mail(value: Mapping[str, Any]) -> Mail:
    """The settings as a call kept them."""
    return Mail(**{**value, "to": tuple(value["to"])})


def _find_release(platform: Platform, id: int | None) -> Release:
    """The release that the run published; the newest where that is forgotten by now."""
    found = platform.state.release(id) if id is not None else None
    return found or platform.release_for(None)
