"""`python -m perflogs baseline`, from performance logs to a reference file that the checks read."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from simulated_history import Run, write_performance_logs

from checks.base.references import Wanted, find
from perflogs.__main__ import main

REFERENCES = """\
# Written by hand.
gpu:
  SkylineTrain:
    - case: {num_gpus: [1, 2], pipeline: [files, packed]}   # both
      source: by hand
      runs: 1
      references:
        throughput: {value: 1000, lower: -0.02, upper: null, unit: images/s}
        test_accuracy: {value: 0.94, lower: -0.10, upper: null, unit: "1"}
"""


def runs(num_gpus=1, nights=30, level=1000.0, **fields):
    """Nightly runs with noise of 1 %."""
    noise = np.random.default_rng(num_gpus).normal(1, 0.01, nights)
    return [
        Run(
            name=f"SkylineTrain %num_gpus={num_gpus}",
            night=night,
            case={"num_gpus": num_gpus, "pipeline": "files"},
            figures={"throughput": level * float(each), "test_accuracy": 0.95, "loss_step100": 0.5},
            **fields,
        )
        for night, each in enumerate(noise)
    ]


@pytest.fixture
def places(tmp_path):
    """A folder of logs and one of reference files."""
    logs, references = tmp_path / "logs", tmp_path / "references"
    references.mkdir()
    (references / "pearl.yaml").write_text(REFERENCES)
    write_performance_logs(logs, [*runs(1), *runs(2, level=2000.0)])
    return logs, references


@pytest.fixture
def baseline(places):
    """Runs the command on them and returns its exit code."""

    def run(*arguments, system="pearl"):
        logs, references = places
        return main(
            [
                *("baseline", system, "--history", str(logs), "--no-index"),
                *("--references", str(references), *arguments),
            ]
        )

    return run


def found(references, num_gpus=1, pipeline="files"):
    """What the checks find there."""
    metrics = ["throughput", "test_accuracy", "loss_step100"]
    case = {"num_gpus": num_gpus, "pipeline": pipeline}
    wanted = Wanted("gpu", "SkylineTrain", case, metrics, ["gpu"], ["SkylineTrain"])
    return find(references / "pearl.yaml", wanted)


def test_without_write_the_change_is_shown_and_nothing_is_written(baseline, places, capsys):
    assert baseline() == 1
    shown = capsys.readouterr().out
    path = places[1] / "pearl.yaml"
    assert path.read_text() == REFERENCES
    assert f"--- {path}\n+++ {path}\n@@" in shown
    assert '+        test_accuracy: {value: 0.95, lower: -0.01, upper: null, unit: "1"}' in shown
    assert "nothing is changed without --write" in shown


def test_what_is_shown_is_what_is_written(baseline, places, capsys):
    baseline()
    shown = capsys.readouterr().out
    baseline("--write")
    lines = [line[1:] for line in shown.splitlines() if line.startswith("+") and line[1:2] != "+"]
    written = (places[1] / "pearl.yaml").read_text().splitlines()
    assert lines
    assert all(line in written for line in lines)


def test_the_checks_find_what_was_learnt(baseline, places, capsys):
    assert baseline("--write", "--reason", "the first nights | of TensorFlow") == 1
    assert "left as it is: throughput of SkylineTrain %num_gpus=1 @gpu" in capsys.readouterr().out
    # One GPU would loosen the speed, two are faster than what was there.
    assert found(places[1])["throughput"] == (1000, -0.02, None, "images/s")
    two = found(places[1], num_gpus=2)
    assert two["throughput"].value == pytest.approx(2000, rel=0.01)
    assert -0.1 < two["throughput"].lower < -0.02
    assert two["loss_step100"] == (0.5, -1e-6, 1e-6, "1")
    assert found(places[1])["test_accuracy"] == (0.95, -0.01, None, "1")
    for num_gpus in (1, 2):
        assert found(places[1], num_gpus, "packed").keys() == {"throughput", "test_accuracy"}
    text = (places[1] / "pearl.yaml").read_text()
    assert text.startswith("# Written by hand.\n")
    assert "# both" in text
    assert "runs from 2026-01-01 to 2026-01-30" in text
    assert "the first nights / of TensorFlow" in text
    assert "throughput: by hand | test_accuracy, loss_step100: campaign nightly" in text


def test_writing_twice_changes_nothing_more(baseline, places, capsys):
    baseline("--write", "--loosen")
    path = places[1] / "pearl.yaml"
    before = path.read_text(), path.stat().st_mtime_ns
    capsys.readouterr()
    assert baseline("--write") == 0
    assert (path.read_text(), path.stat().st_mtime_ns) == before
    assert "stays as it is" in capsys.readouterr().out


@pytest.mark.parametrize("allowed", [[], ["throughput"]])
def test_a_bound_is_loosened_where_that_is_allowed(baseline, places, allowed):
    assert baseline("--write", "--loosen", *allowed) == 0
    assert found(places[1])["throughput"].value == pytest.approx(1000, rel=0.01)
    assert found(places[1])["throughput"].lower < -0.03


def test_allowing_one_metric_allows_no_other(baseline, places, capsys):
    assert baseline("--write", "--loosen", "test_accuracy") == 1
    assert found(places[1])["throughput"] == (1000, -0.02, None, "images/s")


def test_a_new_file_is_written_for_a_system_without_one(baseline, places):
    (places[1] / "pearl.yaml").unlink()
    assert baseline("--write") == 0
    assert set(found(places[1], num_gpus=2)) == {"throughput", "test_accuracy", "loss_step100"}
    assert (places[1] / "pearl.yaml").read_text().startswith("# Learnt from the history")


def test_runs_that_are_not_nightly_change_nothing(baseline, places):
    baseline("--write", "--loosen")
    before = (places[1] / "pearl.yaml").read_text()
    slow = [
        replace(run, hour=5.0, campaign=campaign)
        for run in runs(1, level=500.0)
        for campaign in ("ad hoc", "upgrade", "acceptance", "")
    ]
    write_performance_logs(places[0], slow)
    assert baseline("--write", "--loosen") == 0
    assert (places[1] / "pearl.yaml").read_text() == before


def test_a_regression_is_not_written(baseline, places):
    baseline("--write", "--loosen")
    before = found(places[1])["throughput"]
    slow = [replace(run, night=run.night + 30) for run in runs(1, nights=60, level=900.0)]
    write_performance_logs(places[0], slow)
    baseline("--write", "--loosen")
    assert found(places[1])["throughput"] == before


def test_a_campaign_that_has_no_runs_teaches_nothing_and_says_how_to_name_one(baseline, capsys):
    assert baseline("--campaign", "acceptance") == 4
    said = capsys.readouterr().out
    assert "no run on pearl is of the campaign acceptance (there are: nightly)" in said
    assert "reframe --session-extras campaign=acceptance" in said


def test_too_few_runs_teach_nothing(baseline, capsys):
    assert baseline("--minimum-runs", "31") == 4
    said = capsys.readouterr().out
    assert "30 runs of its best level, and 31 are needed" in said
    assert "nothing could be learnt" in said


def test_another_campaign_can_be_learnt_from(baseline, places):
    upgraded = runs(1, level=3000.0, campaign="upgrade", system="scarf")
    write_performance_logs(places[0], upgraded)
    assert baseline("--write", "--campaign", "upgrade", system="scarf") == 0
    assert "campaign upgrade, 30 runs" in (places[1] / "scarf.yaml").read_text()


def test_a_rarer_alarm_has_a_wider_bound(baseline, places):
    lower = []
    for rate in ("0.01", "0.00001"):
        (places[1] / "pearl.yaml").unlink()
        baseline("--write", "--false-alarms", rate)
        lower.append(found(places[1])["throughput"].lower)
    assert lower[1] < lower[0]


def test_one_metric_alone_is_written(baseline, places):
    assert baseline("--write", "--metric", "test_accuracy", "--check", "SkylineTrain") == 0
    text = (places[1] / "pearl.yaml").read_text()
    assert "loss_step100" not in text
    assert found(places[1])["test_accuracy"].value == 0.95


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--check", "SlstrTrain"], "no check SlstrTrain: there are SkylineTrain"),
        (["--metric", "speed"], "no metric speed: there are loss_step100, test_accuracy"),
        (["--loosen", "speed"], "no metric speed"),
        (["--partition", "cpu"], "no partition cpu: there are gpu"),
        (["--references", "/nowhere"], "there is no folder /nowhere"),
    ],
)
def test_a_name_that_there_is_not_is_refused(baseline, capsys, arguments, complaint):
    assert baseline(*arguments) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert complaint in said


def test_a_system_that_the_history_lacks_is_refused_with_those_there_are(baseline, capsys):
    assert baseline(system="../etc/passwd") == 2
    said = capsys.readouterr().err
    assert said == "error: the history has no system ../etc/passwd: there are pearl\n"


def test_a_system_whose_name_is_a_path_is_refused(baseline, places, capsys):
    log = places[0] / "pearl" / "gpu" / "SkylineTrain.log"
    log.write_text(log.read_text().replace("|pearl|", "|../pearl|"))
    assert baseline("--write", system="../pearl") == 2
    assert "no name of a system" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--minimum-runs", "9"],
        ["--minimum-runs", "x"],
        ["--false-alarms", "0"],
        ["--false-alarms", "often"],
    ],
)
def test_numbers_that_make_no_sense_are_refused(baseline, capsys, arguments):
    with pytest.raises(SystemExit) as stopped:
        baseline(*arguments)
    assert stopped.value.code == 2
    assert f"{arguments[1]!r}: give" in capsys.readouterr().err


def test_a_malformed_file_is_refused_with_its_line_and_stays(baseline, places, capsys):
    path = places[1] / "pearl.yaml"
    path.write_text(REFERENCES.replace("runs: 1", "runs: [1"))
    assert baseline("--write") == 2
    assert f"error: {path}: line " in capsys.readouterr().err
    assert "[1" in path.read_text()


def test_a_file_that_cannot_be_written_is_an_error(baseline, places, capsys, monkeypatch):
    def refuse(path: Path, text: str) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("perflogs.commands.baseline.write_whole", refuse)
    assert baseline("--write") == 2
    assert "Permission denied" in capsys.readouterr().err


def test_lines_that_cannot_be_read_are_said(baseline, places, capsys):
    with (places[0] / "pearl" / "gpu" / "SkylineTrain.log").open("a") as file:
        file.write("pass|what is this\n")
    baseline()
    assert "1 line(s) or files of the history cannot be read" in capsys.readouterr().out


def test_names_with_markup_are_shown_as_they_are(baseline, places, capsys):
    log = places[0] / "pearl" / "gpu" / "SkylineTrain.log"
    log.write_text(log.read_text().replace("%num_gpus=1", "%num_gpus=1[/red]"))
    assert baseline() == 1
    shown = capsys.readouterr().out
    assert "\nSkylineTrain %num_gpus=1[/red] @gpu" in f"\n{shown}"
    assert "left as it is: throughput of SkylineTrain %num_gpus=1[/red] @gpu" in shown
