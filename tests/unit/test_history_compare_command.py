"""`python -m perflogs compare` on performance logs, as one calls it after an upgrade."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from history_commands import called, one_line_error
from simulated_history import series, write_performance_logs


def fortnight(change=0.0, noise=0.002, **fields):
    rng = np.random.default_rng(5)
    levels = np.where(np.arange(14) < 7, 1000.0, 1000.0 * (1 + change))
    return series((levels * (1 + noise * rng.standard_normal(14))).tolist(), **fields)


@pytest.fixture
def compare(tmp_path, monkeypatch):
    """Runs `compare` on performance logs of these runs, and returns its exit code."""
    monkeypatch.setenv("COLUMNS", "250")

    def run(runs, *options, a="..2026-01-07", b="2026-01-08.."):
        write_performance_logs(tmp_path / "perflogs", runs)
        where = ["--history", tmp_path / "perflogs", "--no-index"]
        return called("compare", a, b, *where, *options)

    return run


def test_nothing_worse_is_0(compare, capsys):
    assert compare(fortnight()) == 0
    out = capsys.readouterr().out
    assert "1 equivalent, within ±2 %" in out
    assert "1 more rows are folded" in out


def test_something_worse_is_1(compare, capsys):
    assert compare(fortnight(-0.1)) == 1
    out = capsys.readouterr().out
    assert "throughput (higher)" in out
    assert "-10." in out
    assert "1 worse" in out


def test_something_better_is_0(compare, capsys):
    assert compare(fortnight(0.1)) == 0
    assert "1 better" in capsys.readouterr().out


def test_everything_inconclusive_is_4(compare, capsys):
    assert compare(fortnight(noise=0.1)) == 4
    out = capsys.readouterr().out
    assert "could have been seen" in out
    assert "more runs are needed" in out


def test_nothing_in_common_is_4(compare, capsys):
    runs = [*fortnight(name="Old")[:7], *fortnight(name="New")[7:]]
    assert compare(runs) == 4
    out = capsys.readouterr().out
    assert "nothing could be compared" in out
    assert "pearl gpu builtin New: only in B" in out


def test_what_is_lost_is_1_and_stands_in_every_document(compare, tmp_path, capsys):
    failed = fortnight(result="fail", fail_phase="sanity", failure_class="judgement")
    runs = [*fortnight()[:7], *(replace(run, figures={}) for run in failed[7:])]
    found = tmp_path / "found.csv"
    assert compare(runs, "--csv", str(found)) == 1
    out = capsys.readouterr().out
    assert "preset=nightly @pearl:gpu:builtin: failed in B: 7 of 7 runs (in A: 0 of 7)" in out
    assert "1 lost, nothing could be compared" in out
    (row,) = csv.DictReader(found.read_text().splitlines())
    assert (row["verdict"], row["runs_b"], row["metric"]) == ("lost", "7", "")


@pytest.mark.parametrize(
    ("b", "options", "said"),
    [
        ("..", [], "7 runs are in"),
        ("colour=red", [], "nothing to choose runs by"),
        ("system=archer", [], "there is pearl"),
        ("7d..", ["--margin", "2"], "no percentage"),
        ("7d..", ["--margin", "-2%"], "expected one argument"),
        ("7d..", ["--margin", "nan%"], "not a number of 0 or more"),
        ("7d..", ["--metric", "speed"], "there are throughput"),
    ],
)
def test_what_cannot_be_used_is_2_and_said_in_one_line(compare, capsys, b, options, said):
    assert compare(fortnight(), *options, b=b) == 2
    assert said in one_line_error(capsys)


def test_a_margin_decides_what_is_equivalent(compare):
    runs = fortnight(-0.05)
    assert compare(runs, "--margin", "2%") == 1
    assert compare(runs, "--margin", "10%") == 0


def test_the_documents_say_what_the_page_says(compare, tmp_path, capsys):
    found = tmp_path / "found.csv"
    assert compare(fortnight(-0.1), "--json", "-", "--csv", str(found)) == 1
    document = json.loads(capsys.readouterr().out)
    (row,) = csv.DictReader(found.read_text().splitlines())
    (contrast,) = document["contrasts"]
    assert document["exit_code"] == 1
    assert (contrast["verdict"], row["verdict"]) == ("worse", "worse")
    assert contrast["change"] == float(row["change"]) == pytest.approx(-0.1, abs=0.005)
    assert contrast["runs_a"] == int(row["runs_a"]) == 7


def test_names_from_logs_are_not_taken_for_markup(compare, capsys):
    assert compare(fortnight(-0.1, name="Case %a=[red]x[/]")) == 1
    assert "a=[red]x[/]" in capsys.readouterr().out
