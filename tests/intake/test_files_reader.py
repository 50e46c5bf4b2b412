"""Files move through the storage area so that nothing is lost, doubled or taken half-written."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from entrepot.intake.landing.receipts import Outcome, Receipt, write_receipt
from entrepot.kernel.errors import DataError, RunError, SystemError_
from entrepot.kernel.ids import hash_file
from entrepot.kernel.positions import Cursor, FileSet, Position
from entrepot.ports.engine import Counts
from entrepot.ports.reader import Reader
from entrepot.testing.sources import claim_next, rows_of


def claim_files(reader: Reader, previous: Position | None) -> FileSet:
    """The next files, claimed."""
    claimed = claim_next(reader, previous)
    assert isinstance(claimed, FileSet)
    return claimed


def test_files_come_in_the_order_of_their_names(area: Any) -> None:
    """Listing order does not depend on the file system."""
    for name in ("b.csv", "c.csv", "a.csv"):
        area.drop(name, f"id,text\n1,{name}\n")
    position = claim_files(area.reader(), None)
    assert [item.name for item in position.files] == ["a.csv", "b.csv", "c.csv"]
    assert [part.place for part in area.reader().read(position)] == ["a.csv", "b.csv", "c.csv"]


def test_claim_moves_and_hashes(area: Any) -> None:
    """After the claim nobody finds the file in incoming, and the position holds its content's hash."""
    path = area.drop("a.csv")
    sha256 = hash_file(path)
    (item,) = claim_files(area.reader(), None).files
    assert area.names("incoming") == []
    assert item.sha256 == sha256
    assert item.claimed.startswith("claimed/sales/")
    assert (area.path / item.claimed).is_file()


@pytest.mark.parametrize("name", [".hidden.csv", "~$book.xlsx", "a.csv.tmp", "a.csv.part", "a.csv.PART", "b.csv~"])
def test_temporary_names_are_left_alone(area: Any, name: str) -> None:
    """Files that a program is still writing are not taken."""
    area.drop(name)
    assert area.reader().find_next(None) is None
    assert area.names("incoming") == [name]


def test_links_and_folders_are_not_taken(area: Any, tmp_path: Any) -> None:
    """A link could point to other bytes after it was claimed; it is announced once and left alone."""
    target = tmp_path / "elsewhere.csv"
    target.write_text("id\n1\n")
    area.incoming.mkdir(parents=True)
    (area.incoming / "link.csv").symlink_to(target)
    (area.incoming / "folder.csv").mkdir()
    reader = area.reader()
    assert reader.find_next(None) is None
    assert reader.find_next(None) is None
    assert area.event_names().count("file_ignored") == 2


def test_pattern_chooses_files(area: Any) -> None:
    """Only files that match a pattern are taken."""
    for name in ("x_Price.csv", "x_Promo.csv", "other.csv"):
        area.drop(name, name)
    found = area.reader(pattern=["*_Price.csv", "*_Promo.csv"]).find_next(None)
    assert found is not None
    assert [item.name for item in found.files] == ["x_Price.csv", "x_Promo.csv"]


def test_fresh_file_waits_until_it_is_quiet(area: Any) -> None:
    """A file that was changed a moment ago is not taken before it was quiet for the whole window."""
    path = area.drop("a.csv")
    now = area.clock.now().timestamp()
    os.utime(path, (now, now))
    reader = area.reader(wait={"stable_s": 60})
    assert reader.find_next(None) is None
    area.clock.advance(59)
    path.write_text("id,text\n1,a\n2,b\n")
    os.utime(path, (now + 59, now + 59))
    area.clock.advance(30)
    assert reader.find_next(None) is None, "the window begins anew with each change"
    area.clock.advance(31)
    assert reader.find_next(None) is not None


def test_file_with_a_time_in_the_future_is_judged_by_when_it_was_seen(area: Any) -> None:
    """A sender's clock that runs ahead delays a file by the window, not for ever."""
    path = area.drop("a.csv")
    later = (area.clock.now() + timedelta(days=30)).timestamp()
    os.utime(path, (later, later))
    reader = area.reader(wait={"stable_s": 60})
    assert reader.find_next(None) is None
    area.clock.advance(61)
    assert reader.find_next(None) is not None


def test_short_window_is_waited_for(area: Any) -> None:
    """A file dropped just before a run is taken by that run: a short window is slept through."""
    path = area.drop("a.csv")
    now = area.clock.now()
    os.utime(path, (now.timestamp(), now.timestamp()))
    assert area.reader().find_next(None) is not None
    assert area.clock.now() - now == timedelta(seconds=2)


def test_done_file_tells_that_a_file_is_whole(area: Any) -> None:
    """With done_file only marked files are taken; the marker goes with the claim."""
    area.drop("a.csv", "id\n1\n")
    area.drop("b.csv", "id\n2\n")
    area.drop("b.csv.done", "")
    position = claim_files(area.reader(wait={"done_file": True}), None)
    assert [item.name for item in position.files] == ["b.csv"]
    assert area.names("incoming") == ["a.csv"]


def test_stale_marker_does_not_count(area: Any) -> None:
    """A marker left over from an earlier file does not vouch for a new one of the same name."""
    marker = area.drop("a.csv.done", "")
    os.utime(marker, (1, 1))
    area.drop("a.csv")
    assert area.reader(wait={"done_file": True}).find_next(None) is None


@pytest.mark.parametrize("point", ["claim.before", "claim.moved", "claim.after"])
def test_cut_claim_is_found_again(area: Any, cut_at: Any, point: str) -> None:
    """Wherever the power is cut during a claim, a new process takes every file once."""
    for number in range(3):
        area.drop(f"{number}.csv", f"id,text\n{number},x\n")
    reader = area.reader()
    found = reader.find_next(None)
    cut_at(point)
    with pytest.raises(KeyboardInterrupt):
        reader.claim(found)
    position = claim_files(area.reader(), None)
    assert [row.id for row in rows_of(area.reader().read(position))] == [0, 1, 2]


def test_planned_claims_are_not_found_again(area: Any) -> None:
    """Claimed files that a plan knows belong to that plan."""
    area.drop("a.csv")
    position = claim_files(area.reader(), None)
    assert area.reader().find_next(position) is None
    known = area.context(known_claims=lambda: {position.files[0].claimed})
    assert area.reader(context=known).find_next(None) is None
    assert [item.name for item in area.reader().claimed_files()] == ["a.csv"]


def test_two_files_of_one_name_go_into_two_batches(area: Any) -> None:
    """In one batch their rows could not be told apart by place."""
    area.drop("a.csv", "id,text\n1,old\n")
    first = area.reader()
    first.claim(first.find_next(None))  # a crash follows: nothing planned
    area.drop("a.csv", "id,text\n2,new\n")
    position = claim_files(area.reader(), None)
    assert [row.id for row in rows_of(area.reader().read(position))] == [1]
    second = claim_files(area.reader(), position)
    assert [row.id for row in rows_of(area.reader().read(second))] == [2]


def test_batch_limits(area: Any) -> None:
    """A batch ends at max_files or max_bytes, but holds at least one file."""
    for number in range(5):
        area.drop(f"{number}.csv", "x" * 100 + str(number))
    assert len(area.reader(max_files=2).find_next(None).files) == 2
    assert len(area.reader(max_bytes=310).find_next(None).files) == 3
    assert len(area.reader(max_bytes=1).find_next(None).files) == 1


@pytest.mark.req("F5")
def test_same_content_is_taken_once(area: Any) -> None:
    """Content that a live plan has goes to processed with a receipt, whatever its name, and is not planned."""
    path = area.drop("again.csv")
    area.taken[hash_file(path)] = "batch 7"
    reader = area.reader()
    assert reader.claim(reader.find_next(None)) == FileSet(())
    assert area.names("processed") == ["again.csv", "again.csv.receipt.json", "again.csv.receipt.txt"]
    receipt = json.loads((area.processed / "again.csv.receipt.json").read_text())
    assert receipt["outcome"] == "duplicate"
    assert receipt["batch"] == "batch 7"
    assert area.event_names() == ["file_duplicate"]
    assert reader.find_next(None) is None


def test_same_content_within_a_batch_is_taken_once(area: Any) -> None:
    """Of two equal files in one batch the first is taken."""
    area.drop("a.csv")
    area.drop("b.csv")
    position = claim_files(area.reader(), None)
    assert [item.name for item in position.files] == ["a.csv"]
    assert "a.csv" in (area.processed / "b.csv.receipt.txt").read_text()


def test_changed_claim_is_refused(area: Any) -> None:
    """Bytes that differ from the planned ones are never read."""
    area.drop("a.csv")
    position = claim_files(area.reader(), None)
    (area.path / position.files[0].claimed).write_text("id,text\n9,z\n")
    with pytest.raises(DataError, match="changed after it was claimed"):
        area.reader().read(position)


def test_vanished_claim_is_an_error(area: Any) -> None:
    """A claimed file that is gone is said to be gone."""
    area.drop("a.csv")
    position = claim_files(area.reader(), None)
    (area.path / position.files[0].claimed).unlink()
    with pytest.raises(DataError, match="no longer"):
        area.reader().read(position)


def test_read_after_acknowledge(area: Any) -> None:
    """A batch can be done again from processed/ and from the archive: the lake may have been restored from a backup."""
    area.drop("a.csv")
    reader = area.reader(archive_after_days=10)
    position = claim_files(reader, None)
    reader.acknowledge(position)
    assert [row.id for row in rows_of(reader.read(position))] == [1]
    area.clock.advance(11 * 86_400)
    assert reader.tidy() == 1
    assert area.names("processed") == []
    assert [row.id for row in rows_of(reader.read(position))] == [1]


def test_acknowledge_never_writes_over(area: Any) -> None:
    """Files of one name stand side by side in processed/."""
    contents = ["id,text\n1,a\n", "id,text\n2,b\n", "id,text\n3,c\n"]
    previous = None
    positions = []
    for content in contents:
        area.drop("a.csv", content)
        previous = claim_files(area.reader(), previous)
        area.reader().acknowledge(previous)
        positions.append(previous)
    assert len(area.names("processed")) == 3
    assert [row.id for position in positions for row in rows_of(area.reader().read(position))] == [1, 2, 3]


def test_cut_acknowledge_is_repeated(area: Any, cut_at: Any) -> None:
    """A cut between two moves leaves nothing behind after the repetition."""
    for number in range(3):
        area.drop(f"{number}.csv", f"id\n{number}\n")
    position = claim_files(area.reader(), None)
    cut_at("acknowledge.moved")
    with pytest.raises(KeyboardInterrupt):
        area.reader().acknowledge(position)
    area.reader().acknowledge(position)
    assert area.names("processed") == ["0.csv", "1.csv", "2.csv"]
    assert area.names("claimed/sales") == []


def test_growth_after_the_claim_is_announced(area: Any) -> None:
    """A writer that still held the file open is told on, for its last bytes were not taken."""
    area.drop("a.csv")
    reader = area.reader()
    position = claim_files(reader, None)
    with (area.path / position.files[0].claimed).open("a") as file:
        file.write("2,late\n")
    reader.acknowledge(position)
    assert "file_changed_after_claim" in area.event_names()


@pytest.mark.req("F2")
def test_refused_file_comes_back_with_a_receipt(area: Any, cut_at: Any) -> None:
    """rejected/ holds the file, why it was refused and what to do; also when the power is cut in between."""
    area.drop("a.csv", b"id\n\xff\n")
    reader = area.reader()
    position = claim_files(reader, None)
    with pytest.raises(DataError) as caught:
        reader.read(position)
    cut_at("acknowledge.moved")
    with pytest.raises(KeyboardInterrupt):
        reader.refuse(position, str(caught.value))
    area.reader().refuse(position, str(caught.value))
    assert area.names("rejected") == ["a.csv", "a.csv.receipt.json", "a.csv.receipt.txt"]
    text = (area.rejected / "a.csv.receipt.txt").read_text()
    assert "csv.encoding" in text
    assert "in/incoming" in text


def test_receipts_only_for_files_that_lost_rows(area: Any) -> None:
    """A file whose rows were all accepted gets no receipt; places of sheets count for their workbook."""
    area.drop("good.csv", "id\n1\n")
    area.drop("bad.csv", "id\n2\n")
    reader = area.reader()
    position = claim_files(reader, None)
    reader.acknowledge(position)
    places = {"good.csv": Counts(1, 1, 0), "bad.csv": Counts(10, 8, 2), "bad.csv#x": Counts(1, 0, 1)}
    reader.write_receipts(position, "batch 1", places, {"required-id": 3})
    assert area.names("processed") == ["bad.csv", "bad.csv.receipt.json", "bad.csv.receipt.txt", "good.csv"]
    assert json.loads((area.processed / "bad.csv.receipt.json").read_text())["counts"]["rejected"] == 3


def test_archive_takes_receipts_along(area: Any) -> None:
    """A processed file and its receipt move to the month of its processing together."""
    area.drop("a.csv")
    reader = area.reader(archive_after_days=1)
    position = claim_files(reader, None)
    reader.acknowledge(position)
    reader.write_receipts(position, "batch 1", {"a.csv": Counts(2, 1, 1)}, {})
    assert reader.tidy() == 0
    area.clock.advance(2 * 86_400)
    assert reader.tidy() == 1
    (month,) = area.names("archive")
    assert area.names(f"archive/{month}") == ["a.csv", "a.csv.receipt.json", "a.csv.receipt.txt"]


def test_missing_share_is_no_empty_folder(area: Any, tmp_path: Any) -> None:
    """An area outside the project that is not there is an error: nothing is created on an unmounted share."""
    missing = tmp_path.parent / f"{tmp_path.name}-share"
    reader = area.reader(path=str(missing))
    with pytest.raises(SystemError_, match="is not there"):
        reader.find_next(None)
    assert not missing.exists()


def test_other_positions_are_refused(area: Any) -> None:
    """A cursor is not taken for files."""
    with pytest.raises(RunError, match="kind cursor"):
        area.reader().read(Cursor(None, 1))


def test_unknown_format_is_said(area: Any) -> None:
    """A file whose name tells no format is an error that names the known ones."""
    area.drop("a.doc")
    reader = area.reader()
    with pytest.raises(DataError, match=r"known are \.csv"):
        reader.read(claim_files(reader, None))


def test_sniff_waiting_moves_nothing(area: Any) -> None:
    """`entrepot check` looks at waiting files and leaves them where they are."""
    area.drop("a.csv", "id;text\n1;x\n")
    area.drop("b.csv", "")
    (_, good), (_, bad) = area.reader().sniff_waiting(2)
    assert "semicolon" in good.facts["delimiter"]
    assert isinstance(bad, DataError)
    assert area.names("incoming") == ["a.csv", "b.csv"]


def test_a_name_that_leaves_no_room_is_left_where_it_is(area: Any) -> None:
    """A file whose name could not bear a token and a receipt is told of, by the run and by check; the others are taken."""
    longest = "é" * 112 + "x.csv"
    area.drop(longest)
    area.drop("b" * 226 + ".csv", "id,text\n2,b\n")
    area.drop("z.csv", "id,text\n3,c\n")
    reader = area.reader()
    assert [name for name, _ in reader.sniff_waiting(9)] == ["z.csv", longest, "b" * 226 + ".csv"]
    position = claim_files(reader, None)
    assert [item.name for item in position.files] == ["z.csv", longest]
    assert area.event_names() == ["file_ignored"]
    assert "229 are the most" in area.events[0].data["reason"]
    assert area.names("incoming") == ["b" * 226 + ".csv"]


@pytest.mark.parametrize("flows", [("sales",), ("p.bronze.prices", "p.bronze.promotions")])
def test_the_longest_name_goes_all_the_way(area: Any, flows: tuple[str, ...]) -> None:
    """With a token, beside another of its name, refused or with a receipt: there is room."""
    shared = {"source": "p", "members": flows} if len(flows) > 1 else {}
    readers = [area.reader(context=area.context(flow=flow, **shared)) for flow in flows]
    name = "n" * (readers[0].area.longest_name() - 4) + ".csv"
    for number in range(3):
        area.drop(name, f"id,text\n{number},x\n")
        for flow, reader in zip(flows, readers, strict=True):
            position = claim_files(reader, None)
            if number == 2:
                reader.refuse(position, "it is bad")
                continue
            reader.acknowledge(position)
            reader.write_receipts(position, flow, {name: Counts(2, 1, 1)}, {})
    assert len(area.names("processed")) == 2 + 4 * len(flows)
    assert len(area.names("rejected")) == 1 + 2 * len(flows)
    assert not [path for path in (area.path / "claimed").rglob("*") if path.is_file()]
    assert area.event_names() == []


def test_trouble_with_a_receipt_is_told_and_undoes_nothing(area: Any) -> None:
    """The rows are in the lake, so the run goes on; the other files get their receipts."""
    for name in ("a.csv", "b.csv"):
        area.drop(name, f"id,text\n1,{name}\n")
    reader = area.reader()
    position = claim_files(reader, None)
    reader.acknowledge(position)
    (area.processed / "a.csv.receipt.txt" / "in the way").mkdir(parents=True)
    reader.write_receipts(position, "batch 1", {"a.csv": Counts(2, 1, 1), "b.csv": Counts(2, 1, 1)}, {})
    assert "b.csv.receipt.json" in area.names("processed")
    assert [(event.name, event.data["file"]) for event in area.events] == [("receipt_missing", "a.csv")]


def test_data_named_like_a_receipt_is_never_written_over(area: Any) -> None:
    """A receipt finds its place free: data that arrived under its name stands under another."""
    area.drop("a.csv.receipt.json", "id,text\n1,data\n")
    area.drop("a.csv", "id,text\n2,x\n")
    reader = area.reader(format="csv", archive_after_days=1)
    position = claim_files(reader, None)
    reader.acknowledge(position)
    reader.write_receipts(position, "batch 1", {"a.csv": Counts(2, 1, 1)}, {})
    assert [row.id for row in rows_of(reader.read(position))] == [2, 1]
    area.clock.advance(2 * 86_400)
    assert reader.tidy() == 2
    assert area.names("processed") == []
    assert [row.id for row in rows_of(reader.read(position))] == [2, 1]


def test_the_archive_knows_whose_a_receipt_is(area: Any) -> None:
    """A receipt goes with its own file, though another file's name begins it; a file in the archive of that name moves it to no other."""
    for number, name in enumerate(("a", "a.2026.csv")):
        area.drop(name, f"id,text\n{number},x\n")
    reader = area.reader(format="csv", archive_after_days=1)
    position = claim_files(reader, None)
    reader.acknowledge(position)
    reader.write_receipts(position, "batch 1", {"a.2026.csv": Counts(2, 1, 1)}, {})
    area.clock.advance(2 * 86_400)
    month = area.path / "archive" / f"{datetime.now(UTC):%Y-%m}"
    month.mkdir(parents=True)
    (month / "a").write_text("another")
    assert reader.tidy() == 2
    assert {"a", "a.2026.csv", "a.2026.csv.receipt.json", "a.2026.csv.receipt.txt"} < set(
        area.names(f"archive/{month.name}")
    )


def test_a_receipt_written_after_the_file_has_moved_on_follows_it(area: Any) -> None:
    """The other flow may let go between a flow's look at the file and its receipt; what a kill left is brought home later."""
    flows = ("p.bronze.prices", "p.bronze.promos")
    prices, promos = (area.reader(context=area.context(flow=flow, source="p", members=flows)) for flow in flows)
    area.drop("a.csv")
    (item,) = claim_files(prices, None).files
    (other,) = claim_files(promos, None).files
    beside = prices.area.release(item, prices.area.processed)
    assert beside is not None and beside.parent.name == "p"
    receipt = Receipt("a.csv", item.sha256, item.size_bytes, flows[0], Outcome.ACCEPTED, area.clock.now(), "why", "do")
    pending = area.path / "claimed" / "p" / ".receipts" / (beside.name + ".bronze.prices")
    write_receipt(pending, receipt)  # killed here
    promos.acknowledge(FileSet((other,)))
    assert "a.csv.bronze.prices.receipt.json" in area.names("processed")
    write_receipt(pending, receipt)  # killed there, after the file had moved on
    promos.find_next(None)
    prices.area.leave_receipt(item, receipt, beside)
    assert area.names("processed") == ["a.csv", "a.csv.bronze.prices.receipt.json", "a.csv.bronze.prices.receipt.txt"]
    assert not [path for path in (area.path / "claimed").rglob("*") if path.is_file()]
