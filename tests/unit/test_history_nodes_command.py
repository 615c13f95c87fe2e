"""`python -m perflogs nodes` on performance logs, as an administrator calls it."""

import csv
import io
import json
import sys

import pytest
from history_commands import called, one_line_error
from simulated_history import Run, write_performance_logs


def fleet(nodes=8, nights=5, slow=None, differing=None, **fields):
    return [
        Run(
            night=night,
            nodes=f"n{node}",
            figures={
                "throughput": (850.0 if node == slow else 1000.0) + (node * 7 + night * 3) % 5,
                "loss_step100": 0.7 if node == differing else 0.6,
            },
            **fields,
        )
        for night in range(nights)
        for node in range(1, nodes + 1)
    ]


@pytest.fixture
def logs(tmp_path, monkeypatch):
    """Writes performance logs of runs, and returns the options that name them."""
    # Wide enough that no cell is folded.
    monkeypatch.setenv("COLUMNS", "250")

    def write(runs):
        write_performance_logs(tmp_path / "perflogs", runs)
        return ["--history", str(tmp_path / "perflogs"), "--no-index"]

    return write


@pytest.fixture
def drain(tmp_path):
    """A command that notes its arguments, and fails for the node n3 where there is a file
    `exit-n3`; and its notes."""
    program, notes = tmp_path / "drain.py", tmp_path / "notes"
    program.write_text(
        "import pathlib, sys\n"
        "here = pathlib.Path(__file__).parent\n"
        "with (here / 'notes').open('a') as file: file.write(' '.join(sys.argv[1:]) + '\\n')\n"
        "sys.exit((here / f'exit-{sys.argv[-1]}').exists())\n"
    )
    notes.touch()
    return f"{sys.executable} {program}", notes


def test_a_sound_fleet_is_0(logs, capsys):
    assert called("nodes", *logs(fleet())) == 0
    out = capsys.readouterr().out
    assert "8 of 8 nodes in 7 days (of those ever seen: " in out
    assert "no node is confirmed, 8 nodes compared with their peers" in out


def test_nights_that_are_yet_to_come_are_not_counted(logs, capsys):
    assert called("nodes", *logs(fleet()), "--since", "2030-01-01") == 4
    out = capsys.readouterr().out
    assert "0 of 8 nodes, for no night has come since 2030-01-01 (of those ever seen" in out
    assert "alone (no night since 2030-01-01)" in out


def test_a_confirmed_node_is_1_and_stands_in_the_table(logs, capsys):
    assert called("nodes", *logs(fleet(slow=3))) == 1
    out = capsys.readouterr().out
    assert "n3" in out
    assert "confirmed" in out
    assert "n4 of" not in out


def test_a_node_that_computes_differently_is_1(logs, capsys):
    assert called("nodes", *logs(fleet(differing=3))) == 1
    assert "0.7, not 0.6" in capsys.readouterr().out


def test_too_few_nodes_are_4(logs, capsys):
    assert called("nodes", *logs([Run(night=night) for night in range(9)])) == 4
    assert "nothing could be judged" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--since", "yesterday"], "no length of time"),
        (["--nodes", "0"], "no number of nodes"),
        (["--system", "archer"], "there are pearl:gpu"),
        (["--on-confirmed", ""], "names no command"),
        (["--history", "/nowhere"], "/nowhere"),
    ],
)
def test_what_cannot_be_used_is_2_and_said_in_one_line(logs, capsys, options, said):
    assert called("nodes", *logs(fleet()), *options) == 2
    assert said in one_line_error(capsys)


def test_the_number_of_nodes_needs_one_partition(logs, capsys):
    options = logs([*fleet(), *fleet(partition="cpu")])
    assert called("nodes", *options, "--nodes", "20") == 2
    assert "choose with --system from pearl:cpu, pearl:gpu" in capsys.readouterr().err
    assert called("nodes", *options, "--nodes", "20", "--system", "pearl:gpu") == 0
    out = capsys.readouterr().out
    assert "pearl:gpu: 8 of 20 nodes in 7 days (the number given)" in out
    assert "never seen at all: 12" in out


def test_since_chooses_the_nights(logs, capsys):
    runs = [*fleet(nights=12), Run(night=0, nodes="n77")]
    assert called("nodes", *logs(runs), "--since", "3d") == 0
    out = capsys.readouterr().out
    assert "8 of 9 nodes in 3 days" in out
    assert "not seen since 2026-01-01: n77" in out
    assert "nights 2026-01-10 to 2026-01-12" in out


def test_the_documents_say_what_the_page_says(logs, tmp_path, capsys):
    options = logs(fleet(slow=3, differing=4))
    assert called("nodes", *options, "--json", "-", "--csv", str(tmp_path / "found.csv")) == 1
    document = json.loads(capsys.readouterr().out)
    rows = list(csv.DictReader(io.StringIO((tmp_path / "found.csv").read_text())))
    assert document["exit_code"] == 1
    assert document["coverage"][0]["total"] == 8
    found = {(each["node"], each["metric"]) for each in document["findings"]}
    assert found == {(row["node"], row["metric"]) for row in rows}
    assert found == {("n3", "throughput"), ("n4", "loss_step100")}
    assert {row["class"] for row in rows} == {"hardware"}


def test_the_action_runs_once_for_as_long_as_the_finding_stands(logs, drain, tmp_path):
    command, notes = drain
    options = [*logs(fleet(slow=3)), "--on-confirmed", f"{command} {{node}}"]
    assert called("nodes", *options) == 1
    assert called("nodes", *options) == 1
    assert notes.read_text() == "n3\n"
    kept = json.loads((tmp_path / "perflogs" / "node-actions.json").read_text())
    assert [each["node"] for each in kept["acted"]] == ["n3"]


def test_a_failing_action_is_2_and_is_tried_again(logs, drain, tmp_path, capsys):
    command, notes = drain
    options = [*logs(fleet(slow=3, differing=4)), "--on-confirmed", command]
    (tmp_path / "exit-n3").touch()
    assert called("nodes", *options) == 2
    error = capsys.readouterr().err
    assert "n3: exit code 1" in error
    assert "n4: exit code 0" in error
    assert "error: the action failed for n3\n" in error
    (tmp_path / "exit-n3").unlink()
    assert called("nodes", *options) == 1
    assert sorted(notes.read_text().split()) == ["n3", "n3", "n4"]


def test_no_confirmed_node_means_no_action(logs, drain):
    command, notes = drain
    assert called("nodes", *logs(fleet()), "--on-confirmed", command) == 0
    assert notes.read_text() == ""
