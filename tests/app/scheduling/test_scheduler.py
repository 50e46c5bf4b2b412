"""The scheduler carries out what triggers decide: once, retried where that is stated, found again after a crash."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from entrepot.app.scheduling.running import ProjectRun
from entrepot.app.scheduling.scheduler import Scheduler
from entrepot.app.scheduling.sending import Sender
from entrepot.app.session import RunReport
from entrepot.app.wiring import Platform
from entrepot.kernel.errors import SystemError_
from entrepot.ports.outbox import Draft, Enqueued, Enqueueing
from entrepot.ports.schedule import DeadlineState, Firing, FiringStatus, Happening, HappeningKind
from entrepot.runner.cancel import CancelToken
from entrepot.testing.clock import FakeClock
from tests.flow.running import Shop

NOW = datetime(2026, 11, 23, 5, 0, 30, tzinfo=UTC)
Run = Callable[[Sequence[str], str, Firing, CancelToken], RunReport]


def _succeed(selection: Sequence[str], reason: str, firing: Firing, cancel: CancelToken) -> RunReport:
    return RunReport(f"run-{firing.id}-{firing.attempt}", [], [], None, 1.0)


class Bench:
    """A project with triggers, a clock moved by hand, and a scheduler."""

    def __init__(self, root: Path, run: Run | None = None, **triggers: str) -> None:
        self.shop = Shop(root)
        (root / "triggers").mkdir(exist_ok=True)
        for name, text in triggers.items():
            (root / "triggers" / f"{name}.yaml").write_text(textwrap.dedent(text))
        self.clock = FakeClock(NOW)
        self.platform: Platform = self.shop.platform()
        self.platform.clock = self.clock  # type: ignore[assignment, misc]
        self.sent: list[Draft] = []
        self.sender = Sender(self.platform.schedule, self.clock, root, enqueue=self._enqueue)
        self.scheduler = Scheduler(self.platform, run or ProjectRun(root), sender=self.sender)

    def _enqueue(self, drafts: Sequence[Draft], *, who: str = "") -> Sequence[Enqueued]:
        self.sent += drafts
        return [Enqueued("id", Enqueueing.ACCEPTED) for _ in drafts]

    def tick(self, seconds: float = 0) -> tuple[str, ...]:
        """Some time later: look, and wait for what that began."""
        self.clock.advance(seconds)
        started = self.scheduler.tick().started
        self.scheduler.drain()
        return started

    def wait_for(self, messages: int) -> None:
        """Until so many messages were put out."""
        for _ in range(200):
            self.scheduler.tick()
            if len(self.sent) >= messages:
                return
            time.sleep(0.02)

    def firings(self, *fields: str) -> list[tuple[object, ...]]:
        """Newest first."""
        return [tuple(getattr(f, name) for name in fields) for f in self.platform.schedule.firings()]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Makes benches and closes their schedulers."""
    made: list[Bench] = []

    def make(run: Run | None = None, **triggers: str) -> Bench:
        made.append(Bench(tmp_path / "shop", run, **triggers))
        return made[-1]

    yield make
    for each in made:
        each.scheduler.close()


@pytest.mark.req("D5", "S5")
def test_a_file_that_arrives_is_run_and_released(bench: Callable[..., Bench]) -> None:
    """The real thing: file → firing → run of the project → release → the trigger that waits for that release."""
    it = bench(
        arrive="when: {files: orders}\nrun: [orders+]\n",
        after="when: {release: bronze.orders}\nrun: [orders]\n",
    )
    it.shop.drop("products", a="product,name,price\np1,One,1.50\n")
    it.shop.run()
    assert it.tick() == ()
    it.shop.orders("a", "1,p1,2026-01-01,3")
    assert it.tick() == ("arrive.1",)
    ((reason, status, release),) = it.firings("reason", "status", "release")
    assert "orders_a.csv" in str(reason)
    assert status is FiringStatus.SUCCEEDED
    assert it.shop.content() == {"[1, 'p1', datetime.date(2026, 1, 1), 3]": 1}
    assert release == it.platform.state.latest_release().id  # type: ignore[union-attr]
    assert it.tick(5) == ("after.1",)
    assert it.tick(5) == ()


def test_who_asks_is_served_at_the_next_look(bench: Callable[..., Bench]) -> None:
    """A request of another process stands in the store."""
    it = bench(_succeed, manual="when: {api: true}\n")
    it.tick()
    it.platform.schedule.tell([Happening(HappeningKind.ASKED, "manual", NOW, why="asked by ann")])
    assert it.tick(1) == ("manual.1",)
    assert it.firings("reason", "status", "run") == [("asked by ann", FiringStatus.SUCCEEDED, "run-manual.1-1")]


@pytest.mark.req("D5")
def test_events_are_kept_only_where_somebody_waits_for_them(bench: Callable[..., Bench]) -> None:
    """The type and source decide; the answer says whether it was kept."""
    it = bench(_succeed, paid="when: {event: {type: com.shop.paid, source: /till/*}}\n")
    it.tick()
    assert not it.scheduler.tell("com.shop.paid", source="/web/1")
    assert it.scheduler.tell("com.shop.paid", source="/till/1", why="event 7")
    assert it.tick(1) == ("paid.1",)


@pytest.mark.req("S5")
def test_only_what_failed_is_tried_again(bench: Callable[..., Bench]) -> None:
    """A flow whose lease somebody else holds is run again, with what it held, after its wait; the others are not."""
    calls: list[tuple[str, ...]] = []

    def run(selection: Sequence[str], reason: str, firing: Firing, cancel: CancelToken) -> RunReport:
        calls.append(tuple(selection))
        state = it.shop.platform().state
        lease = state.acquire("flow:orders", "elsewhere/1/1/1", 600) if len(calls) == 1 else None
        try:
            return ProjectRun(it.shop.root)(selection, reason, firing, cancel)
        finally:
            if lease is not None:
                state.release_lease(lease)

    it = bench(run, nightly="when: {every: 1h}\nretries: {times: 2, on: [busy], wait: 30s}\n")
    it.shop.drop("products", a="product,name,price\np1,One,1.50\n")
    it.tick()
    assert it.tick(3600) == ("nightly.1",)
    ((status, attempt, selection, note),) = it.firings("status", "attempt", "selection", "note")
    assert (status, attempt) == (FiringStatus.WAITING, 2)
    assert selection[0] == "orders"  # type: ignore[index]
    assert "products" not in selection  # type: ignore[operator]
    assert note == "tried again: orders (lease.busy)"
    assert it.tick(29) == ()
    assert it.tick(2) == ("nightly.1",)
    assert it.firings("status", "attempt") == [(FiringStatus.SUCCEEDED, 2)]
    assert calls == [(), selection]


def test_a_run_that_cannot_be_made_fails_after_its_attempts(bench: Callable[..., Bench]) -> None:
    """With its code and text, and the hook is told once, at the end."""

    def run(selection: Sequence[str], reason: str, firing: Firing, cancel: CancelToken) -> RunReport:
        raise SystemError_("the disk is away.")

    it = bench(
        run,
        nightly="when: {every: 1h}\nretries: {times: 1, wait: 10s}\nhooks: [{on: [failed, completed], webhook: ops}]\n",
    )
    it.tick()
    it.tick(3600)
    assert it.sent == []
    it.tick(11)
    it.tick(1)
    assert it.firings("status", "attempt", "note") == [
        (FiringStatus.FAILED, 2, "system.unreachable: the disk is away.")
    ]
    it.wait_for(1)
    (draft,) = it.sent
    body = json.loads(draft.body)
    assert (body["status"], body["trigger"], body["failed"]) == (
        "failed", "nightly", [{"flow": "run", "code": "system.unreachable"}],
    )  # fmt: skip
    assert draft.reference.startswith("hook/nightly.1.2/failed/trigger.0/")


@pytest.mark.req("F13")
def test_hooks_tell_of_completion_with_status_and_timestamp(bench: Callable[..., Bench]) -> None:
    """The trigger's own hook and the project's, as a message and as a command with the facts in its environment."""
    it = bench(
        nightly="when: {every: 1h}\nhooks: [{on: [completed, rejected], message: erp}]\n",
    )
    code = (
        "import os; open('told.txt', 'w').write(os.environ['ENTREPOT_STATUS'] + ' ' + os.environ['ENTREPOT_RUN']"
        " + str(sorted(k for k in os.environ if 'SECRET' in k)))"
    )
    text = f"hooks:\n- {{on: completed, command: {json.dumps([sys.executable, '-c', code])}}}\n"
    with (it.shop.root / "entrepot.yaml").open("a") as file:
        file.write(text)
    os.environ["ENTREPOT_SECRET_A_B"] = "x"
    try:
        platform = it.shop.platform()
        platform.clock = it.clock  # type: ignore[assignment, misc]
        it.scheduler.use(platform)
        it.shop.drop("products", a="product,name,price\np1,One,wrong\np2,Two,1.00\n")
        it.tick()
        it.tick(3600)
        for _ in range(200):
            it.tick()
            if (it.shop.root / "told.txt").exists() and len(it.sent) == 2:
                break
            time.sleep(0.05)
    finally:
        del os.environ["ENTREPOT_SECRET_A_B"]
    ((run,),) = it.firings("run")
    assert (it.shop.root / "told.txt").read_text() == f"completed {run}[]"
    bodies = [json.loads(draft.body) for draft in it.sent]
    assert [body["status"] for body in bodies] == ["completed", "rejected"]
    assert bodies[0]["run"] == run
    assert bodies[0]["timestamp"] == it.clock.now().isoformat()
    assert bodies[1]["records"]["rejected"] == 1
    assert "wrong" not in it.sent[0].body.decode() + it.sent[1].body.decode()


def test_a_command_that_hangs_is_stopped_and_tried_again(bench: Callable[..., Bench], tmp_path: Path) -> None:
    """The run does not wait for it; the call keeps what went wrong."""
    it = bench(
        _succeed, nightly="when: {every: 1h}\nhooks: [{on: completed, command: [sleep, '60'], time_limit: 1s}]\n"
    )
    it.tick()
    began = time.monotonic()
    it.tick(3600)
    assert time.monotonic() - began < 1
    it.sender.work()
    (call,) = it.platform.schedule.calls()
    for _ in range(100):
        (call,) = it.platform.schedule.calls()
        if call.error:
            break
        time.sleep(0.05)
    assert call.error == "the command sleep took longer than 1 s and was stopped."
    assert call.done_at is None
    assert call.next_at is not None
    assert call.next_at > it.clock.now()


def test_a_deadline_is_warned_of_before_it_passes_and_told_when_missed(bench: Callable[..., Bench]) -> None:
    """A run that usually takes ten minutes and begins eight before its deadline is at risk at once."""
    release = threading.Event()
    took = [600.0]

    def run(selection: Sequence[str], reason: str, firing: Firing, cancel: CancelToken) -> RunReport:
        if firing.id == "nightly.2":
            release.wait(20)
        else:
            it.clock.advance(took[0])
        return RunReport(f"run-{firing.id}", [], [], None, 1.0)

    it = bench(
        run,
        nightly="when: {every: 1h}\ndeadline: {within: 15m}\nhooks: [{on: [deadline_at_risk, deadline_missed], webhook: ops}]\n",
    )
    it.tick()
    it.tick(3600 - 30)
    (record,) = it.platform.schedule.deadlines()
    assert record.state is DeadlineState.MET
    it.clock.advance(3600 - 600 + 420)  # begun seven minutes late
    it.scheduler.tick()
    it.clock.advance(6)
    it.scheduler.tick()
    newest = it.platform.schedule.deadlines()[0]
    assert newest.state is DeadlineState.AT_RISK
    assert "usually takes 10m" in newest.why
    it.clock.advance(600)
    it.scheduler.tick()
    assert it.platform.schedule.deadlines()[0].state is DeadlineState.MISSED
    release.set()
    it.tick(10)
    it.wait_for(2)
    assert [json.loads(draft.body)["status"] for draft in it.sent] == ["deadline_at_risk", "deadline_missed"]


def test_a_deadline_of_what_never_came_is_missed(bench: Callable[..., Bench]) -> None:
    """A trigger that waits for a file by 07:00 is told of although nothing has fired."""
    it = bench(_succeed, daily='when: {files: orders}\ndeadline: "07:00"\ntime_zone: Europe/Berlin\n')
    it.tick()
    it.clock.advance(3300)
    it.tick()
    (risk,) = it.platform.schedule.deadlines()
    assert (risk.state, risk.deadline) == (DeadlineState.AT_RISK, datetime(2026, 11, 23, 6, tzinfo=UTC))
    assert "it has not begun" in risk.why
    it.tick(300)
    assert {each.state for each in it.platform.schedule.deadlines()} == {DeadlineState.AT_RISK, DeadlineState.MISSED}


def test_a_run_that_is_cancelled_stops_between_flows_and_readers_see_no_half(bench: Callable[..., Bench]) -> None:
    """The flows whose turn had not come are not run; what is made from the ones that were stays as it was."""
    started = threading.Event()

    def run(selection: Sequence[str], reason: str, firing: Firing, cancel: CancelToken) -> RunReport:
        started.set()
        for _ in range(200):
            if cancel.is_cancelled():
                break
            time.sleep(0.02)
        report = ProjectRun(it.shop.root)(selection, reason, firing, cancel)
        verdicts.extend(result.verdict.value for result in report.results)
        return report

    verdicts: list[str] = []
    it = bench(run, nightly="when: {every: 1h}\n")
    it.shop.drop("products", a="product,name,price\np1,One,1.50\n")
    it.tick()
    it.clock.advance(3600)
    it.scheduler.tick()
    assert started.wait(10)
    asked = it.platform.schedule.ask_cancel("nightly.1", "enough", it.clock.now())
    assert asked is not None
    it.tick(1)
    it.tick(1)
    assert set(verdicts) == {"cancelled"}
    assert it.firings("status", "note") == [(FiringStatus.CANCELLED, "cancelled: enough")]


CHILD = """
import sys, time
from pathlib import Path
from entrepot.app.project import open_project
from entrepot.app.scheduling.running import ProjectRun
from entrepot.app.scheduling.scheduler import Scheduler
from entrepot.app.wiring import Platform
root = Path(sys.argv[1])
def run(*args):
    print("running", flush=True)
    time.sleep(60)
scheduler = Scheduler(Platform(open_project(root)), run)
while True:
    scheduler.tick()
    time.sleep(0.05)
"""


@pytest.mark.req("D5")
def test_a_firing_whose_process_was_killed_runs_again(bench: Callable[..., Bench]) -> None:
    """kill -9 in the middle of a run: the next process finds the firing and carries it out; it is the same one."""
    it = bench(_succeed, manual="when: {api: true}\n")
    it.platform.schedule.tell([Happening(HappeningKind.ASKED, "manual", NOW, why="asked")])
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(it.shop.root)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "running\n"
    child.kill()
    child.wait()
    child.stdout.close()
    assert it.firings("id", "status") == [("manual.1", FiringStatus.RUNNING)]
    assert it.tick() == ("manual.1",)
    assert it.firings("id", "status") == [("manual.1", FiringStatus.SUCCEEDED)]


def test_serving_stops_gracefully_and_leaves_the_run_to_the_next_process(bench: Callable[..., Bench]) -> None:
    """A run under way is asked to stop; its firing waits to be run again, it is not cancelled."""
    started = threading.Event()

    def run(selection: Sequence[str], reason: str, firing: Firing, cancel: CancelToken) -> RunReport:
        started.set()
        while not cancel.is_cancelled():
            time.sleep(0.01)
        return _succeed(selection, reason, firing, cancel)

    it = bench(run, manual="when: {api: true}\n")
    it.platform.schedule.tell([Happening(HappeningKind.ASKED, "manual", NOW, why="asked")])
    stop = threading.Event()
    thread = threading.Thread(target=it.scheduler.serve, args=(stop,), kwargs={"poll_s": 0.02})
    thread.start()
    assert started.wait(10)
    stop.set()
    it.scheduler.wake()
    thread.join(10)
    assert not thread.is_alive()
    assert it.firings("status", "note") == [(FiringStatus.WAITING, "the platform was stopped")]


def test_the_next_time_is_known(bench: Callable[..., Bench]) -> None:
    """A tick says when it is worth to look again."""
    it = bench(_succeed, a="when: {every: 1h}\n", b="when: {every: 7h}\nenabled: false\n")
    assert it.scheduler.tick().next_at == NOW.replace(minute=0, second=0) + timedelta(hours=1)
