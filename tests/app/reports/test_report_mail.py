"""A report goes out by mail: to a real server, once, with the report beside it, and no password over an open line."""

from __future__ import annotations

import email
import email.policy
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from entrepot.app.reports.facts import ReportFacts
from entrepot.app.reports.mail import make_mail, send_mail
from entrepot.app.reports.render import render_report
from entrepot.kernel.errors import SystemError_, UsageError
from entrepot.ports.secrets import Secret
from entrepot.runner.triggers.trigger import Mail

MAIL = Mail(to=("ann@example.org", "bob@example.org"), sender="reports@example.com", host="127.0.0.1", security="none")


class _Server:
    """A real SMTP server in a thread of its own."""

    def __init__(self, library: ModuleType) -> None:
        self.envelopes: list[Any] = []
        self.refuses: set[str] = set()
        self.logins: list[tuple[bytes, bytes]] = []
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.controller = library.Controller(
            self, hostname="127.0.0.1", port=self.port, authenticator=self._login, auth_require_tls=False
        )
        self.controller.start()

    def _login(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> Any:
        from aiosmtpd.smtp import AuthResult

        self.logins.append((data.login, data.password))
        return AuthResult(success=data.password == b"swordfish", handled=False)

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if address in self.refuses:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.envelopes.append(envelope)
        return "250 OK"


@pytest.fixture
def server(needed: Callable[[str], ModuleType]) -> Iterator[_Server]:
    """Started and stopped."""
    made = _Server(needed("aiosmtpd.controller"))
    yield made
    made.controller.stop()


@pytest.mark.req("F13")
def test_the_report_arrives_with_its_figures_and_its_file(server: _Server, facts: ReportFacts) -> None:
    """A text that says how the KPIs stand, and the page as it was rendered; login by the secret."""
    mail = replace(MAIL, port=server.port, user="reports", secret="smtp/password")
    rendered = render_report(facts, "html")
    message = make_mail(mail, facts, rendered, "nightly.7/report")
    assert send_mail(mail, message, Secret("smtp/password", "swordfish")) == ()
    (envelope,) = server.envelopes
    assert envelope.rcpt_tos == ["ann@example.org", "bob@example.org"]
    read = email.message_from_bytes(envelope.content, policy=email.policy.default)
    assert read["Subject"] == "KPIs of Läden & <Co>, release 12"
    assert read["Message-ID"] == "<nightly.7-report@example.com>"
    assert "80.0% (2026-09-04), critical. Complete to 2026-09-04" in read.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    (attached,) = read.iter_attachments()  # type: ignore[attr-defined]
    assert attached.get_filename() == rendered.name
    assert attached.get_content().replace("\r\n", "\n") == rendered.body.decode()
    assert server.logins == [(b"reports", b"swordfish")]


def test_refusals_are_told_without_the_password(server: _Server, facts: ReportFacts) -> None:
    """A wrong password, all recipients refused, some of them."""
    mail = replace(MAIL, port=server.port, user="reports", secret="smtp/password")
    message = make_mail(mail, facts, render_report(facts, "html"), "x")
    with pytest.raises(SystemError_, match=r"refused user and password \(code 535\)") as caught:
        send_mail(mail, message, Secret("smtp/password", "hunter2"))
    assert "hunter2" not in str(caught.value)
    open_ = replace(MAIL, port=server.port)
    server.refuses = {"bob@example.org"}
    assert send_mail(open_, message, None) == ("bob@example.org",)
    server.refuses = set(MAIL.to)
    with pytest.raises(SystemError_, match="refused all recipients"):
        send_mail(open_, message, None)


def test_what_is_not_offered_is_not_gone_without(server: _Server, facts: ReportFacts) -> None:
    """A server without TLS gets no mail where TLS is demanded."""
    mail = replace(MAIL, port=server.port, security="starttls")
    with pytest.raises(SystemError_, match="starttls"):
        send_mail(mail, make_mail(mail, facts, render_report(facts, "html"), "x"), None)
    assert server.envelopes == []


def test_no_password_goes_over_an_open_line(facts: ReportFacts) -> None:
    """Refused before anything is connected."""
    mail = replace(MAIL, host="smtp.example.org", user="reports", secret="smtp/password")
    with pytest.raises(UsageError, match="open line"):
        send_mail(mail, make_mail(mail, facts, render_report(facts, "html"), "x"), Secret("smtp/password", "x"))


def test_a_server_that_is_not_there_is_a_system_error(facts: ReportFacts) -> None:
    """It is tried again later."""
    mail = replace(MAIL, port=9)
    with pytest.raises(SystemError_, match="cannot be reached"):
        send_mail(mail, make_mail(mail, facts, render_report(facts, "html"), "x"), None)


def test_a_subject_stays_one_line(facts: ReportFacts) -> None:
    """No header can be smuggled in by a project's name."""
    message = make_mail(
        MAIL, replace(facts, project="a\r\nBcc: eve@example.org"), render_report(facts, "html"), "x\r\ny"
    )
    assert message["Bcc"] is None
    assert "\n" not in message["Subject"]
