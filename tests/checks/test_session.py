"""The page of a session tells what passed, what did not and how to run that again."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fake_checkout import FAKE_CHECK, ROOT, Checkout, Outcome

from perflogs.reading.places import latest_report
from perflogs.rerun import rerun_command
from perflogs.session import read_report

FAILING = {"exit_code": 1, "stderr": "error: the [red] disk is full"}


def entry(result: str = "pass", **fields: Any) -> dict[str, Any]:
    """One test case of a run report."""
    measured = {"s:p:throughput": [1000.0, 0, None, None, "images/s", "pass"]}
    return {
        "name": "Train %num_gpus=1 %preset=published %pipeline=files",
        "display_name": "Train %num_gpus=1 %preset=published %pipeline=files",
        "unique_name": "Train_0",
        "hashcode": "0123abcd",
        "system": "s",
        "partition": "p",
        "environ": "e",
        "result": result,
        "fail_phase": None if result in {"pass", "skip"} else "sanity",
        "fail_reason": None if result in {"pass", "skip"} else "sanity error: boom",
        "run_index": 0,
        "job_submit_time": 1000.0,
        "job_completion_time_unix": 1001.5,
        "fixture": False,
        "dependencies_actual": [],
        "perfvalues": measured if result == "pass" else {},
        **fields,
    }


def write(folder: Path, *runs: list[dict[str, Any]], cmdline: str = "reframe -c checks -r") -> Path:
    """A run report with these runs."""
    info = {
        "cmdline": cmdline,
        "workdir": str(folder),
        "config_files": ["<builtin>"],
        "prefix_output": str(folder / "output"),
        "uuid": "0",
    }
    path = folder / "report.json"
    report = {"session_info": info, "runs": [{"testcases": cases} for cases in runs]}
    path.write_text(json.dumps(report))
    return path


def page(*arguments: object, checkout: Checkout | None = None) -> Outcome:
    """Runs `python -m perflogs session` as a user does."""
    environment = {"PYTHONPATH": str(ROOT), "HOME": "/nonexistent", "COLUMNS": "80"}
    if checkout:
        environment = checkout.environment(**{**environment, "HOME": str(checkout.home)})

    done = subprocess.run(
        [sys.executable, "-m", "perflogs", "session", *map(str, arguments)],
        env=environment,
        cwd=checkout.folder if checkout else "/",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return Outcome(done.returncode, done.stdout)


@pytest.mark.parametrize(
    ("cases", "code"),
    [
        ([entry()], 0),
        ([entry(), entry("xfail")], 0),
        ([entry(), entry("fail")], 3),
        ([entry(), entry("abort")], 3),
        ([entry(), entry("xpass")], 3),
        ([entry(), entry("skip")], 3),
        ([entry("fail", fixture=True), entry("fail_deps")], 3),
        ([entry("skip"), entry("skip")], 4),
        ([], 4),
        ([entry(fixture=True)], 4),
        ([entry(perfvalues={"s:p:throughput": [None, 0, None, None, "", None]})], 4),
    ],
)
def test_the_exit_code_is_the_verdict(tmp_path: Path, cases: list[Any], code: int) -> None:
    assert read_report(write(tmp_path, cases)).exit_code == code


def test_the_time_of_a_case_is_that_of_its_job(tmp_path: Path) -> None:
    cases = read_report(write(tmp_path, [entry(), entry("skip", job_submit_time=None)])).cases
    assert [case.seconds for case in cases] == [1.5, None]


def test_a_failure_before_a_retry_counts(tmp_path: Path) -> None:
    assert read_report(write(tmp_path, [entry("fail")], [entry()])).exit_code == 3


@pytest.mark.parametrize("content", [None, "{", "[]", "{}", '{"session_info": {}, "runs": [{}]}'])
def test_an_unusable_report_is_one_line_and_code_2(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "report.json"
    if content is not None:
        path.write_text(content)

    outcome = page(path)
    assert outcome.code == 2
    assert outcome.text.startswith("error: ")
    assert outcome.text.count("\n") == 1
    assert str(path) in outcome.text


def test_without_any_session_the_page_says_what_to_do(checkout: Checkout) -> None:
    outcome = page(checkout=checkout)
    assert outcome.code == 2
    assert "run `reframe -c checks -r` first" in outcome.text


def test_a_clean_session_ends_with_where_the_records_are(checkout: Checkout) -> None:
    checkout.reframe("-r", RFM_CONFIG_PATH="systems")
    outcome = page(checkout=checkout)
    assert outcome.code == 0, outcome.text
    for text in ("FakeTrain", "pass", "1,000 images/s", "0.9500"):
        assert text in outcome.text
    ending = [line.split(maxsplit=2) for line in outcome.text.splitlines()[-3:]]
    assert [" ".join(words[:2]) for words in ending] == [
        "performance logs",
        "results database",
        "run report",
    ]
    assert all(Path(words[2]).exists() for words in ending)


def test_an_extraction_is_shown_with_its_photographs_a_second_and_its_accuracy(
    tmp_path: Path,
) -> None:
    figures = {
        "extraction_throughput": (41.6, "photographs/s"),
        "skyline_error": (0.71, "pixels"),
        "columns_within_3_pixels": (0.9876, "1"),
    }
    measured = {
        f"s:p:{name}": [value, 0, None, None, unit, "pass"]
        for name, (value, unit) in figures.items()
    }
    text = page(write(tmp_path, [entry(perfvalues=measured)])).text
    assert "42 photographs/s" in text
    assert "0.9876" in text


def test_a_failure_is_shown_with_its_reason_and_the_command_that_repeats_it(
    checkout: Checkout,
) -> None:
    options = ("-r", "-P", "preset=tiny,smoke", "-S", "seed=3")
    checkout.reframe(*options, fake=FAILING, RFM_CONFIG_PATH="systems")
    outcome = page(checkout=checkout)
    assert outcome.code == 3
    assert "exit code 1: the [red] disk is full" in outcome.text
    commands = [line.split("again")[1] for line in outcome.text.splitlines() if "again " in line]
    assert len(commands) == 2
    done = subprocess.run(
        [*shlex.split(commands[0]), "--nocolor"],
        cwd=checkout.folder,
        env=checkout.environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert "Ran 1/1 test case(s)" in done.stdout
    assert "%preset=tiny" in done.stdout
    [script] = checkout.folder.glob("output/**/rfm_job.sh")
    assert "--preset tiny --seed 3" in script.read_text()


def test_the_command_selects_a_parameter_whatever_its_value_is(checkout: Checkout) -> None:
    kinds = ["max (fast) 1.5+x", "at 7@3", "max"]
    parameter = f"    kind = parameter({kinds!r})\n"
    checkout.write("checks/fake.py", FAKE_CHECK.replace("    stage =", f"{parameter}    stage ="))
    checkout.reframe("-r", "-P", "preset=tiny", fake=FAILING, RFM_CONFIG_PATH="systems")
    text = page(checkout=checkout).text
    commands = [line.split("again")[1] for line in text.splitlines() if "again " in line]
    assert len(commands) == len(kinds)
    for command, kind in zip(commands, kinds, strict=True):
        done = checkout.reframe(*shlex.split(command)[1:])
        assert "Ran 1/1 test case(s)" in done.text, command
        assert f"%kind={kind}" in done.text


def test_the_command_selects_by_hash_and_keeps_other_options(tmp_path: Path) -> None:
    cmdline = "/bin/reframe -c checks -r -n Train --name=x -S seed=2 --max-retries 3"
    session = read_report(write(tmp_path, [entry("fail")], cmdline=cmdline))
    command = rerun_command(session, session.cases[0])
    assert command == "/bin/reframe -c checks -r -S seed=2 -n /0123abcd"


def test_the_command_for_a_fixture_runs_a_case_that_needs_it(tmp_path: Path) -> None:
    cases = [
        entry("fail", fixture=True, unique_name="Data_1", hashcode="f"),
        entry("fail_deps", dependencies_actual=[["Data_1", "s:p", "e"]], hashcode="needs"),
    ]
    session = read_report(write(tmp_path, cases))
    assert rerun_command(session, session.cases[0]).endswith("-n /needs")


def test_the_command_after_a_changed_parameter_selects_what_the_case_needs(tmp_path: Path) -> None:
    name = "Evaluate %num_gpus=1 %preset=published %pipeline=files"
    needs = [["Train_0", "s:p", "e"]]
    cases = [entry(), entry("fail", name=name, unique_name="Evaluate_0", dependencies_actual=needs)]
    cmdline = "reframe -c checks -r -P preset=tiny,published"
    session = read_report(write(tmp_path, cases, cmdline=cmdline))
    words = shlex.split(rerun_command(session, session.cases[1]))
    assert words[4:] == [
        "-n",
        "^Evaluate%num_gpus=1%preset=[^%]*%pipeline=files$",
        "-n",
        "^Train%num_gpus=1%preset=[^%]*%pipeline=files$",
        "-P",
        "preset=published",
    ]


def test_the_command_for_a_distributed_case_names_its_node_and_what_it_needs(
    tmp_path: Path,
) -> None:
    train = "Train %num_gpus=1 %preset=published %pipeline=files"
    name = train.replace("Train", "Evaluate")
    pinned = " %.part=s:p %.nid=node7"
    cases = [
        entry(display_name=train + pinned),
        entry(
            "fail",
            name=name,
            display_name=name + pinned,
            unique_name="Evaluate_0",
            dependencies_actual=[["Train_0", "s:p", "e"]],
        ),
    ]
    cmdline = "reframe -c checks -r --distribute=all -J account=physics -n Evaluate"
    session = read_report(write(tmp_path, cases, cmdline=cmdline))
    words = shlex.split(rerun_command(session, session.cases[1]))
    assert words == [
        *["reframe", "-c", "checks", "-r", "--distribute=all", "-J", "account=physics"],
        *["--system", "s:p", "-J", "nodelist=node7"],
        *["-n", "^Evaluate%num_gpus=1%preset=published%pipeline=files$"],
        *["-n", "^Train%num_gpus=1%preset=published%pipeline=files$"],
    ]
    assert "on node7" in page(session.path).text


@pytest.mark.parametrize(
    ("losses", "nodes"),
    [
        ([0.25, 0.25, 0.25, 0.25], "node0"),
        ([0.26, 0.25, 0.25, 0.25], "node0,node1,node2"),
        ([0.26, 0.26, 0.25, None], "node0,node2"),
        ([None, 0.26, 0.25, 0.25], "node0"),
    ],
)
def test_a_node_that_computes_something_else_is_run_again_beside_others(
    tmp_path: Path, losses: list[float | None], nodes: str
) -> None:
    cases = [
        entry(
            display_name=f"Train %num_gpus=1 %.nid=node{number}",
            perfvalues={"s:p:loss_step100": [loss, 0, None, None, "1", "pass"]},
        )
        for number, loss in enumerate(losses)
    ]
    session = read_report(write(tmp_path, cases, cmdline="reframe -r --distribute=all"))
    assert f"-J nodelist={nodes} -n" in rerun_command(session, session.cases[0])


def test_the_latest_report_of_a_named_form_is_read_and_no_older_one_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("FOLDER", str(tmp_path / "reports"))
    monkeypatch.setenv("RFM_REPORT_FILE", "$FOLDER/run [1] {sessionid}.json")
    assert latest_report() == tmp_path / "reports/run [1] {sessionid}.json"
    (tmp_path / "reports").mkdir()
    for age, name in enumerate(["run [1] 7.json", "run [1] 6.json", "other.json"]):
        path = tmp_path / "reports" / name
        path.write_text("{}")
        os.utime(path, (1000 - age, 1000 - age))

    assert latest_report() == tmp_path / "reports/run [1] 7.json"
    monkeypatch.delenv("RFM_REPORT_FILE")
    assert latest_report() == tmp_path / ".reframe/reports/latest.json"
