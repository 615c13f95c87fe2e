"""The same computation on every node has the same result, or the node that differs is red."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fake_checkout import ROOT, Checkout
from fake_systems import configuration, local_partition, partition, system

from checks.base.fleet import Fingerprint, complaints

SAME = ("FakeTrain", ("seed", 1))
# Local partitions stand for nodes: the workload reports the node of its partition, and its loss.
NODES = ("a", "b", "c")
CHECK = """
import json
import re
import shutil
import os
import reframe as rfm
import reframe.core.builtins as builtins
from checks.base.workload_check import WorkloadCheck


@rfm.simple_test
class FakeTrain(WorkloadCheck):
    workload = "fake"
    stage = "train"
    metrics = ("throughput", "validation_accuracy", "loss_step100")

    @builtins.run_before("run")
    def differ(self):
        told = json.loads(os.environ["NODES"])[self.current_partition.name]
        node = {"provenance": {"nodes": [self.current_partition.name]}}
        self.env_vars["FAKE"] = "'" + json.dumps({**node, **told}) + "'"

    def arguments(self):
        return ["--gpus", str(self.num_gpus)]
"""

REFERENCE = """
b:
  FakeTrain:
    - case: {preset: smoke, num_gpus: 0, cpu_nodes: 1, process_per: node, storage: local,
        stage_to_scratch: false, container: none}
      source: a night
      runs: 1
      references:
        throughput: {value: 1000, lower: -0.1, upper: null, unit: images/s}
"""


def fingerprint(node: str, value: float, comparable: tuple[Any, ...] = SAME) -> Fingerprint:
    """The figure of one case on a node."""
    return Fingerprint(comparable, node, value)


def loss(value: float) -> dict[str, Any]:
    """What a node's workload reports instead of the usual."""
    return {"metrics": {"loss_step100": {"value": value}}}


def test_equal_figures_on_all_nodes_are_no_complaint() -> None:
    assert complaints([fingerprint(node, 0.25) for node in NODES]) == [None] * 3


def test_the_node_in_the_minority_is_named() -> None:
    found = complaints(
        [fingerprint(f"node{number}", 0.25 if number != 7 else 0.26) for number in range(31)]
    )
    [complaint] = filter(None, found)
    assert found[7] == complaint
    assert complaint == (
        "loss_step100 is 0.26 here on node7, 0.25 on 30 other nodes with the same device and "
        "software"
    )


def test_a_difference_in_the_last_digit_is_one() -> None:
    found = complaints([fingerprint("a", 0.1 + 0.2), fingerprint("b", 0.3), fingerprint("c", 0.3)])
    assert found[0] is not None
    assert "0.30000000000000004 here on a" in found[0]
    assert found[1:] == [None, None]


def test_without_a_majority_no_node_is_trusted() -> None:
    found = complaints([fingerprint("a", 0.25), fingerprint("b", 0.26)])
    assert found[0] == found[1]
    assert found[0] is not None
    assert "no value is on most of them: 0.25 on a; 0.26 on b" in found[0]


def test_two_odd_nodes_that_agree_are_still_in_the_minority() -> None:
    values = [0.25, 0.25, 0.25, 0.26, 0.26]
    found = complaints([fingerprint(str(node), value) for node, value in enumerate(values)])
    assert found[:3] == [None] * 3
    assert all("0.26 here on 3, 4, 0.25 on 3 other nodes" in str(each) for each in found[3:])


def test_a_majority_is_of_nodes_and_not_of_repetitions() -> None:
    repeated = [fingerprint("a", 0.26)] * 5
    found = complaints([*repeated, fingerprint("b", 0.25), fingerprint("c", 0.25)])
    assert all(found[:5])
    assert found[5:] == [None, None]


def test_figures_of_different_devices_are_not_compared() -> None:
    other = ("FakeTrain", ("seed", 2))
    assert complaints([fingerprint("a", 0.25), fingerprint("b", 0.26, other)]) == [None, None]


def test_a_node_that_differs_from_itself_is_named_and_has_no_vote() -> None:
    differs = "loss_step100 differs between runs on a with the same device and software: 0.25, 0.26"
    alone = [fingerprint("a", 0.26), fingerprint("a", 0.25)]
    assert complaints(alone) == [differs] * 2
    assert complaints([*alone, fingerprint("b", 0.25)]) == [differs, differs, None]
    voted = complaints([*alone, fingerprint("b", 0.25), fingerprint("c", 0.26)])
    assert voted[:2] == [differs] * 2
    assert "no value is on most of them: 0.25 on b; 0.26 on c" in str(voted[2])


def run(checkout: Checkout, told: dict[str, Any], *options: str) -> tuple[int, str]:
    """Runs the fake check on every node, each as it is told."""
    checkout.write("checks/fake.py", CHECK)
    nodes = system("fleet", *(local_partition(name) for name in NODES))
    checkout.write("fake_sites.py", configuration(nodes))
    told = {node: told.get(node, {}) for node in NODES}
    selected = ("-C", "fake_sites.py", "--system", "fleet", "-r", *options)
    outcome = checkout.reframe(*selected, NODES=json.dumps(told))
    return outcome.code, outcome.text


def results(checkout: Checkout) -> dict[str, Any]:
    """The entries of the last run report by node."""
    return {each["partition"]: each for each in checkout.report()["runs"][-1]["testcases"]}


def test_a_fleet_that_agrees_is_green(checkout: Checkout) -> None:
    code, text = run(checkout, {})
    assert code == 0, text
    assert "Ran 3/3 test case(s)" in text


def test_the_odd_node_is_red_in_every_report_and_the_others_are_not(checkout: Checkout) -> None:
    code, text = run(checkout, {"b": loss(0.26)})
    assert code == 1
    reason = "hardware: loss_step100 is 0.26 here on b, 0.25 on 2 other nodes"
    assert "FAILED" in text
    assert "(1 failure(s)" in text
    assert "PASSED" not in text
    assert f"Reason: sanity error: {reason}" in text
    entries = results(checkout)
    assert {name: each["result"] for name, each in entries.items()} == {
        "a": "pass",
        "b": "fail",
        "c": "pass",
    }
    assert reason in entries["b"]["fail_reason"]
    assert entries["b"]["failure_class"] == "hardware"
    log = (checkout.folder / "perflogs/fleet/b/FakeTrain.log").read_text().splitlines()
    column = log[0].split("|").index("result")
    assert log[-1].split("|")[column] == "fail"
    page = subprocess.run(
        [sys.executable, "-m", "perflogs", "session"],
        env=checkout.environment(PYTHONPATH=str(ROOT)),
        cwd=checkout.folder,
        capture_output=True,
        text=True,
    )
    assert page.returncode == 3
    assert reason in page.stdout


def test_two_partitions_of_one_machine_that_differ_are_red(checkout: Checkout) -> None:
    same = {"provenance": {"nodes": ["box"]}}
    code, text = run(checkout, {"a": same, "b": {**same, **loss(0.26)}, "c": same})
    assert code == 1
    assert "(3 failure(s)" in text
    assert "hardware: loss_step100 differs between runs on box" in text


def test_without_a_majority_all_are_red(checkout: Checkout) -> None:
    code, text = run(checkout, {"a": loss(0.24), "b": loss(0.26)})
    assert code == 1
    assert "(3 failure(s)" in text
    assert "0.24 on a; 0.25 on c; 0.26 on b" in text


@pytest.mark.parametrize(
    "key", ["dataset_digest", "device_name", "tensorflow_version", "keras_version", "suite_commit"]
)
def test_nodes_with_another_device_or_software_are_not_compared(
    checkout: Checkout, key: str
) -> None:
    provenance = {"provenance": {"nodes": ["b"], key: "another"}}
    code, text = run(checkout, {"b": {**loss(0.26), **provenance}})
    assert code == 0, text


def test_cases_without_trustworthy_figures_do_not_vote(checkout: Checkout) -> None:
    failing = {**loss(0.26), "exit_code": 3, "stderr": "error: the disk is full"}
    code, text = run(checkout, {"a": failing, "b": failing})
    assert code == 1
    assert "the disk is full" in text
    assert "hardware:" not in text


def test_a_missed_reference_is_not_lost_behind_the_odd_result(checkout: Checkout) -> None:
    checkout.write("systems/references/fleet.yaml", REFERENCE)
    slow = {"metrics": {**loss(0.26)["metrics"], "throughput": {"value": 10.0}}}
    code, text = run(checkout, {"b": slow})
    assert code == 1
    assert "(1 failure(s)" in text
    [reason] = re.findall(r"Reason: (.*)", text)
    assert "hardware: loss_step100 is 0.26 here on b" in reason
    assert "; also " in reason
    assert "throughput" in reason


def test_a_retry_does_not_mend_the_odd_node(checkout: Checkout) -> None:
    code, text = run(checkout, {"b": loss(0.26)}, "--max-retries=1")
    assert code == 1
    assert "the first one stands" in text or "this is a retry" in text


SEVERAL_NODES = configuration(
    system("cluster", partition("gpu", gpus=2, nodes=4)), system("cpu", partition("cpu", nodes=4))
)
NODE_MAP = """
from reframe.frontend import cli
cli.getallnodes = lambda *_: {name: ["node1", "node2"] for name in ("cluster:gpu", "cpu:cpu")}
"""


@pytest.mark.parametrize(("name", "left"), [("cluster", 2), ("cpu", 2)])
def test_cases_of_several_nodes_are_left_out_of_a_distributed_session(
    checkout: Checkout, name: str, left: int
) -> None:
    checkout.write("fake_sites.py", SEVERAL_NODES + NODE_MAP)
    outcome = checkout.reframe(
        "-C", "fake_sites.py", "--system", name, "--dry-run", "--distribute=all"
    )
    assert outcome.code == 0, outcome.text
    assert f"left out: {left} case(s) of several nodes: --distribute runs" in outcome.text
    assert re.search(r"left out: 2 of the 4 nodes of \w+:\w+: they are not in", outcome.text)
    kept = 2 if name == "cluster" else 1
    assert f"Ran {kept * 2}/{kept * 2} test case(s)" in outcome.text
    scripts = [path.read_text() for path in checkout.folder.glob("stage/**/rfm_job.sh")]
    assert sum("--nodelist=node2" in script for script in scripts) == kept
    assert all("#SBATCH --ntasks=1\n" in script for script in scripts)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--distribute"], 1),
        (["--distribute", "-n", "FakeTrain"], 1),
        (["--distribute=idle"], 0),
        (["--distribute", "avail"], 0),
    ],
)
def test_nodes_that_are_not_idle_are_missed_unless_their_state_was_named(
    checkout: Checkout, options: list[str], code: int
) -> None:
    checkout.write("fake_sites.py", SEVERAL_NODES + NODE_MAP)
    selected = ("-C", "fake_sites.py", "--system", "cpu", "--dry-run")
    outcome = checkout.reframe(*selected, *options)
    assert outcome.code == code, outcome.text
    missed = "not judged: 2 of the 4 nodes of cpu:cpu: --distribute takes idle ones alone"
    assert (missed in outcome.text) == bool(code)


def test_what_is_distributed_takes_the_training_of_its_own_node(checkout: Checkout) -> None:
    shutil.copy(ROOT / "checks/skyline.py", checkout.folder / "checks")
    checkout.write("fake_sites.py", SEVERAL_NODES + NODE_MAP)
    options = ("-C", "fake_sites.py", "--system", "cpu", "--dry-run", "--distribute=all")
    outcome = checkout.reframe(*options, "-n", "Skyline", "-P", "preset=tiny")
    assert outcome.code == 0, outcome.text
    scripts = {path.parent: path.read_text() for path in checkout.folder.glob("stage/**/*.sh")}
    evaluations = [text for text in scripts.values() if " evaluate " in text]
    extractions = [text for text in scripts.values() if " extract " in text]
    assert (len(evaluations), len(extractions)) == (4, 2)
    for text in (*evaluations, *extractions):
        [checkpoint] = re.findall(r"--checkpoint (\S+)/run", text)
        training = scripts[Path(checkpoint)]
        assert " train " in training
        assert nodelist(training) == nodelist(text)
    for texts in (evaluations, extractions):
        assert len({nodelist(text) for text in texts}) == 2

    prepared = [text for text in scripts.values() if " synthesise " in text or " pack " in text]
    assert len(prepared) == 2


def nodelist(script: str) -> str:
    """The node that a job script asks for."""
    [node] = re.findall(r"--nodelist=(\S+)", script)
    return str(node)
