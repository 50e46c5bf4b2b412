"""`kill -9` of processes that hand in and deliver: nothing that was acknowledged is lost, everything arrives."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from entrepot.app.clock import SystemClock
from entrepot.ports.outbox import MessageStatus
from tests.outbox.outboxes import Receiver, Request, delivering, draft, open_outbox, receiving

WORK = [sys.executable, "-m", "tests.outbox.delivering_process"]


def start(repository: Path, folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen([*WORK, str(folder), *arguments], cwd=repository, stdout=subprocess.PIPE, text=True)


@pytest.mark.req("G7")
@pytest.mark.timeout(180)
@pytest.mark.parametrize("rounds", [2, pytest.param(25, marks=[pytest.mark.slow, pytest.mark.crash])])
def test_killed_processes_lose_no_message(repository: Path, tmp_path: Path, rounds: int) -> None:
    """Two deliverers and a sender are killed again and again: every acknowledged message arrives, under one id, in the order of its key."""
    arrived: list[int] = []

    def answer(request: Request) -> tuple[int, dict[str, str], bytes]:
        time.sleep(0.002)
        arrived.append(json.loads(request.body)["order"])
        return 200, {}, b""

    chance, acknowledged = random.Random(rounds), list[str]()
    with receiving(Receiver(answer)) as receiver:
        for number in range(rounds):
            deliverers = [start(repository, tmp_path, "deliver", receiver.url) for _ in range(2)]
            sender = start(repository, tmp_path, "send", str(number * 1_000_000))
            assert sender.stdout is not None
            acknowledged.append(sender.stdout.readline().strip())
            time.sleep(0.3 + chance.random())
            for process in [deliverers[0], sender, deliverers[1]]:
                process.kill()
                out, _ = process.communicate()
                acknowledged += [line for line in out.split("\n")[:-1] if line] if process is sender else []
                time.sleep(chance.random() * 0.05)
        last = start(repository, tmp_path, "deliver", receiver.url)
        outbox = open_outbox(tmp_path, SystemClock())
        try:
            end = time.monotonic() + 60
            while outbox.counts("shop").by_status.get(MessageStatus.QUEUED, 0) and time.monotonic() < end:
                time.sleep(0.1)
            counts = outbox.counts("shop")
        finally:
            last.kill()
            last.communicate()
            outbox.close()
        ids = receiver.ids()
    assert acknowledged
    assert set(acknowledged) <= set(ids), "a message that was handed in never arrived"
    assert set(counts.by_status) == {MessageStatus.ACKNOWLEDGED}
    assert counts.by_status[MessageStatus.ACKNOWLEDGED] == len(set(ids))
    assert len(ids) - len(set(ids)) <= rounds * 2 * 8, "more came twice than were under way when a process died"
    for key in range(5):
        firsts = list(dict.fromkeys(number for number in arrived if number % 5 == key))
        assert firsts == sorted(firsts)


def test_an_attempt_that_was_under_way_is_made_again(repository: Path, tmp_path: Path) -> None:
    """The receiver had it, the process died before it could note that: the same id comes again, at once and not after the lease."""
    outbox = open_outbox(tmp_path, SystemClock())
    (answer,) = outbox.enqueue([draft(1)])
    holding = [True]

    def hold(request: Request) -> tuple[int, dict[str, str], bytes]:
        if holding[0]:
            time.sleep(3)
        return 200, {}, b""

    try:
        with receiving(Receiver(hold)) as receiver:
            process = start(repository, tmp_path, "deliver", receiver.url)
            end = time.monotonic() + 20
            while not receiver.requests and time.monotonic() < end:
                time.sleep(0.01)
            process.kill()
            process.communicate()
            holding[0] = False
            again = start(repository, tmp_path, "deliver", receiver.url)
            while len(receiver.requests) < 2 and time.monotonic() < end:
                time.sleep(0.01)
            done = time.monotonic() + 5
            while outbox.counts("shop").by_status.get(MessageStatus.QUEUED) and time.monotonic() < done:
                time.sleep(0.02)
            again.kill()
            again.communicate()
            assert receiver.ids() == [answer.id] * 2
        kept = outbox.get(answer.id)
        assert kept is not None
        assert (kept.status, kept.attempt) == (MessageStatus.ACKNOWLEDGED, 2)
        assert [(one.number, one.status) for one in outbox.attempts(answer.id)] == [(1, None), (2, 200)]
    finally:
        outbox.close()


def test_stopping_finishes_what_is_under_way(tmp_path: Path) -> None:
    """A graceful stop waits for attempts that were begun, and begins no other."""
    from tests.outbox.test_webhook_delivery import hook

    outbox = open_outbox(tmp_path, SystemClock())
    outbox.enqueue([draft(number) for number in range(20)])

    def slow(request: Request) -> tuple[int, dict[str, str], bytes]:
        time.sleep(0.5)
        return 200, {}, b""

    with receiving(Receiver(slow)) as receiver:
        with delivering(outbox, SystemClock(), {"shop": hook(receiver.url, concurrency=2)}) as work:
            work.wait(lambda: len(receiver.requests) >= 2)
        counts = outbox.counts("shop").by_status
        assert counts[MessageStatus.ACKNOWLEDGED] == len(receiver.requests) < 20
        assert list(outbox.holders()) == []
    outbox.close()
