"""Where documents go, what they say where there is no verdict, and what a command line may say."""

import csv
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from history_commands import called
from simulated_history import FIRST_NIGHT, Run, morning_after, series, write_performance_logs

from perflogs.commands.sources import today
from perflogs.whole_file import write_whole

SOUND = series([1000.0 + night % 3 for night in range(14)])


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Options for a history without fault, as of the morning after it."""
    monkeypatch.setenv("COLUMNS", "250")
    monkeypatch.chdir(tmp_path)
    write_performance_logs(tmp_path / "perflogs", SOUND)
    return ["--history", str(tmp_path / "perflogs"), "--no-index"]


AS_OF = ["--as-of", str(morning_after(SOUND))]


def test_documents_of_yesterday_do_not_outlive_an_unusable_history(
    logs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = ["--prometheus", "t.prom", "--junit", "t.xml", "--json", "t.json", "--csv", "t.csv"]
    assert called("check", *logs, *AS_OF, *files) == 0
    assert "trigpoint_check_exit_code 0" in (tmp_path / "t.prom").read_text()
    assert [*csv.DictReader((tmp_path / "t.csv").open())] == []
    (tmp_path / "perflogs/acknowledged.json").write_text("{")
    assert called("check", *logs, *AS_OF, *files) == 2
    (sample,) = [line for line in (tmp_path / "t.prom").read_text().splitlines() if line[0] != "#"]
    assert sample == "trigpoint_check_exit_code 2"
    root = ElementTree.parse(tmp_path / "t.xml").getroot()
    assert [each.get("errors") for each in root] == ["1"]
    (error,) = root.iter("error")
    assert "acknowledged.json" in str(error.get("message"))
    document = json.loads((tmp_path / "t.json").read_text())
    assert document["exit_code"] == 2
    assert "acknowledged.json" in document["error"]
    [row] = csv.DictReader((tmp_path / "t.csv").open())
    assert (row["state"], row["finding"]) == ("unusable input", "")
    assert "acknowledged.json" in row["reason"]
    assert capsys.readouterr().err.count("error: ") == 1


@pytest.mark.parametrize(
    ("command", "kind"), [(["nodes"], "kind"), (["compare", "14d..7d", "7d.."], "verdict")]
)
def test_nor_those_of_the_other_commands(
    logs: list[str], tmp_path: Path, command: list[str], kind: str
) -> None:
    files = ["--json", "t.json", "--csv", "t.csv"]
    assert called(*command, *logs, *files) in (0, 4)
    assert called(*command, "--history", "/nowhere", *files) == 2
    document = json.loads((tmp_path / "t.json").read_text())
    assert document["exit_code"] == 2
    [row] = csv.DictReader((tmp_path / "t.csv").open())
    assert row[kind] == "unusable input"
    assert row["reason"] == document["error"]
    assert "/nowhere" in row["reason"]


def test_where_no_run_has_a_time_the_documents_say_that_nothing_was_judged(
    logs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called("import", "published", "--to", "published") == 0
    (tmp_path / "t.json").write_text("of yesterday")
    assert called("nodes", "--history", "published", "--no-index", "--json", "t.json") == 4
    document = json.loads((tmp_path / "t.json").read_text())
    assert (document["exit_code"], document["judged"], document["findings"]) == (4, 0, [])
    assert "nothing could be judged" in capsys.readouterr().out


@pytest.mark.parametrize("usable", [True, False])
def test_a_file_that_cannot_be_written_keeps_no_other_as_it_was(
    logs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], usable: bool
) -> None:
    if not usable:
        (tmp_path / "perflogs/acknowledged.json").write_text("{")

    files = ["--junit", "/nowhere/t.xml", "--json", "t.json", "--prometheus", "t.prom"]
    assert called("check", *logs, *AS_OF, *files) == 2
    assert json.loads((tmp_path / "t.json").read_text())["exit_code"] == (0 if usable else 2)
    assert f"exit_code {0 if usable else 2}\n" in (tmp_path / "t.prom").read_text()
    error = capsys.readouterr().err
    assert ("/nowhere/t.xml" if usable else "acknowledged.json") in error


def test_without_a_history_the_error_is_the_one_that_is_said(
    logs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called("check", "--history", "/nowhere", "--prometheus", "/nowhere/t.prom") == 2
    assert "no history at /nowhere" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["check"], ["nodes"], ["compare", "14d..7d", "7d.."]])
def test_two_documents_do_not_go_to_one_place(
    logs: list[str], command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for place in ("-", "same"):
        assert called(*command, *logs, "--json", place, "--csv", place) == 2
        captured = capsys.readouterr()
        assert f"--json and --csv both write to {place}" in captured.err
        assert captured.out == ""


def test_every_document_of_check_may_go_to_standard_output(
    logs: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for name, begins in (
        ("csv", "incident,"),
        ("junit", "<?xml"),
        ("prometheus", "# HELP"),
        ("json", "{"),
    ):
        assert called("check", *logs, *AS_OF, f"--{name}", "-") == 0
        out = capsys.readouterr().out
        assert out.startswith(begins)
        assert "exit code 0:" not in out


def test_a_file_that_cannot_be_written_is_named_as_it_was_given(
    logs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called("check", *logs, *AS_OF, "--json", "/nowhere/x.json") == 2
    error = capsys.readouterr().err
    assert error == (
        "error: /nowhere/x.json cannot be written (No such file or directory): name a file in a "
        "folder that exists and that you may write to\n"
    )
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError, match=r"folder'$"):
        write_whole(tmp_path / "folder", "text")

    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []


def test_a_day_that_is_none_is_said_in_plain_words(
    logs: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert called("check", *logs, "--as-of", "yesterday") == 2
    assert "'yesterday' is no day: give a date such as 2026-11-01" in capsys.readouterr().err


def test_a_plain_ack_says_what_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert called("ack") == 2
    assert "name a finding, a --reason and when it --expires" in capsys.readouterr().err


def test_an_incident_that_is_acknowledged_may_be_acknowledged_for_longer(
    logs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = {"result": "fail", "fail_phase": "sanity", "fail_reason": "boom"}
    tonight = (today() - FIRST_NIGHT).days - 1
    runs = [
        Run(name=name, night=night, **(failed if night == tonight else {}))
        for name in ("A", "B")
        for night in range(tonight - 13, tonight + 1)
    ]
    write_performance_logs(tmp_path / "other", runs)
    logs = ["--history", str(tmp_path / "other"), "--no-index"]
    called("check", *logs, "--json", "-")
    (incident,) = json.loads(capsys.readouterr().out)["incidents"]
    name = incident["incident"]
    assert name.startswith("G-")
    for until in ("2999-01-01", "2999-02-01"):
        given = ["--reason", "known", "--expires", until]
        assert called("ack", name, *logs, *given) == 0
        assert capsys.readouterr().out.count(until) == 2
