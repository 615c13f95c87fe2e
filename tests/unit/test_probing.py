"""What a node answers is read strictly, and judged against what its partition promises."""

import contextlib
import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from node_answers import (
    ABSENT,
    FINE,
    FULL,
    LOCKED,
    answer,
    gpus,
    judged,
    partition,
    sees,
    stand_in,
)

from systems import _declaration as declare
from systems.__main__ import parser
from systems.probing import access, clock, configuration
from systems.probing.answer import Answer, TensorFlow
from systems.probing.findings import Finding, PartitionFindings, as_json, print_findings
from systems.probing.job import CHECKOUT, NODE_PACKAGE, ProbeJob, Questions, write_questions
from systems.probing.node import gpus as node_gpus
from systems.probing.node import places as node_places
from systems.probing.reading import LIMIT_BYTES, MARK, UnusableAnswer, read_answer

NVIDIA_LIST = """\
GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77)
  MIG 3g.20gb     Device  0: (UUID: MIG-c6d4f1ef-42e4-5de3-91c7-45d71c87eb3f)
  MIG 2g.10gb     Device  1: (UUID: MIG-cba663e8-9bed-5b25-b243-5985ef7c9beb)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-c5e0b6ae-0a35-4fd3-8f5e-3b1d1f4d2e4c)
  MIG 3g.20gb     Device  0: (UUID: MIG-0b7ee4e4-ab83-5bd6-a3bc-5e8b5cb0cc5f)
"""
NVIDIA_QUERY = """\
NVIDIA A100-SXM4-40GB, GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77, 555.42.06
NVIDIA A100-SXM4-40GB, GPU-c5e0b6ae-0a35-4fd3-8f5e-3b1d1f4d2e4c, 555.42.06
"""
ROCM = {
    "card0": {"Card Series": "AMD Instinct MI250X", "Unique ID": "0x1", "GFX Version": "gfx90a"},
    "card1": {"Card Series": "AMD Instinct MI250X", "Unique ID": "0x2", "Card model": "0x0b0c"},
    "system": {"Driver version": "6.3.6"},
}


def probe_here(folder, environment=None, **questions):
    """Runs the node's package as a job does; its output."""
    workspace = folder / "job"
    workspace.mkdir()
    write_questions(workspace, Questions(**questions))
    command = [sys.executable, "-I", "-c", "import runpy, sys; sys.path.insert(0, '.');"]
    command[-1] += f"sys.argv[1:] = ['questions.json']; runpy.run_module({NODE_PACKAGE.name!r},"
    command[-1] += "run_name='__main__')"
    with clock.answering([workspace]):
        done = subprocess.run(
            command, cwd=workspace, env=environment, capture_output=True, text=True, timeout=60
        )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_node_answers_with_nothing_but_python_and_the_answer_is_read(tmp_path):
    scratch = str(tmp_path)
    output = probe_here(tmp_path, {"PATH": os.environ["PATH"]}, places=[scratch, "/no/such"])
    found = read_answer(output)
    assert found.failed == {}
    assert found.cpus == os.cpu_count()
    assert found.gpus.found == [] or found.gpus.source != "/dev"
    assert found.places[scratch].writable
    assert found.places[scratch].free_bytes > 0
    assert not found.places["/no/such"].exists
    assert found.places[str(CHECKOUT)].readable
    assert "lo" in [each.name for each in found.interfaces]
    assert len(found.clock) == 3
    assert judged(partition(), found)["clock"].green


def test_variables_are_expanded_in_the_names_that_detection_asks_about_alone(tmp_path):
    environment = {"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path)}
    asked = {"places": ["$TMPDIR"]}
    found = read_answer(probe_here(tmp_path, environment, **asked))
    assert not found.places["$TMPDIR"].exists

    folder = tmp_path / "second"
    folder.mkdir()
    found = read_answer(probe_here(folder, environment, named_by_variables=["$TMPDIR"]))
    assert found.places["$TMPDIR"].exists


WRONG_NAMES = ["a\nid", "a\n", "a --wrap=id", " ", "a\tb", "$(id)", "`id`", "a;id", "\x1aX", "a,b"]


@pytest.mark.parametrize("value", WRONG_NAMES)
def test_a_value_that_is_no_name_comes_into_no_option_and_its_variable_is_named(monkeypatch, value):
    monkeypatch.setenv(declare.RESERVATION, value)
    [option] = declare.access(reservation=declare.RESERVATION)
    assert value not in option
    assert not option.isprintable()
    assert access.complaint([option]).startswith("TRIGPOINT_RESERVATION holds no name")


def test_a_value_that_is_not_set_leaves_its_option_out(monkeypatch):
    monkeypatch.delenv(declare.QOS, raising=False)
    monkeypatch.setenv(declare.RESERVATION, "")
    monkeypatch.setenv(declare.ACCOUNT, "phys-7_x.y@z:1+2")
    variables = {"account": declare.ACCOUNT, "qos": declare.QOS, "reservation": declare.RESERVATION}
    found = declare.access("--partition=gpu", **variables)
    assert found == ["--partition=gpu", "--account=phys-7_x.y@z:1+2"]
    assert access.complaint(found) == ""


def test_nothing_is_submitted_with_an_option_of_two_lines(tmp_path):
    options = ["--partition=gpu", "--account=a\ntouch /tmp/x"]
    job = ProbeJob(SimpleNamespace(access=options), tmp_path / "job")
    job.submit(Questions())
    assert job.ended
    assert job.failure.startswith("access: one line without control characters is expected")
    assert not job.workspace.exists()


@pytest.mark.parametrize(
    ("programs", "scheduler"),
    [
        ({}, ""),
        ({"sbatch": "", "sinfo": "echo gpu up"}, "sbatch"),
        ({"sbatch": ""}, "sbatch"),
        ({"sbatch": "", "sinfo": "echo slurm_load_partitions: Unable to contact >&2"}, "sbatch"),
        (
            {
                "sbatch": "",
                "qsub": "",
                "sinfo": "echo fatal: Could not establish a configuration source >&2; exit 1",
            },
            "",
        ),
        ({"qsub": ""}, "qsub"),
    ],
)
def test_a_login_node_is_where_a_scheduler_is_configured(
    tmp_path, monkeypatch, programs, scheduler
):
    for name, script in programs.items():
        stand_in(tmp_path, name, script)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert configuration.batch_scheduler() == scheduler


@pytest.mark.parametrize(
    ("given", "words"),
    [("abc", "'abc' is not a number of minutes"), ("0", "not between"), ("nan", "not between")],
)
def test_minutes_that_are_none_are_named_without_our_own_names(capsys, given, words):
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(["check", "--probe-minutes", given])
    assert ended.value.code == 2
    complaint = capsys.readouterr().err
    assert words in complaint
    assert "_minutes" not in complaint


def test_a_question_that_fails_costs_no_other_its_answer(tmp_path):
    stand_in(tmp_path, "rocm-smi", "echo this is not JSON")
    found = read_answer(probe_here(tmp_path, {"PATH": str(tmp_path)}))
    assert found.gpus is None
    assert "No such file" in found.failed["gpus"] or "JSON" in found.failed["gpus"]
    assert not judged(partition(4), found)["GPUs"].green
    assert found.cpus == os.cpu_count()


def test_mig_devices_take_the_place_of_the_gpus_that_hold_them(tmp_path, monkeypatch):
    Path(tmp_path, "list").write_text(NVIDIA_LIST)
    Path(tmp_path, "query").write_text(NVIDIA_QUERY)
    stand_in(
        tmp_path, "nvidia-smi", f'[ "$1" = -L ] && cat {tmp_path}/list || cat {tmp_path}/query'
    )
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    found = node_gpus.gpus()
    assert [each["mig_profile"] for each in found["found"]] == ["3g.20gb", "2g.10gb", "3g.20gb"]
    assert {each["name"] for each in found["found"]} == {"NVIDIA A100-SXM4-40GB"}
    Path(tmp_path, "list").write_text(NVIDIA_LIST.replace("  MIG", "# MIG"))
    assert [each["driver"] for each in node_gpus.gpus()["found"]] == ["555.42.06"] * 2


def test_a_driver_that_does_not_answer_is_quoted(tmp_path, monkeypatch):
    complaint = "Failed to initialize NVML: Driver/library version mismatch"
    stand_in(tmp_path, "nvidia-smi", f"echo '{complaint}'; exit 18")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    found = node_gpus.gpus()
    assert (found["found"], found["complaint"]) == ([], complaint)


def test_amd_s_gpus_are_read_by_their_series(tmp_path, monkeypatch):
    Path(tmp_path, "answer").write_text(json.dumps(ROCM))
    stand_in(tmp_path, "rocm-smi", f"cat {tmp_path}/answer")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    found = node_gpus.amd_gpus()[0]
    assert [(each["name"], each["uuid"], each["arch"]) for each in found] == [
        ("AMD Instinct MI250X", "0x1", "gfx90a"),
        ("AMD Instinct MI250X", "0x2", ""),
    ]


def test_a_folder_in_memory_is_known_by_its_file_system():
    assert node_places.place("/dev/shm")["file_system"] == "tmpfs"


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("", "0 answers"),
        (f"{MARK}{{}}\n{MARK}{{}}", "2 answers"),
        (MARK + "{", "not JSON"),
        (MARK + "[1]", "not a record"),
        (MARK + '{"failed": {}, "run": "rm"}', "unknown fields: run"),
        (MARK + '{"failed": {}, "cpus": true}', "answer.cpus"),
        (MARK + '{"failed": {}, "cpus": "8"}', "answer.cpus"),
        (MARK + '{"failed": {}, "gpus": {"found": []}}', "answer.gpus"),
        (MARK + '{"failed": {}, "clock": [["now"]]}', "answer.clock"),
        (MARK + '{"failed": {}, "node": "' + "x" * LIMIT_BYTES + '"}', "longer than"),
        (MARK + "[" * 50_000, "not JSON"),
    ],
)
def test_an_answer_of_another_form_is_refused(output, reason):
    with pytest.raises(UnusableAnswer, match=reason):
        read_answer(output)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inside: st.lists(inside) | st.dictionaries(st.text(), inside),
    max_leaves=8,
)
FIELDS = st.sampled_from([*Answer.__dataclass_fields__])


@given(st.dictionaries(FIELDS, JSON))
def test_any_json_is_an_answer_or_is_refused_as_none(values):
    with contextlib.suppress(UnusableAnswer):
        found = read_answer(MARK + json.dumps({"failed": {}} | values))
        assert isinstance(found, Answer)


def test_the_clock_s_offset_is_that_of_the_shortest_round():
    measured = clock.offset([[20.0, 15.0, 20.2], [10.0, 5.5, 11.0], [math.nan, 1.0, 1.0], [3.0]])
    assert measured.ahead == pytest.approx(5.1)
    assert measured.error == pytest.approx(0.1)
    assert clock.offset([]) is None


def test_a_host_answers_each_question_for_the_time_once(tmp_path):
    with clock.answering([tmp_path]):
        Path(tmp_path, "clock-ask-0").touch()
        answered, deadline = Path(tmp_path, "clock-answer-0"), time.monotonic() + 10
        while not answered.exists():
            assert time.monotonic() < deadline
    assert float(answered.read_text()) == pytest.approx(time.time(), abs=10)


@pytest.mark.parametrize(
    ("rounds", "green"),
    [
        ([[0.0, 0.9, 0.0]], True),
        ([[0.0, 1.2, 0.0]], False),
        ([[0.0, -1.2, 0.0]], False),
        ([[0.0, 9.0, 10.0]], True),
        ([[0.0, 30.0, 10.0]], False),
        ([], False),
    ],
)
def test_a_clock_is_red_where_it_is_surely_off_or_cannot_be_compared(rounds, green):
    assert judged(partition(), answer(clock=rounds))["clock"].green is green


@pytest.mark.parametrize(
    ("of", "found", "green", "words"),
    [
        (partition(), gpus(0), True, "none promised"),
        (partition(4), gpus(4), True, "4 of 4"),
        (partition(4), gpus(8), True, "8 of 4"),
        (partition(4), gpus(3), False, "3 of 4"),
        (partition(4), gpus(0, source="/dev"), False, "no nvidia-smi"),
        (partition(4), gpus(0, complaint="NVML"), False, "NVML"),
        (partition(4, "A100-SXM4-80GB"), gpus(4), True, "A100"),
        (partition(4, "A100-SXM4-40GB"), gpus(4), False, "40GB was promised"),
        (partition(1, "GTX 1080 Ti"), gpus(1, "NVIDIA GeForce GTX 1080 Ti"), True, "1080"),
        (partition(1, "GTX 1080 Ti"), gpus(1, "NVIDIA GeForce GTX 1080"), False, "promised"),
        (partition(2, mig_profile="3g.40gb"), gpus(2, profile="3g.40gb"), True, "2 of 2"),
        (partition(2, mig_profile="3g.40gb"), gpus(2), False, "3g.40gb was promised, none"),
        (partition(2), gpus(2, profile="1g.10gb"), False, "none was promised, 1g.10gb"),
    ],
)
def test_gpus_are_green_where_those_that_were_promised_are_there(of, found, green, words):
    line = judged(of, answer(gpus=found, tensorflow=sees(4)))["GPUs"]
    assert line.green is green
    assert words in line.text


@pytest.mark.parametrize(
    ("of", "here", "seen", "green"),
    [
        (partition(), gpus(0), sees(0), True),
        (partition(4), gpus(4), sees(4), True),
        (partition(4), gpus(4), sees(0), False),
        (partition(4), gpus(4), sees(4, "the CPU"), False),
        (partition(4), gpus(4), sees(4, "ROCm 6.0"), False),
        (partition(4), gpus(4, source="rocm-smi"), sees(4, "ROCm 6.0"), True),
        (partition(), gpus(2), sees(0), False),
        (partition(), gpus(0), TensorFlow(error="No module named 'tensorflow'"), False),
    ],
)
def test_tensorflow_is_green_where_it_is_built_for_the_gpus_and_sees_them_all(
    of, here, seen, green
):
    assert judged(of, answer(gpus=here, tensorflow=seen))["TensorFlow"].green is green


@pytest.mark.parametrize(
    ("extras", "seen", "subject", "green"),
    [
        ({"data": {"skyline": "/x"}}, FINE, "data", True),
        ({"data": {"skyline": "/x"}}, ABSENT, "data", False),
        ({"data": {"skyline": "/x"}}, LOCKED, "data", False),
        ({"data": {"skyline": "/x"}}, FULL, "data", True),
        ({"scratch": "/x"}, FINE, "scratch", True),
        ({"scratch": "/x"}, FULL, "scratch", False),
        ({"scratch": "/x"}, ABSENT, "scratch", False),
        ({"storage": {"ssd": "/x"}}, FULL, "storage", False),
        ({"storage": {"ssd": ""}}, FINE, "storage", True),
    ],
)
def test_each_place_that_is_declared_must_be_there_and_serve_its_end(extras, seen, subject, green):
    line = judged(partition(**extras), answer(places={"/x": seen}))[subject]
    assert line.green is green
    assert line.green or line.remedy


def test_a_checkout_that_the_node_does_not_see_is_red():
    unseen = {str(CHECKOUT): ABSENT}
    assert not judged(partition(), answer(places=unseen))["software"].green
    assert not judged(partition(), answer(python="/usr/bin/python3"))["software"].green
    assert judged(partition(), answer())["software"].green


def test_a_partition_without_an_answer_has_one_line_and_it_says_why():
    lines = judged(partition(4), None, "Invalid account")
    assert [*lines] == ["submit"]
    assert not lines["submit"].green
    assert "Invalid account" in lines["submit"].text


def test_a_node_s_text_is_printed_as_one_plain_line(capsys):
    found = PartitionFindings("c:gpu", findings=[Finding("GPUs", False, "a\x1b[2J\nb", "c")])
    print_findings([found], sys.stdout)
    assert "  red    GPUs          a [2J b: c\n" in capsys.readouterr().out
    assert as_json("c", [found])["green"] is False
