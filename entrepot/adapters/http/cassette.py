"""Requests and answers on disk, so that a source can be tried without its server: recorded without secrets, played in order.

One file for each exchange, `0001.json`: people may read, correct and commit it. A request that was never recorded is refused by name.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from entrepot.adapters.http.asks import Answer, Ask, Pairs
from entrepot.adapters.http.problems import RefusedError
from entrepot.adapters.http.transport import Transport
from entrepot.intake.landing.durable import make_folder, write_durably
from entrepot.kernel.errors import DataError

_LEFT_OUT = {
    "set-cookie",
    "authorization",
    "proxy-authorization",
    "cookie",
    "content-encoding",
    "transfer-encoding",
    "connection",
}
SCRUBBED = "***"


class Recorder:
    """Hands requests on and writes down what came; a recording begins with an empty folder."""

    needs_secrets = True

    def __init__(self, below: Transport, folder: Path) -> None:
        self._below = below
        self._folder = folder

    def exchange(self, ask: Ask, secret_headers: Pairs, secret_params: Pairs) -> Answer:
        """As the one below."""
        answer = self._below.exchange(ask, secret_headers, secret_params)
        if ask.is_recorded:
            self._write(ask, answer, _secrets_in((*secret_headers, *secret_params)))
        return answer

    def close(self) -> None:
        """Close the one below."""
        self._below.close()

    def _write(self, ask: Ask, answer: Answer, secrets: list[str]) -> None:
        make_folder(self._folder)
        number = len(list(self._folder.glob("[0-9]*.json"))) + 1
        text = json.dumps({"request": _request(ask), "answer": _answer(answer)}, indent=1, ensure_ascii=False)
        for secret in secrets:
            text = text.replace(json.dumps(secret, ensure_ascii=False)[1:-1], SCRUBBED)
        write_durably(self._folder / f"{number:04}.json", text.encode() + b"\n")


class Player:
    """Answers from the folder. Of several answers to one request each is given once, in order; the last one again and again."""

    needs_secrets = False

    def __init__(self, folder: Path, place: int = 0) -> None:
        """`place`: how many exchanges an earlier player of the same reader has given."""
        self._folder = folder
        self._waiting: dict[str, list[Answer]] = {}
        for path in sorted(folder.glob("[0-9]*.json")):
            identity, answer = _load(path)
            self._waiting.setdefault(identity, []).append(answer)

    def exchange(self, ask: Ask, secret_headers: Pairs, secret_params: Pairs) -> Answer:
        """The recorded answer. Raises: RefusedError for a request that was not recorded."""
        answers = self._waiting.get(_identity(_request(ask)))
        if not answers:
            raise RefusedError(
                f"{ask.method} {ask.full_url}: this request is not in the cassette {self._folder}.",
                hint="Record it: ENTREPOT_CASSETTES=record:FOLDER entrepot run SOURCE, or mode: record in the option cassette.",
            )
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def close(self) -> None:
        """Nothing is open."""


def _secrets_in(pairs: Pairs) -> list[str]:
    """What must not stand in a file, the longest first: servers echo headers, whole or in part."""
    found: set[str] = set()
    for _, value in pairs:
        found |= {value, *value.split(" ")}
        if value.startswith("Basic "):
            found.add(base64.b64decode(value.removeprefix("Basic ")).decode().partition(":")[2])
    return sorted(found - {"", "Bearer", "Basic"}, key=len, reverse=True)


def _request(ask: Ask) -> dict[str, Any]:
    return {"method": ask.method, "url": ask.full_url, "headers": dict(ask.headers), "body": ask.body}


def _identity(request: dict[str, Any]) -> str:
    return json.dumps([request[name] for name in ("method", "url", "headers", "body")], sort_keys=True)


def _answer(answer: Answer) -> dict[str, Any]:
    headers = [[name, value] for name, value in answer.headers if name not in _LEFT_OUT]
    try:
        return {"status": answer.status, "headers": headers, "body": answer.body.decode()}
    except UnicodeDecodeError:
        return {"status": answer.status, "headers": headers, "base64": base64.b64encode(answer.body).decode()}


def _load(path: Path) -> tuple[str, Answer]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        found = value["answer"]
        body = base64.b64decode(found["base64"]) if "base64" in found else found["body"].encode()
        headers = tuple((str(name), str(text)) for name, text in found["headers"])
        return _identity(value["request"]), Answer(
            int(found["status"]), headers, body, value["request"]["url"].split("?")[0]
        )
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is no recorded exchange: {error}.", hint="Record the cassette anew.") from error
