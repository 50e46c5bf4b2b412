"""Reading what stands beside `when`: deadline, retries, hooks, report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from entrepot.kernel.documents import KeyPath
from entrepot.runner.retries import ERROR_KINDS
from entrepot.runner.triggers.reading import Reading, is_clock
from entrepot.runner.triggers.trigger import Deadline, Hook, HookEvent, Mail, ReportOrder, Retries

REPORT_FORMATS = ("html", "pdf", "xlsx")
_HOOK_KEYS = ("on", "webhook", "message", "command", "time_limit")
_LONGEST_S = 300
_MAIL_KEYS = ("to", "from", "host", "port", "security", "user", "secret", "subject")


def read_deadline(reading: Reading, value: Any, at: KeyPath) -> Deadline:
    """`07:00`, `07:00 mon-fri`, `30m`; or as a mapping, `at:` or `within:`."""
    if is_clock(value):
        return Deadline(at=reading.clock(value, at))
    if isinstance(value, str):
        return Deadline(within_s=reading.duration(value, at))
    asked = reading.mapping(value, at, ("at", "within"))
    if len(asked) != 1:
        raise reading.error("a deadline is either `at:` a time of day or `within:` a duration.", at)
    if "at" in asked:
        return Deadline(at=reading.clock(asked["at"], (*at, "at")))
    return Deadline(within_s=reading.duration(asked["within"], (*at, "within")))


def read_retries(reading: Reading, value: Any, at: KeyPath) -> Retries:
    """How often, after what, after how long."""
    if isinstance(value, int):
        return Retries(reading.number(value, at, least=0, most=20))
    asked = reading.mapping(value, at, ("times", "on", "wait", "factor", "most"))
    plain = Retries()
    kinds = plain.on if asked.get("on") is None else reading.texts(asked["on"], (*at, "on"))
    for kind in kinds:
        reading.choice(kind, (*at, "on"), tuple(ERROR_KINDS))
    return Retries(
        times=reading.number(asked.get("times", 3), (*at, "times"), least=0, most=20),
        on=kinds,
        wait_s=plain.wait_s if "wait" not in asked else reading.duration(asked["wait"], (*at, "wait")),
        factor=_read_factor(reading, asked.get("factor", plain.factor), (*at, "factor")),
        most_s=plain.most_s if "most" not in asked else reading.duration(asked["most"], (*at, "most")),
    )


def _read_factor(reading: Reading, value: Any, at: KeyPath) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= 10:
        raise reading.error(f"factor is {value!r}; allowed are numbers from 1 to 10.", at)
    return float(value)


def read_hooks(reading: Reading, value: Any, at: KeyPath) -> tuple[Hook, ...]:
    """A list of hooks."""
    if not isinstance(value, list):
        raise reading.error("hooks is a list.", at, "Write `- {on: failed, webhook: NAME}`.")
    return tuple(_read_hook(reading, item, (*at, place)) for place, item in enumerate(value))


def _read_hook(reading: Reading, value: Any, at: KeyPath) -> Hook:
    asked = _require_on(reading.mapping(value, at, _HOOK_KEYS), reading, at)
    words = tuple(HookEvent)
    events = [reading.choice(word, (*at, "on"), words) for word in reading.texts(asked.get("on"), (*at, "on"))]
    ways = [key for key in ("webhook", "message", "command") if asked.get(key) is not None]
    if len(ways) != 1:
        raise reading.error("a hook calls exactly one of webhook, message, command.", at)
    command = asked.get("command")
    if command is not None and not isinstance(command, list):
        raise reading.error(
            "command is a list of words, the program first; no shell reads it.",
            (*at, "command"),
            "Write [notify-send, done].",
        )
    return Hook(
        on=frozenset(HookEvent(word) for word in events),
        webhook=None if asked.get("webhook") is None else reading.text(asked["webhook"], (*at, "webhook")),
        message=None if asked.get("message") is None else reading.text(asked["message"], (*at, "message")),
        command=() if command is None else reading.texts(command, (*at, "command")),
        time_limit_s=30
        if "time_limit" not in asked
        else _read_limit(reading, asked["time_limit"], (*at, "time_limit")),
    )


def _read_limit(reading: Reading, value: Any, at: KeyPath) -> int:
    seconds = reading.duration(value, at)
    if seconds > _LONGEST_S:
        raise reading.error(f"time_limit is {value!r}; a command may take five minutes at most.", at)
    return seconds


def _require_on(asked: Mapping[str, Any], reading: Reading, at: KeyPath) -> Mapping[str, Any]:
    if asked.get("on") is None:
        raise reading.error(f"a hook needs `on:`; allowed are {', '.join(HookEvent)}.", at)
    return asked


def read_report(reading: Reading, value: Any, at: KeyPath) -> ReportOrder:
    """Which KPIs, in which format, to whom."""
    asked = reading.mapping(value, at, ("kpis", "format", "to"))
    to = reading.mapping(asked.get("to"), (*at, "to"), ("mail", "webhook", "folder"))
    if len(to) != 1:
        raise reading.error("a report goes to exactly one of mail, webhook, folder.", (*at, "to"))
    where = (*at, "to")
    return ReportOrder(
        kpis=() if asked.get("kpis") is None else reading.texts(asked["kpis"], (*at, "kpis")),
        format=reading.choice(asked.get("format", "html"), (*at, "format"), REPORT_FORMATS),
        mail=_read_mail(reading, to["mail"], (*where, "mail")) if "mail" in to else None,
        webhook=reading.text(to["webhook"], (*where, "webhook")) if "webhook" in to else None,
        folder=reading.text(to["folder"], (*where, "folder")) if "folder" in to else None,
    )


def _read_mail(reading: Reading, value: Any, at: KeyPath) -> Mail:
    asked = reading.mapping(value, at, _MAIL_KEYS)
    missing = [key for key in ("to", "from", "host") if asked.get(key) is None]
    if missing:
        raise reading.error(
            f"a mail needs {', '.join(missing)}.", at, "Write {to: …, from: …, host: smtp.example.com}."
        )
    for key in ("to", "from"):
        for address in reading.texts(asked[key], (*at, key)):
            if address.count("@") != 1 or any(sign in address for sign in "\r\n,;<> "):
                raise reading.error(f"{address!r} is no mail address.", (*at, key), "Write name@example.com.")
    secret = None if asked.get("secret") is None else _read_secret(reading, asked["secret"], (*at, "secret"))
    if (secret is None) != (asked.get("user") is None):
        raise reading.error(
            "user and secret belong together.", at, "Write {user: reports, secret: {secret: smtp/password}}."
        )
    return Mail(
        to=reading.texts(asked["to"], (*at, "to")),
        sender=reading.text(asked["from"], (*at, "from")),
        host=reading.text(asked["host"], (*at, "host")),
        port=reading.number(asked.get("port", 587), (*at, "port"), least=1, most=65_535),
        security=reading.choice(asked.get("security", "starttls"), (*at, "security"), ("starttls", "tls", "none")),
        user=None if asked.get("user") is None else reading.text(asked["user"], (*at, "user")),
        secret=secret,
        subject="" if asked.get("subject") is None else reading.text(asked["subject"], (*at, "subject")),
    )


def _read_secret(reading: Reading, value: Any, at: KeyPath) -> str:
    if not isinstance(value, Mapping) or set(value) != {
        "secret"
    }:  # what came may be the password itself: it is not shown
        raise reading.error("a password never stands in a file of the project.", at, "Write {secret: scope/key}.")
    name = reading.text(value["secret"], (*at, "secret"))
    if name.count("/") != 1 or not all(name.split("/")):
        raise reading.error(f"secret is {name!r}; allowed is scope/key.", (*at, "secret"))
    return name
