"""Records go from `just_in` to `processed` or `error`, in the order that is stated, once."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence

import pytest

from entrepot.intake.gateway.processing.judging import BrokenRule
from entrepot.kernel.errors import ProjectError, RunError, SystemError_
from entrepot.ports.inbox import Arrival, Output, RecordStatus
from tests.gateway.processing.processing_bench import Box

pytestmark = pytest.mark.req("G3")


class NoNegatives:
    """A judge for tests: `n` must not be below 0; a row with `breaks` breaks the judge itself."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    def judge(self, rows: Sequence[Output]) -> Mapping[int, Sequence[BrokenRule]]:
        self.calls.append(len(rows))
        values = [json.loads(row.row) for row in rows]
        if any("breaks" in value for value in values):
            raise RunError("the judge broke")
        return {
            place: [BrokenRule("not_negative", "n", f"{value['n']} came; allowed is at least 0")]
            for place, value in enumerate(values)
            if value.get("n", 0) < 0
        }

    def close(self) -> None:
        pass


def test_plain_json_is_the_row(box: Box) -> None:
    """Without a handler an object is a row letter by letter, a list several; the record is processed."""
    ids = box.put(b'{"a": 1.10, "b": 12345678901234567890.5}', b'[{"a": 1}, {"a": 2}]', b"[]")
    assert box.drain(box.processor()) == 3
    assert box.status(ids) == "ppp"
    assert box.rows() == ['{"a": 1.10, "b": 12345678901234567890.5}', '{"a": 1}', '{"a": 2}']


def test_what_gives_no_rows_is_an_error(box: Box) -> None:
    """Of a body that is no JSON object the sender is told why; the others go on."""
    ids = box.put(b'{"a": 1}', b"{", b"5", b'{"a": 2}')
    box.drain(box.processor())
    assert box.status(ids) == "peep"
    error = box.get(ids[1]).error
    assert error is not None and error.code == "unreadable"


def test_a_handler_makes_the_rows(box: Box) -> None:
    """Outputs stand in the order of receipt, with the rows of each record in theirs."""
    ids = box.put(b'{"n": 1}', b'{"rows": 3}', b'{"fail": 1}', b'{"n": 2}')
    box.drain(box.processor(handler="orders"))
    assert box.status(ids) == "ppep"
    assert box.rows() == ['{"n":1}', '{"n":0}', '{"n":1}', '{"n":2}', '{"n":2}']
    error = box.get(ids[2]).error
    assert error is not None and (error.code, error.message) == ("refused", "this one is refused")


def test_a_row_that_breaks_the_contract_makes_its_record_an_error(box: Box) -> None:
    """No row of such a record goes on; the error names row, column, rule and words, and all rows of a round are judged by one call."""
    judge = NoNegatives()
    ids = box.put(b'{"n": 1}', b'[{"n": 1}, {"n": -5}, {"n": -6}]', b'{"n": -7}', b'{"n": 2}')
    box.drain(box.processor(judge=judge))
    assert box.status(ids) == "peep"
    assert box.rows() == ['{"n": 1}', '{"n": 2}']
    several, single = (box.get(ids[place]).error for place in (1, 2))
    assert several is not None and single is not None
    assert several.code == "contract"
    assert [(each["path"], each["rule"]) for each in several.details] == [
        ("[1].n", "not_negative"),
        ("[2].n", "not_negative"),
    ]
    assert "2 of 3 rows" in several.message
    assert single.details == ({"path": "n", "rule": "not_negative", "message": "-7 came; allowed is at least 0"},)
    assert judge.calls == [6]


def test_a_row_that_breaks_the_judge_holds_up_nobody(box: Box) -> None:
    """The record is parked, the others of its round are judged without it."""
    ids = box.put(b'{"n": 1}', b'{"breaks": 1}', b'{"n": -1}')
    box.drain(box.processor(judge=NoNegatives()))
    assert box.status(ids) == "pee"
    codes = [error.code for id in ids if (error := box.get(id).error) is not None]
    assert codes == ["parked", "contract"]


def test_after_an_error_later_ones_of_the_key_wait(box: Box) -> None:
    """With on_error wait they stay `just_in`; other keys, earlier records and those without a key go on."""
    a = box.put(b'{"n": 1}', b'{"fail": 1}', b'{"n": 3}', b'{"n": 4}', key="a")
    b = box.put(b'{"n": 5}', key="b")
    none = box.put(b'{"n": 6}', b'{"fail": 1}', b'{"n": 7}')
    processor = box.processor(handler="orders", on_error="wait")
    box.drain(processor)
    assert (box.status(a), box.status(b), box.status(none)) == ("pejj", "p", "pep")
    box.put(b'{"n": 8}', key="a")
    box.drain(processor)
    assert box.count(RecordStatus.JUST_IN) == 3


def test_a_replayed_record_frees_its_key(box: Box) -> None:
    """Once the failed one is processed, those that waited follow it, in order."""
    a = box.put(b'{"n": 1}', b'{"fail": 1}', b'{"n": 3}', b'{"n": 4}', key="a")
    processor = box.processor(handler="orders", on_error="wait")
    box.drain(processor)
    assert box.replay(a[1], body=b'{"n": 2}') == 1
    processor.look_again()
    box.drain(processor)
    assert box.status(a) == "pppp"
    assert box.rows() == ['{"n":1}', '{"n":2}', '{"n":3}', '{"n":4}']


def test_a_record_that_fails_again_holds_its_key_again(box: Box) -> None:
    """A replay that fails changes nothing for those that wait."""
    a = box.put(b'{"fail": 1}', b'{"n": 2}', key="a")
    processor = box.processor(handler="orders", on_error="wait")
    box.drain(processor)
    box.replay(a[0])
    processor.look_again()
    box.drain(processor)
    assert box.status(a) == "ej"


def test_replays_are_found_without_being_told(box: Box) -> None:
    """What another process replays is seen after a moment."""
    (id,) = box.put(b'{"fail": 1}')
    processor = box.processor(handler="orders")
    box.drain(processor)
    box.replay(id, body=b'{"n": 1}')
    deadline = time.monotonic() + 10
    while box.status([id]) != "p":
        assert time.monotonic() < deadline
        processor.turn()
        time.sleep(0.05)


def test_what_waited_before_a_restart_still_waits(box: Box) -> None:
    """A new processor learns from the inbox which keys are held."""
    a = box.put(b'{"fail": 1}', b'{"n": 2}', key="a")
    box.drain(box.processor(handler="orders", on_error="wait"))
    box.put(b'{"n": 3}', key="a")
    again = box.processor(handler="orders", on_error="wait")
    assert box.drain(again) == 0
    assert box.status(a) == "ej"


def test_conflicts_hold_nothing_back(box: Box) -> None:
    """A conflict never was to be processed; its sender knows."""
    made = [
        Arrival("orders", "same", 1_700_000_000_000_001, b'{"n": 1}', key="a"),
        Arrival("orders", "same", 1_700_000_000_000_002, b'{"n": 2}', key="a"),
        Arrival("orders", "other", 1_700_000_000_000_003, b'{"n": 3}', key="a"),
    ]
    ids = [each.id for each in box.store(made)]
    box.drain(box.processor(handler="orders", on_error="wait"))
    assert box.status(ids) == "pep"
    later = box.put(b'{"n": 4}', key="a")
    box.drain(box.processor(handler="orders", on_error="wait"))
    assert box.status(later) == "p"


def test_with_go_on_an_error_holds_nothing_back(box: Box) -> None:
    """Later records of the key are processed; those before it as well."""
    a = box.put(b'{"n": 1}', b'{"fail": 1}', b'{"n": 3}', key="a")
    box.drain(box.processor(handler="orders", on_error="go_on"))
    assert box.status(a) == "pep"


def test_order_within_a_key_whoever_is_quicker(box: Box) -> None:
    """With several workers and records of different length, outputs of a key stand in the order of receipt."""
    box.handler("import time\norder = record.json()\ntime.sleep(order['s'] / 1000)\nreturn {'n': order['n']}")
    for n in range(30):
        box.put(json.dumps({"n": n, "s": (30 - n) % 7 * 5}).encode(), key="a")
    box.drain(box.processor(handler="orders", workers=2))
    assert [json.loads(row)["n"] for row in box.rows()] == list(range(30))


def test_a_slow_record_does_not_hold_up_other_keys(box: Box) -> None:
    """While one record of key a is being handled, key b is processed by the other worker."""
    box.handler("import time\norder = record.json()\ntime.sleep(order['s'])\nreturn {}")
    processor = box.processor(handler="orders", workers=2)
    slow = box.put(b'{"s": 4}', key="a")
    assert processor.turn() == 0
    quick = box.put(b'{"s": 0}', b'{"s": 0}', key="b")
    deadline = time.monotonic() + 3
    while box.status(quick) != "pp":
        assert time.monotonic() < deadline
        processor.turn()
    assert box.status(slow) == "j"


def test_a_result_of_an_old_revision_is_nobody_s(box: Box) -> None:
    """A record that is replayed with another body while it is handled gives the rows of the new one only."""
    box.handler("import time\ntime.sleep(0.5)\nreturn record.json()")
    processor = box.processor(handler="orders", on_error="wait")
    (done, id) = box.put(b'{"n": 0}', b'{"n": 1}', key="a")
    while box.status([done, id]) != "pj":
        processor.turn()
    # it is under way now; an error and a replay of it come between
    from datetime import UTC, datetime

    from entrepot.ports.inbox import Processed, RecordError

    seq = box.get(id).seq
    box.inbox.finish([Processed(seq, 0, datetime.now(UTC), error=RecordError("handler_failed", "no"))])
    box.replay(id, body=b'{"n": 2}')
    processor.look_again()
    box.drain(processor)
    assert box.status([done, id]) == "pp"
    assert box.rows() == ['{"n":0}', '{"n":2}']


def test_a_broken_handler_leaves_records_just_in(box: Box) -> None:
    """A file that cannot be loaded is the project's fault: records wait, and go through when it is mended."""
    box.handler("return {}")
    (box.root / "handlers" / "orders.py").write_text("def handle(record:\n")
    ids = box.put(b"{}", b"{}")
    processor = box.processor(handler="orders")
    with pytest.raises(ProjectError):
        box.drain(processor)
    assert box.status(ids) == "jj"
    box.handler("return {'ok': True}")
    time.sleep(0.6)
    assert box.drain(processor) == 2
    assert box.status(ids) == "pp"


def test_an_inbox_that_cannot_write_loses_nothing(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """The round is done again when there is room."""
    ids = box.put(b'{"n": 1}', b'{"n": 2}')
    processor = box.processor(handler="orders")

    def refuse(results: object) -> None:
        raise SystemError_("the disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(box.inbox, "finish", refuse)
        with pytest.raises(SystemError_):
            box.drain(processor)
    assert box.status(ids) == "jj"
    assert box.drain(processor) == 2
    assert box.rows() == ['{"n":1}', '{"n":2}']


def test_without_the_lease_nothing_is_written(box: Box) -> None:
    """A processor that was overtaken drops what it has."""
    ids = box.put(b'{"n": 1}')
    processor = box.processor()
    processor._may_finish = lambda: False
    assert processor.turn() == 0
    assert box.status(ids) == "j"
    processor._may_finish = lambda: True
    assert box.drain(processor) == 1


def test_many_records_go_through_in_bounded_rounds(box: Box) -> None:
    """More than a round holds: each is processed once, in the order of receipt, and a round takes at most 2,000."""
    for start in range(0, 5_000, 1_000):
        box.put(*(json.dumps({"n": n}).encode() for n in range(start, start + 1_000)))
    judge = NoNegatives()
    assert box.drain(box.processor(judge=judge, handler="orders")) == 5_000
    assert [json.loads(row)["n"] for row in box.rows()] == list(range(5_000))
    assert max(judge.calls) <= 2_000


def test_only_its_own_integration(box: Box) -> None:
    """Records of others are left alone."""
    mine, other = box.put(b"{}"), box.put(b"{}", integration="returns")
    box.drain(box.processor())
    assert box.status([*mine, *other]) == "pj"


def test_events_count_and_hold_no_values(box: Box) -> None:
    """A round tells how many, not what."""
    box.put(b'{"n": "secret-value"}', b'{"fail": "secret-value"}')
    box.drain(box.processor(handler="orders"))
    assert [(event.name, event.subject, dict(event.data)) for event in box.events] == [
        ("records_processed", "orders", {"processed": 1, "failed": 1})
    ]
