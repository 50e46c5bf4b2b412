"""Handlers run in real processes: whatever one does, only its own record suffers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from entrepot.kernel.errors import ProjectError
from tests.gateway.handlers.handler_bench import Bench, make_records, write_handler

MakeBench = Callable[..., Bench]

pytestmark = pytest.mark.req("G3")


def children() -> set[int]:
    """Processes that this one has started."""
    return {process.pid for process in psutil.Process().children(recursive=True)}


def wait_for(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Fail when it does not come true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)


def test_a_handler_gives_rows(bench: MakeBench) -> None:
    """A dict is a row, a list several, None none; the record has what its sender sent."""
    one = bench(
        """
        order = record.json()
        if order is None:
            return None
        rows = [{"n": n, "ref": record.reference, "at": record.received_at, "type": record.headers["X-Type"]} for n in order]
        return rows[0] if len(rows) == 1 else rows
        """
    )
    found = one.run(make_records(b"[1]", b"[1,2]", b"null", b"[]", headers=(("x-type", "a"), ("X-Type", "b"))))
    assert [len(found[seq].rows) for seq in (1, 2, 3, 4)] == [1, 2, 0, 0]
    assert json.loads(found[1].rows[0]) == {
        "n": 1,
        "ref": "ref-1",
        "at": "2023-11-14T22:13:20.000001+00:00",
        "type": "a, b",
    }
    assert all(each.error is None for each in found.values())


def test_what_the_author_rejects_is_for_the_sender(bench: MakeBench) -> None:
    """Code, message and paths reach the record's error as the author wrote them."""
    one = bench(
        """
        if record.body == b"one":
            raise Reject("unknown_customer", "customer 17 is not known", path="customer.id")
        raise Reject("invalid", "two faults", faults={"a": "is missing", "b[0]": "is negative"})
        """
    )
    first, second = one.handle(b"one", b"two")
    assert first.error is not None and second.error is not None
    assert (first.error.code, first.error.message) == ("unknown_customer", "customer 17 is not known")
    assert first.error.details == (
        {"path": "customer.id", "rule": "unknown_customer", "message": "customer 17 is not known"},
    )
    assert [(each["path"], each["message"]) for each in second.error.details] == [
        ("a", "is missing"),
        ("b[0]", "is negative"),
    ]


def test_an_exception_names_type_and_line(bench: MakeBench) -> None:
    """The record's error says what was raised, in which line of the project's file, and shows that line."""
    one = bench("order = record.json()\nreturn {'id': order['id']}")
    (found,) = one.handle(b'{"other": 1}')
    assert found.error is not None and found.error.code == "handler_failed"
    assert found.error.message == "The handler failed with KeyError at handlers/orders.py:5."
    (detail,) = found.error.details
    assert detail["path"] == "handlers/orders.py:5"
    assert detail["message"] == "KeyError: 'id' — at: return {'id': order['id']}"


def test_the_line_is_the_project_s_own(bench: MakeBench) -> None:
    """Of a failure inside of a library the line that called it is named."""
    one = bench("import json\nreturn {'id': json.loads(record.body)}")
    (found,) = one.handle(b"not json")
    assert found.error is not None
    assert "JSONDecodeError at handlers/orders.py:5" in found.error.message


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ("return 5", "a int"),
        ("return [{'a': 1}, 7]", "row 2"),
        ("return {'a': {1, 2}}", "a set"),
        ("return {'a': float('nan')}", "not a number"),
        ("return {1: 2}", "a key"),
        ("return (row for row in [])", "generator"),
        ("return {'a': '\\ud800'}", "surrogate"),
        ("row = {}\nrow['row'] = row\nreturn row", "itself"),
    ],
)
def test_what_is_no_row_is_an_error(bench: MakeBench, body: str, word: str) -> None:
    """What JSON cannot hold exactly is refused, not turned into something like it."""
    (found,) = bench(body).handle(b"")
    assert found.error is not None and found.error.code == "handler_failed"
    assert word in found.error.message, found.error.message
    assert not found.rows


def test_sys_exit_is_an_error_of_the_record(bench: MakeBench) -> None:
    """A handler does not decide how the platform goes on."""
    one = bench("import sys\nif record.body == b'x':\n    sys.exit(3)\nreturn {}")
    first, second = one.handle(b"x", b"y")
    assert first.error is not None and "SystemExit" in first.error.message
    assert second.error is None


@pytest.mark.parametrize(
    ("death", "said"),
    [
        ("os._exit(7)", "ended itself with exit code 7"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "signal 9"),
    ],
)
def test_a_crash_fails_only_its_record(bench: MakeBench, death: str, said: str) -> None:
    """A record over which two processes died is parked; those before and after it come through, each once."""
    one = bench(
        f"""
        import os, signal
        if record.body == b"bad":
            {death}
        return {{"body": record.text()}}
        """
    )
    bodies = [b"good"] * 20
    bodies[3] = bodies[11] = b"bad"
    found = one.handle(*bodies)
    for number, each in enumerate(found):
        if number in (3, 11):
            assert each.error is not None and each.error.code == "parked"
            assert said in each.error.message and each.attempts == 2
        else:
            assert each.error is None and each.rows == ('{"body":"good"}',)


def test_a_crash_by_chance_is_forgiven(bench: MakeBench, tmp_path: Path) -> None:
    """What crashes once and then not is processed."""
    mark = tmp_path / "mark"
    one = bench(
        f"""
        import os, pathlib
        mark = pathlib.Path({str(mark)!r})
        if not mark.exists():
            mark.touch()
            os._exit(1)
        return {{}}
        """
    )
    (found,) = one.handle(b"x")
    assert found.error is None and found.rows == ("{}",)


def test_a_handler_that_never_returns_is_ended(bench: MakeBench) -> None:
    """After the time that is allowed for a record it is an error, whatever the handler does, and the next one is handled."""
    one = bench(
        """
        import time
        if record.body == b"sleep":
            time.sleep(1000)
        while record.body == b"spin":
            pass
        return {}
        """,
        timeout_s=0.5,
    )
    began = time.monotonic()
    first, second, third, fourth = one.handle(b"quick", b"sleep", b"spin", b"quick")
    assert time.monotonic() - began < 10
    assert first.error is None and fourth.error is None
    assert second.error is not None and third.error is not None
    assert second.error.code == third.error.code == "timeout"
    assert "0.5 s" in second.error.message


def test_quick_ones_do_not_wait_for_a_slow_one(bench: MakeBench) -> None:
    """Outcomes before a slow record come while it is still being handled."""
    one = bench("import time\ntime.sleep(3 if record.body == b'slow' else 0)\nreturn {}")
    one.handle(b"warm")
    began = time.monotonic()
    one.pool.submit(make_records(b"quick", b"quick", b"slow", first=10))
    found = [each.seq for _ in range(3) for each in one.pool.collect(0.3)]
    assert sorted(found) == [10, 11]
    assert time.monotonic() - began < 2


def test_too_much_memory_is_an_error_of_the_record(bench: MakeBench) -> None:
    """The limit holds for each record; the next one is handled."""
    one = bench("data = bytearray(int(record.body) << 20)\nreturn {'size': len(data)}", memory_mb=64)
    first, second, third = one.handle(b"8", b"4000", b"8")
    assert first.error is None and third.error is None
    assert second.error is not None and second.error.code == "out_of_memory"


def test_leaks_end_the_process_not_the_records(bench: MakeBench) -> None:
    """A handler that keeps what it gets runs out of memory at some record, and goes on in a new process."""
    one = bench("held.append(bytearray(10 << 20))\nreturn {}", head="held = []", memory_mb=64)
    found = one.handle(*[b"x"] * 12)
    failed = [each for each in found if each.error is not None]
    assert {each.error.code for each in failed if each.error} == {"out_of_memory"}
    assert 1 <= len(failed) <= 3


def test_a_changed_handler_is_taken_at_once(bench: MakeBench, tmp_path: Path) -> None:
    """The next records run through the new text; a change of a module in lib/ counts too."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "rates.py").write_text("RATE = 1\n")
    one = bench("from rates import RATE\nreturn {'version': 1, 'rate': RATE}")
    assert one.handle(b"x")[0].rows == ('{"version":1,"rate":1}',)
    write_handler(tmp_path, "from rates import RATE\nreturn {'version': 2, 'rate': RATE}")
    time.sleep(0.6)
    assert one.run(make_records(b"x", first=2))[2].rows == ('{"version":2,"rate":1}',)
    (tmp_path / "lib" / "rates.py").write_text("RATE = 22\n")
    time.sleep(0.6)
    assert one.run(make_records(b"x", first=3))[3].rows == ('{"version":2,"rate":22}',)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def handle(record:\n", "orders.py:1"),
        ("import nothing_of_that_name\ndef handle(record): ...\n", "orders.py:1"),
        ("x = 1 / 0\ndef handle(record): ...\n", "ZeroDivisionError"),
        ("def other(record): ...\n", "handle(record)"),
        ("handle = 5\n", "handle(record)"),
        ("import os\nos._exit(3)\ndef handle(record): ...\n", "cannot be loaded"),
    ],
)
def test_a_handler_that_cannot_be_loaded_blames_no_record(
    bench: MakeBench, tmp_path: Path, text: str, said: str
) -> None:
    """It is an error of the project, with file and line; mended, the records go through."""
    one = bench("return {}")
    (tmp_path / "handlers" / "orders.py").write_text(text)
    one.pool.submit(make_records(b"x"))
    with pytest.raises(ProjectError) as caught:
        one.pool.collect(20)
    assert said in str(caught.value)
    write_handler(tmp_path, "return {'ok': True}")
    time.sleep(0.6)
    assert one.handle(b"x")[0].rows == ('{"ok":true}',)


def test_a_missing_handler_is_named(tmp_path: Path) -> None:
    """The error says which file is missing and what can be done."""
    one = Bench(tmp_path)
    one.pool.submit(make_records(b"x"))
    with pytest.raises(ProjectError, match=r"there is no handlers/orders\.py"):
        one.pool.collect(5)
    one.pool.close()


def test_what_a_handler_prints_disturbs_nothing(bench: MakeBench) -> None:
    """Prints, more than any pipe holds, go nowhere; standard input is empty."""
    one = bench("import sys\nprint('x' * 300_000)\nsys.stderr.write('y' * 300_000)\nreturn {'read': sys.stdin.read()}")
    assert [each.rows for each in one.handle(b"", b"")] == [('{"read":""}',)] * 2


def test_secrets_of_the_platform_are_not_in_its_environment(bench: MakeBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A handler needs none, so it sees none."""
    monkeypatch.setenv("ENTREPOT_SECRET_SHOP_KEY", "hush")
    one = bench("import os\nreturn {'names': [name for name in os.environ if 'SECRET' in name]}")
    assert one.handle(b"")[0].rows == ('{"names":[]}',)


def test_workers_share_the_records(bench: MakeBench) -> None:
    """With two workers two records are handled at once; there are never more processes than that."""
    one = bench("import os, time\ntime.sleep(0.05)\nreturn {'pid': os.getpid()}", workers=2)
    found = one.handle(*[b"x"] * 24)
    assert len({each.rows for each in found}) == 2
    assert one.pool.processes == 2


def test_processes_end_when_idle_and_start_on_demand(bench: MakeBench) -> None:
    """No process before the first record, none after a while without any, one again with the next."""
    before = children()
    one = bench("return {}", idle_s=0.3)
    assert children() == before
    one.handle(b"x")
    assert len(children() - before) == 1
    wait_for(lambda: children() == before)
    assert one.run(make_records(b"x", first=2))[2].error is None


def test_close_ends_everything(bench: MakeBench) -> None:
    """Also a handler that is in the middle of something, and what it started itself."""
    before = children()
    one = bench("import subprocess, time\nsubprocess.Popen(['sleep', '1000'])\ntime.sleep(1000)", timeout_s=1000)
    one.pool.submit(make_records(b"x"))
    wait_for(lambda: len(children() - before) == 2)
    one.pool.close()
    wait_for(lambda: children() == before)


def test_a_handler_s_process_does_not_outlive_the_platform(tmp_path: Path) -> None:
    """When the platform is killed in the middle, its handlers end too, even those that never return."""
    write_handler(tmp_path, "open('pid', 'w').close()\nwhile True: pass")
    program = textwrap.dedent(
        f"""
        import time, psutil
        from pathlib import Path
        from tests.gateway.handlers.handler_bench import Bench, make_records
        bench = Bench(Path({str(tmp_path)!r}), timeout_s=1000)
        bench.pool.submit(make_records(b"x"))
        while not psutil.Process().children():
            time.sleep(0.05)
        time.sleep(0.5)
        print(psutil.Process().children()[0].pid, flush=True)
        time.sleep(1000)
        """
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=Path.cwd())
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert psutil.pid_exists(pid)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    wait_for(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


def test_forgotten_records_never_come_back(bench: MakeBench) -> None:
    """After `forget` only what was submitted later is given out."""
    one = bench("import time\ntime.sleep(0.3)\nreturn {'body': record.text()}")
    one.pool.submit(make_records(b"old", b"old"))
    time.sleep(0.1)
    one.pool.forget()
    found = one.run(make_records(b"new", first=9))
    assert list(found) == [9]


def test_large_bodies_and_many_rows_go_through(bench: MakeBench) -> None:
    """More than any pipe holds, in both directions at once."""
    one = bench("return [{'n': n, 'pad': 'x' * 100} for n in range(20_000)] + [{'size': len(record.body)}]")
    first, second = one.handle(b"a" * (8 << 20), b"b" * (8 << 20))
    assert len(first.rows) == len(second.rows) == 20_001
    assert first.rows[-1] == f'{{"size":{8 << 20}}}'


def test_too_many_rows_are_an_error(bench: MakeBench) -> None:
    """A record whose rows take more than can be carried is refused with a code."""
    (found,) = bench("return [{'pad': 'x' * 1_000_000}] * 80").handle(b"")
    assert found.error is not None and found.error.code == "too_large"
