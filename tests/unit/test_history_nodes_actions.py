"""The site's own command for a confirmed node: run once, without a shell, with safe words."""

import json
import sys
from datetime import date

import pytest

from perflogs.fleet.actions import (
    UnusableAction,
    actions,
    command_words,
    read_acted,
    run_actions,
    still_standing,
    write_acted,
)
from perflogs.fleet.finding import DIFFERENT, WORSE, NodeFinding


def finding(node="n3", kind=WORSE, name="SkylineTrain %num_gpus=1", metric="throughput"):
    return NodeFinding(
        kind=kind,
        confirmed=True,
        system="pearl",
        partition="gpu",
        node=node,
        name=name,
        metric=metric,
        unit="images/s",
        comparison="relative",
        difference=-0.1,
        score=8.0,
        chance=1e-6,
        since=date(2026, 1, 3),
        throughout=False,
        bad=4,
        runs=5,
        value=1.0,
        expected=2.0,
    )


def words_of(text, *findings, acted=()):
    return [action.words for action in actions(command_words(text), findings, set(acted))]


def test_node_and_reason_are_replaced_inside_of_words():
    (words,) = words_of("scontrol update nodename={node} state=drain 'reason=slow: {reason}'",
                        finding())  # fmt: skip
    assert words[:4] == ["scontrol", "update", "nodename=n3", "state=drain"]
    assert words[4].startswith("reason=slow: worse than its peers: SkylineTrain num_gpus=1 ")
    assert words[4].endswith("since 2026-01-03, 4 of 5 runs")


def test_a_node_that_has_no_place_in_the_command_is_appended():
    assert words_of("drain --now", finding()) == [["drain", "--now", "n3"]]


def test_a_node_has_one_command_for_all_that_is_confirmed_of_it():
    found = finding(), finding(metric="epoch_seconds"), finding(kind=DIFFERENT), finding("n4")
    assert words_of("drain", *found) == [["drain", "n3"], ["drain", "n4"]]


def test_what_was_acted_upon_is_left_alone_until_something_else_is_confirmed():
    acted = [("pearl", "n3", WORSE)]
    assert words_of("drain", finding(), acted=acted) == []
    assert words_of("drain", finding(), finding(kind=DIFFERENT), acted=acted) == [["drain", "n3"]]


@pytest.mark.parametrize("node", ["", "-rf", "n3;reboot", "n3 n4", "$(id)", "../n3", "n3\n"])
def test_what_cannot_be_a_node_reaches_no_command(node):
    with pytest.raises(UnusableAction, match="no node is called"):
        words_of("drain", finding(node))


def test_a_reason_holds_nothing_that_a_shell_would_take_for_more():
    (words,) = words_of("echo {reason} {node}", finding(name="A %b=$(id);`id`\n{node}|&<>'\""))
    assert not set(words[1]) & set("$();`\n|&<>'\"{}\\*?!#~")


@pytest.mark.parametrize("text", ["", "  ", "drain 'n"])
def test_a_command_without_words_is_refused(text):
    with pytest.raises(UnusableAction):
        command_words(text)


def test_only_commands_that_end_well_are_done_and_every_ending_is_said(tmp_path):
    program = tmp_path / "drain.py"
    program.write_text("import sys\nsys.exit(sys.argv[1] == 'n4')\n")
    command = [sys.executable, str(program)]
    wanted = actions(command, [finding("n3"), finding("n4"), finding("n5")], set())
    lines = []
    assert [action.node for action in run_actions(wanted, lines.append)] == ["n3", "n5"]
    endings = [line for line in lines if "exit code" in line]
    assert endings == ["1/3 n3: exit code 0", "2/3 n4: exit code 1", "3/3 n5: exit code 0"]


def test_a_command_that_is_not_there_is_said():
    lines = []
    wanted = actions(["/nowhere/drain"], [finding()], set())
    assert list(run_actions(wanted, lines.append)) == []
    assert "cannot be run" in lines[-1]


def test_what_was_acted_upon_is_kept(tmp_path):
    path = tmp_path / "node-actions.json"
    assert read_acted(path) == set()
    acted = {("pearl", "n3", WORSE), ("pearl", "n4", DIFFERENT)}
    write_acted(path, acted)
    assert read_acted(path) == acted
    assert [each.name for each in tmp_path.iterdir()] == ["node-actions.json"]
    assert json.loads(path.read_text())["version"] == 1


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"acted": [1]}', '{"acted": [{"node": "n"}]}'])
def test_a_file_that_does_not_say_what_was_acted_upon_is_refused(tmp_path, text):
    path = tmp_path / "node-actions.json"
    path.write_text(text)
    with pytest.raises(UnusableAction, match="remove it to act upon all again"):
        read_acted(path)


def test_a_drained_node_stays_acted_upon_and_a_mended_one_does_not():
    acted = {("pearl", "drained", WORSE), ("pearl", "mended", WORSE), ("pearl", "n3", WORSE)}
    judged = [("pearl", "gpu", "mended"), ("pearl", "gpu", "n3")]
    assert still_standing(acted, [finding("n3")], judged) == {
        ("pearl", "drained", WORSE),
        ("pearl", "n3", WORSE),
    }
