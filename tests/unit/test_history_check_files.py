"""What `check` writes for other programs: JSON, CSV, JUnit XML and Prometheus' text format."""

import csv
import io
import json
import math
import re
import stat
from dataclasses import replace
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import pytest
from history_verdicts import failed, verdict
from hypothesis import given
from hypothesis import strategies as st
from simulated_history import Run, history, morning_after, series

from perflogs.judging.acknowledgements import acknowledge
from perflogs.judging.finding import Measured
from perflogs.judging.verdict import Verdict, reach_verdict
from perflogs.reports.csv_rows import as_csv
from perflogs.reports.json_document import as_json
from perflogs.reports.junit import as_junit
from perflogs.reports.prometheus import _escaped, as_prometheus
from perflogs.whole_file import write_whole

NAME = 'Train %model="a\\b"'
FALL = [1000.0 + night % 7 - 100.0 * (night >= 40) for night in range(52)]
LINE = re.compile(r'trigpoint_\w+(\{(\w+="([^"\\\n]|\\.)*",?)*\})? -?[0-9.e+-]+')


def example(acknowledged: bool = False) -> Verdict:
    """A regression, a failure whose reason is a formula, a case that is too new, a silent one."""
    reason = "=1+1 \x1b[31m <&> \x00"
    runs = [
        *series(FALL, name=NAME),
        failed("Failed", 51, fail_phase="", fail_reason=reason, failure_class=""),
        Run(name="New", night=51),
        *series([5.0] * 30, name="Gone"),
    ]
    first = verdict(*runs)
    if not acknowledged:
        return first

    known = {
        each.identity: acknowledge(each, "known", "ada", first.newest, date(2027, 1, 1))
        for each in first.findings
        if first.newest is not None
    }
    return reach_verdict(history(runs), known, morning_after(runs))


def test_json_has_all_findings_and_incidents() -> None:
    document = json.loads(as_json(example()))
    assert document["exit_code"] == 1
    assert document["nights"] == {"pearl:gpu": "2026-02-21"}
    by_state = {each["state"]: each for each in document["findings"]}
    assert set(by_state) == {"regression", "failure", "not run"}
    regression = by_state["regression"]
    assert regression["low"] < regression["difference"] < regression["high"] < 0
    assert (regression["name"], regression["class"]) == (NAME, "regression")
    named = {name for each in document["incidents"] for name in each["findings"]}
    assert named == {each["finding"] for each in document["findings"]}


def test_json_has_no_number_that_is_none() -> None:
    made = example()
    [finding] = [each for each in made.findings if each.measured]
    endless = Measured("m", "", "higher", "relative", 0.0, 1.0, math.inf, score=math.nan)
    found = replace(made, findings=[replace(finding, measured=endless)])
    [record] = json.loads(as_json(found))["findings"]
    assert (record["difference"], record["score"], record["after"]) == (None, None, 1.0)


def test_csv_has_a_row_for_each_finding_and_no_formula() -> None:
    found = example()
    rows = [*csv.DictReader(io.StringIO(as_csv(found)))]
    assert [row["finding"] for row in rows] == [each.identity for each in found.findings]
    assert all(row["incident"] == row["finding"] for row in rows)
    cells = [cell for row in rows for key, cell in row.items() if key in ("reason", "name")]
    assert not any(cell.startswith(("=", "+", "@")) for cell in cells)


def outcomes(found: Verdict) -> dict[tuple[str, str], str]:
    """The outcome of each test of the JUnit file, by case and name."""
    root = ElementTree.fromstring(as_junit(found))
    return {
        (case.get("classname", ""), case.get("name", "")): case[0].tag if len(case) else "passed"
        for case in root.iter("testcase")
    }


def test_junit_has_a_test_for_each_metric_and_for_each_case_that_did_not_pass() -> None:
    assert outcomes(example()) == {
        (NAME, "throughput"): "failure",
        ("New", "throughput"): "skipped",
        ("Gone", "throughput"): "passed",
        ("Failed", "ran and passed"): "failure",
        ("Gone", "ran and passed"): "skipped",
    }


def test_junit_counts_what_it_holds() -> None:
    [suite] = ElementTree.fromstring(as_junit(example()))
    counts = {key: suite.get(key) for key in ("name", "tests", "failures", "skipped", "errors")}
    expected = {"name": "pearl:gpu", "tests": "5", "failures": "2", "skipped": "2", "errors": "0"}
    assert counts == expected


def test_junit_skips_a_failure_that_has_recovered() -> None:
    found = verdict(failed("Case"), Run(name="Case", hour=3.0))
    assert outcomes(found)["Case", "ran and passed"] == "skipped"


def test_junit_skips_a_case_that_waited_in_a_full_queue() -> None:
    waited = {"failure_class": "scheduler", "fail_reason": "max_pending_time exceeded"}
    found = verdict(failed("Waited", fail_phase="run", **waited), failed("Broken", hour=3.0))
    tests = outcomes(found)
    assert tests["Waited", "ran and passed"] == "skipped"
    assert tests["Broken", "ran and passed"] == "failure"
    # Whose fault a failure is, nobody has found out.
    assert "put down to" not in as_junit(found)


def test_junit_skips_what_is_acknowledged() -> None:
    assert "failure" not in outcomes(example(acknowledged=True)).values()


def test_prometheus_reads_every_line() -> None:
    text = as_prometheus(example())
    assert text.endswith("\n")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert all(LINE.fullmatch(line) for line in lines), lines
    labels = [line.rsplit(" ", 1)[0] for line in lines]
    assert len(set(labels)) == len(labels)
    assert 'class="regression",state="regression",acknowledged="false"} 1' in text
    assert 'class="failure",state="failure",acknowledged="false"} 1' in text
    assert "trigpoint_check_exit_code 1" in text
    assert 'test="Train %model=\\"a\\\\b\\""' in text
    [ratio] = [line for line in lines if line.startswith("trigpoint_regression_ratio")]
    assert float(ratio.rsplit(" ", 1)[1]) == pytest.approx(0.9, abs=0.01)


def test_prometheus_tells_what_is_acknowledged() -> None:
    text = as_prometheus(example(acknowledged=True))
    assert 'class="regression",state="regression",acknowledged="true"} 1' in text
    assert 'class="regression",state="regression",acknowledged="false"} 0' in text
    assert "trigpoint_check_exit_code 0" in text


def test_what_is_no_longer_reported_too_young_or_ended_is_in_the_documents() -> None:
    both = {"throughput": 1000.0, "total_seconds": 5.0}
    runs = [
        *(Run(night=night, figures=both) for night in range(12)),
        Run(night=12),
        *series(FALL[30:], name="Old"),
        *(Run(name="Old", night=22 + night, key={"seed": "2"}) for night in range(3)),
    ]
    found = verdict(*runs)
    assert 'class="suite error",state="not run",acknowledged="false"} 1' in as_prometheus(found)
    document = json.loads(as_json(found))
    assert (document["young"], len(document["ended"]), document["future"]) == (1, 1, 0)
    early = verdict(*runs, today=date(2026, 1, 10))
    assert json.loads(as_json(early))["future"] == sum(run.night > 10 for run in runs)


def test_prometheus_has_the_newest_of_two_series_of_one_metric() -> None:
    runs = [
        Run(night=night, figures={"throughput": value}, key={"device_name": device})
        for night, (value, device) in enumerate([(1.0, "A"), (2.0, "B"), (2.5, "A"), (3.0, "B")])
    ]
    text = as_prometheus(verdict(*runs))
    [line] = [each for each in text.splitlines() if each.startswith("trigpoint_metric_value{")]
    assert line.endswith(" 3.0")


def test_prometheus_of_an_empty_history_is_a_whole_file() -> None:
    text = as_prometheus(verdict())
    assert "trigpoint_check_exit_code 4\n" in text
    assert not any(line.startswith("trigpoint_newest") for line in text.splitlines())


@given(st.text())
def test_a_label_is_read_back_as_it_was(text: str) -> None:
    escaped = _escaped(text)
    assert "\n" not in escaped
    unescaped = re.sub(
        r"\\(.)", lambda match: "\n" if match[1] == "n" else match[1], escaped, flags=re.DOTALL
    )
    assert unescaped == text


def test_a_file_is_whole_and_may_be_read_by_others(tmp_path: Path) -> None:
    path = tmp_path / "findings.prom"
    path.write_text("before")
    write_whole(path, "after")
    assert path.read_text() == "after"
    mode = stat.S_IMODE(path.stat().st_mode)
    (tmp_path / "plain").touch()
    assert mode == stat.S_IMODE((tmp_path / "plain").stat().st_mode)
    assert {each.name for each in tmp_path.iterdir()} == {"findings.prom", "plain"}
