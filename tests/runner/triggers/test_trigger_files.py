"""Files of `triggers/`: everything that may be said is read, everything else is refused with file, line and what is allowed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from entrepot.kernel.documents import parse_document
from entrepot.kernel.errors import ProjectError
from entrepot.runner.triggers.conditions import describe
from entrepot.runner.triggers.load import Known, load_triggers, read_trigger
from entrepot.runner.triggers.trigger import (
    AllOf,
    AnyOf,
    CatchUp,
    Cron,
    Deadline,
    Every,
    Files,
    Hook,
    HookEvent,
    Mail,
    OnEvent,
    Released,
    Retries,
    Trigger,
)

WHOLE = """\
name: nightly
description: The night's figures
time_zone: America/New_York
when:
  any_of:
    - cron: "0 6 * * 1-5"
    - {every: 1h30m}
    - {event: {type: com.shop.*, source: /till/1}}
    - all_of: [{files: sales}, {release: [silver.a, gold.b], if: healthy}]
      by: "07:00 mon-fri"
run: [gold.*, +silver.sales]
catch_up: none
deadline: {at: "09:30"}
retries: {times: 3, on: [system, data], wait: 30s, factor: 3, most: 10m}
hooks:
  - {on: [failed, deadline_missed], webhook: ops}
  - {on: completed, command: [notify, --done], time_limit: 1m}
report:
  kpis: [sales]
  format: pdf
  to: {mail: {to: ann@example.org, from: reports@example.org, host: smtp.example.org, user: reports, secret: {secret: smtp/password}}}
"""


def _read(text: str) -> Trigger:
    return read_trigger(parse_document(text, Path("triggers/nightly.yaml")), time_zone="Europe/Berlin")


@pytest.mark.req("D5")
def test_everything_that_may_be_said_is_read() -> None:
    """A file with every key."""
    found = _read(WHOLE)
    zone = "America/New_York"
    assert found.when == AnyOf(
        (
            Cron("0 6 * * 1-5", zone),
            Every(5_400),
            OnEvent("com.shop.*", "/till/1"),
            AllOf((Files("sales"), Released(("silver.a", "gold.b"), True)), Cron("0 7 * * mon-fri", zone)),
        )
    )
    assert (found.name, found.zone, found.run, found.catch_up) == (
        "nightly",
        zone,
        ("gold.*", "+silver.sales"),
        CatchUp.NONE,
    )
    assert found.deadline == Deadline(at=Cron("30 9 * * *", zone))
    assert found.retries == Retries(3, ("system", "data"), 30, 3.0, 600)
    assert found.hooks == (
        Hook(frozenset({HookEvent.FAILED, HookEvent.MISSED}), webhook="ops"),
        Hook(frozenset({HookEvent.COMPLETED}), command=("notify", "--done"), time_limit_s=60),
    )
    assert found.report is not None
    assert found.report.mail == Mail(
        ("ann@example.org",), "reports@example.org", "smtp.example.org", user="reports", secret="smtp/password"
    )
    assert "or cron 0 7 * * mon-fri (America/New_York) even if not" in describe(found.when)


def test_what_is_not_said_is_as_documented() -> None:
    """The name is the file's, the zone the project's; everything is run, nothing is tried again."""
    found = _read("when: {api: true}\n")
    assert (found.name, found.zone, found.run, found.runs, found.catch_up) == (
        "nightly",
        "Europe/Berlin",
        (),
        True,
        CatchUp.ONE,
    )
    assert (found.retries.times, found.enabled, found.deadline, found.hooks) == (0, True, None, ())
    assert not _read("when: {every: 1d}\nreport: {to: {folder: out}}\n").runs


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("run: [x]\n", 1, "needs `when:`"),
        ("when: {evry: 15m}\n", 1, "exactly one of"),
        ("when: {every: 15m, cron: '* * * * *'}\n", 1, "exactly one of"),
        ("when:\n  every: 15\n", 2, "every is 15"),
        ("when: {every: 0s}\n", 1, "durations such as"),
        ("when:\n  cron: '0 6 * *'\n", 2, "five fields"),
        ("when: {cron: '0 6 31 2 *'}\n", 1, "no time of a calendar"),
        ("when: {release: sales}\n", 1, "not a dataset name"),
        ("when: {release: gold.a, if: good}\n", 1, "allowed are healthy"),
        ("when: {files: a, by: '07:00'}\n", 1, "unknown key 'by'"),
        ("when: {all_of: [], by: '07:00'}\n", 1, "list of conditions"),
        ("when:\n  all_of:\n  - {files: a}\n  by: 7\n", 4, "time of day"),
        ("when: {event: {source: x}}\n", 1, "needs its type"),
        ("when: {api: 'yes'}\n", 1, "allowed is true"),
        ("when: {every: 1h}\ntime_zone: Berlin\n", 2, "not a time zone"),
        ("when: {every: 1h}\nretries: {times: 3, on: [disk]}\n", 2, "on is 'disk'"),
        ("when: {every: 1h}\ndeadline: soon\n", 2, "durations such as"),
        ("when: {every: 1h}\ndeadline: '25:00'\n", 2, "time of day"),
        ("when: {every: 1h}\nhooks: [{on: done, webhook: x}]\n", 2, "completed"),
        ("when: {every: 1h}\nhooks: [{on: failed}]\n", 2, "exactly one of webhook"),
        ("when: {every: 1h}\nhooks: [{on: failed, command: 'rm -rf x'}]\n", 2, "no shell"),
        ("when: {every: 1h}\nhooks: [{on: failed, command: [x], time_limit: 1h}]\n", 2, "five minutes"),
        ("when: {every: 1h}\nreport: {format: docx, to: {folder: x}}\n", 2, "html, pdf, xlsx"),
        ("when: {every: 1h}\nreport: {to: {}}\n", 2, "exactly one of mail"),
        ("when: {every: 1h}\nreport: {to: {mail: {to: 'a@b,c@d', from: a@b, host: h}}}\n", 2, "no mail address"),
        (
            "when: {every: 1h}\nreport: {to: {mail: {to: a@b, from: a@b, host: h, user: u, secret: swordfish}}}\n",
            2,
            "never stands",
        ),
        ("when: {every: 1h}\nenabled: no please\n", 2, "true and false"),
        ("when: {every: 1h}\nwhere: x\n", 2, "Did you mean when?"),
        ("name: Nightly run\nwhen: {every: 1h}\n", 1, "not a trigger's name"),
        ("when: " + "{any_of: [" * 10 + "{every: 1h}" + "]}" * 10 + "\n", 1, "deep in each other"),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(text: str, line: int, said: str) -> None:
    """File and line, and what is allowed; a password is never repeated."""
    with pytest.raises(ProjectError) as caught:
        _read(text)
    assert caught.value.place is not None
    assert caught.value.place.line == line
    assert said in str(caught.value)
    assert "swordfish" not in str(caught.value)


def test_names_are_held_against_the_project(tmp_path: Path) -> None:
    """A source, a dataset and a KPI that are not there, each with its place and what was perhaps meant."""
    (tmp_path / "a.yaml").write_text(
        "when: {all_of: [{files: sale}, {release: [silver.x, gold.y]}]}\nreport: {kpis: [k], to: {folder: o}}\n"
    )
    (tmp_path / "b.yaml").write_text("when: {files: sales}\n")
    (tmp_path / "c.yaml").write_text("name: b\nwhen: {every: 1h}\n")
    known = Known(frozenset({"sales"}), frozenset({"silver.x"}), frozenset({"kpi"}))
    found, errors = load_triggers(tmp_path, time_zone="UTC", known=known)
    assert [each.name for each in found] == ["a", "b"]
    texts = [str(error) for error in errors]
    assert len(texts) == 4
    assert "a.yaml:1:" in texts[0]
    assert "there is no KPI 'k'" in " ".join(texts)
    assert "Did you mean sales?" in texts[0]
    assert "gold.y" in texts[1]
    assert "a second trigger is named 'b'" in texts[3]


def test_the_guides_show_what_can_be_read(repository: Path) -> None:
    """Each example of a trigger in the guides is one."""
    blocks = [
        block
        for page in ("schedule.md", "reports.md")
        for block in re.findall(r"```yaml\n(.*?)```", (repository / "docs/how-to" / page).read_text(), flags=re.DOTALL)
    ]
    whole = [block for block in blocks if "\nwhen:" in f"\n{block}"]
    assert len(whole) == 3
    for block in whole:
        assert _read(block).enabled
    parts = [block for block in blocks if re.match(r"(retries|deadline|hooks):", block)]
    assert len(parts) == 3
    for block in parts:
        assert _read("when: {every: 1h}\n" + block).enabled
