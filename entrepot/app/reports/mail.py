"""Mail with a report: by the standard library, over TLS unless the settings say otherwise."""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.utils import format_datetime

from entrepot.app.reports.facts import ReportFacts, say_complete
from entrepot.app.reports.render import Rendered
from entrepot.kernel.errors import SystemError_, UsageError
from entrepot.ports.secrets import Secret
from entrepot.runner.triggers.trigger import Mail

TIMEOUT_S = 30.0
_LOCAL = ("localhost", "127.0.0.1", "::1")


def make_mail(mail: Mail, report: ReportFacts, rendered: Rendered, id: str) -> EmailMessage:
    """A short text and the report beside it; a second one of the same id is the same message for mail programs."""
    from entrepot.app.docs_site.words import kpi_value_with_unit

    message = EmailMessage()
    message["From"] = mail.sender
    message["To"] = ", ".join(mail.to)
    message["Subject"] = _one_line(mail.subject or f"KPIs of {report.project}, release {report.release}")
    message["Date"] = format_datetime(report.released_at)
    domain = mail.sender.rpartition("@")[2]
    message["Message-ID"] = f"<{re.sub(r'[^A-Za-z0-9.-]', '-', id)}@{domain}>"
    lines = [f"KPIs of {report.project}, release {report.release} of {report.released_at:%Y-%m-%d %H:%M} UTC.", ""]
    for entry in report.kpis:
        now = entry.standing
        value = "no value" if now is None else f"{kpi_value_with_unit(entry.kpi, now.value)} ({now.name})"
        status = "" if now is None or not now.status else f", {now.status}"
        lines.append(f"- {entry.kpi.title}: {value}{status}. {say_complete(entry)}")
    message.set_content("\n".join(lines) + "\n")
    main, _, sub = rendered.content_type.partition(";")[0].partition("/")
    params = {"charset": "utf-8"} if main == "text" else None
    message.add_attachment(rendered.body, maintype=main, subtype=sub, filename=rendered.name, params=params)
    return message


def send_mail(mail: Mail, message: EmailMessage, password: Secret | None) -> tuple[str, ...]:
    """Hand it to the server; returns addresses that the server refused while it took others.

    Raises: SystemError_ when it was not taken; UsageError when a password would go over an open line.
    """
    if password is not None and mail.security == "none" and mail.host not in _LOCAL:
        raise UsageError(
            f"the password for {mail.host} would go over an open line.", hint="Set security: starttls or tls."
        )
    with _translated(mail), _connected(mail) as server:
        if password is not None and mail.user is not None:
            server.login(mail.user, password.reveal())
        return tuple(server.send_message(message))


@contextmanager
def _connected(mail: Mail) -> Iterator[smtplib.SMTP]:
    if mail.security == "tls":
        context = ssl.create_default_context()
        with smtplib.SMTP_SSL(mail.host, mail.port, timeout=TIMEOUT_S, context=context) as secure:
            yield secure
        return
    with smtplib.SMTP(mail.host, mail.port, timeout=TIMEOUT_S) as server:
        if mail.security == "starttls":
            server.starttls(context=ssl.create_default_context())
        yield server


@contextmanager
def _translated(mail: Mail) -> Iterator[None]:
    where = f"the mail server {mail.host}:{mail.port}"
    try:
        yield
    except smtplib.SMTPAuthenticationError as error:
        raise SystemError_(
            f"{where} refused user and password (code {error.smtp_code}).", hint=f"Check the secret {mail.secret}."
        ) from error
    except smtplib.SMTPResponseException as error:
        raise SystemError_(f"{where} refused the mail (code {error.smtp_code}).") from error
    except smtplib.SMTPRecipientsRefused as error:
        codes = ", ".join(sorted({str(code) for code, _ in error.recipients.values()}))
        raise SystemError_(f"{where} refused all recipients (code {codes}).") from error
    except smtplib.SMTPNotSupportedError as error:
        raise SystemError_(
            f"{where} does not offer what is needed: {mail.security}.", hint="Set security: to what it offers."
        ) from error
    except (smtplib.SMTPException, ssl.SSLError, OSError) as error:
        raise SystemError_(
            f"{where} cannot be reached: {type(error).__name__}.", hint="Check host, port and security."
        ) from error


def _one_line(text: str) -> str:
    return " ".join(text.split())
