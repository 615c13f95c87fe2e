"""The command that runs a case of the history again: what was run first, for this case alone."""

import re
import shlex
from typing import Any

import pytest
from simulated_history import Run, history

from perflogs.judging.repetition import another_node, command_for
from perflogs.rerun import rerun_run

CASE = "Train %num_gpus=1 %preset=nightly"


def row(command: str = "", **columns: Any) -> dict[str, Any]:
    """A row of the history."""
    given = {"command": command, "workdir": "/suite", "hashcode": "89abcdef", **columns}
    return history([Run(name=CASE, columns=given)]).runs.row(0, named=True)


def test_a_case_is_selected_by_its_hash_with_the_options_of_its_session() -> None:
    command = "/suite/.venv/bin/reframe -C /site/settings.py -c checks -r -n Train -J account=a"
    again = rerun_run(row(command))
    expected = ".venv/bin/reframe -C /site/settings.py -c checks -r -J account=a -n /89abcdef"
    assert again == expected


def test_a_repeated_run_belongs_to_no_campaign() -> None:
    for extras in ("--session-extras campaign=nightly", "--session-extras=campaign=nightly"):
        assert "nightly" not in rerun_run(row(f"reframe -c checks {extras} -r"))


def test_configuration_that_the_session_found_itself_is_named() -> None:
    found = row("reframe -c checks -r", configuration='["<builtin>", "/suite/systems/s.py"]')
    assert rerun_run(found) == "reframe -c checks -r -C systems/s.py -n /89abcdef"


def test_a_session_that_nobody_recorded_is_repeated_as_the_documents_have_it() -> None:
    assert rerun_run(row()) == "reframe -c checks --system=pearl:gpu -n /89abcdef -r"
    words = shlex.split(rerun_run(row(hashcode="")))
    assert words[-2] == "^Train%num_gpus=1%preset=nightly$"


@pytest.mark.parametrize(
    "command",
    [
        "rm -rf /home",
        "reframe -c 'checks",
        "reframe -c checks\n-r; echo owned",
        "reframe \x1b[31m -r",
        " ",
    ],
)
def test_what_is_no_command_of_reframe_is_never_shown(command: str) -> None:
    assert rerun_run(row(command)) == "reframe -c checks --system=pearl:gpu -n /89abcdef -r"


def test_what_a_log_says_reaches_no_shell_unquoted() -> None:
    again = rerun_run(row("reframe -c checks -r -J 'account=$(id)'", hashcode="; reboot"))
    assert "'account=$(id)'" in again
    assert "reboot" not in again
    assert "reboot" not in rerun_run(row(), "n1; reboot")


@pytest.mark.parametrize("configuration", ["{", "3", "[3]"])
def test_damaged_configuration_is_left_out(configuration: str) -> None:
    again = rerun_run(row("reframe -c other -r", configuration=configuration))
    assert again == "reframe -c checks --system=pearl:gpu -n /89abcdef -r"


def test_on_a_node_of_choice_the_case_is_selected_by_name() -> None:
    again = rerun_run(row("reframe -c checks --distribute=all -r"), "n7")
    assert shlex.split(again) == [
        *["reframe", "-c", "checks", "-r", "--system", "pearl:gpu", "-J", "nodelist=n7"],
        *["-n", "^Train%num_gpus=1%preset=nightly$"],
    ]


def test_a_distributed_case_is_run_again_on_its_node() -> None:
    for option in ("--distribute", "--distribute=all", "--distribute all"):
        again = rerun_run(row(f"reframe -c checks {option} -r"))
        assert "-r --system pearl:gpu -J nodelist=n1 -n" in again


def test_a_distributed_case_that_reached_no_node_is_selected_by_name() -> None:
    again = rerun_run(row("reframe -c checks --distribute=all -r", nodes=""))
    assert again == "reframe -c checks -r -n '^Train%num_gpus=1%preset=nightly$'"


def test_set_parameters_select_this_case_and_what_it_may_need() -> None:
    columns = {"command": "reframe -c checks -r -P preset=tiny,nightly", "session": "one"}
    names = ["Data %num_gpus=2", "Train %num_gpus=1 %preset=nightly", "Score %preset=nightly"]
    later = Run(name="After %preset=nightly", hour=5.0, columns=columns)
    runs = history([*(Run(name=name, columns=columns) for name in names), later]).runs
    again = command_for(runs, runs.row(2, named=True))
    assert shlex.split(again)[4:] == [
        *["-n", "^Score%preset=[^%]*$"],
        *["-n", "^Data%num_gpus=2$", "-n", "^Train%num_gpus=1%preset=[^%]*$"],
        *["-P", "preset=nightly"],
    ]
    again = command_for(runs, runs.row(1, named=True))
    assert "Data" not in again


def test_a_variable_that_was_given_like_a_parameter_is_set_again_and_selects_nothing() -> None:
    # ReFrame selects by name before it adds such a variable to the name.
    columns = {"command": "reframe -c checks -r -P container=none,apptainer", "session": "one"}
    name = "Train %num_gpus=1 %.container=apptainer"
    runs = history([Run(name=name, columns=columns)]).runs
    again = command_for(runs, runs.row(0, named=True))
    assert shlex.split(again)[4:] == ["-n", "^Train%num_gpus=1$", "-P", "container=apptainer"]


@pytest.mark.parametrize(
    "name",
    [
        "Train %size=2 GB",
        "Train %kind=max (fast) 1.5+x",
        "Train %kind=a|b",
        "Train %at=x@3",
        "Tr %x",
    ],
)
def test_a_name_is_matched_as_reframe_matches_it_and_no_other(name: str) -> None:
    words = shlex.split(rerun_run({**row(hashcode=""), "name": name}))
    pattern = words[words.index("-n") + 1]
    # ReFrame takes what is behind an @ for the number of a variant.
    assert "@" not in pattern
    assert re.search(pattern, name.replace(" ", ""))
    assert not re.search(pattern, f"{name}x".replace(" ", ""))
    assert not re.search(pattern, "Train%kind=maxfast155x")


def test_a_value_with_a_comma_is_not_taken_for_two() -> None:
    name = "Train %shape=1,2"
    again = rerun_run({**row("reframe -c checks -r -P shape=1,2;3,4"), "name": name})
    assert "-P 'shape=1,2;3,4'" in again


def test_for_a_fixture_that_nothing_waits_for_the_whole_session_is_repeated() -> None:
    runs = history([Run(name="Data", columns={"fixture": True, "command": "reframe -r"})]).runs
    assert command_for(runs, runs.row(0, named=True)) == "reframe -r"


def test_another_node_is_the_last_one_that_was_used_beside_those_suspected() -> None:
    assert another_node(("n1", "n3", "n2", "n4,n5", "n2", ""), "n2") == "n3"
    assert another_node(("n2", "n2"), "n2") == ""
    assert another_node(("n1", "n2", "n3"), "n2,n3") == "n1"
