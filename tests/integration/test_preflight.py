"""`python -m systems check` on a real Slurm: green where all is there, red where it is broken."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from cluster_session import Cluster
from stand_in_apptainer import path_with_apptainer

CHECK = (sys.executable, "-m", "systems", "check")


def write_site(cluster: Cluster, *partitions: dict[str, Any]) -> Path:
    """A site file with these partitions on top of one that works; the system is `site`."""
    usual = {
        "scheduler": "slurm",
        "launcher": "srun",
        "access": ["--partition=gpu", "--mem=0"],
        "environs": ["builtin"],
    }
    made = [{**usual, **each} for each in partitions]
    system = {"name": "site", "hostnames": [], "partitions": made}
    path = cluster.folder / "site.py"
    path.write_text(f"site_configuration = {{'systems': [{system!r}]}}\n")
    return path


def check(cluster: Cluster, *partitions: dict[str, Any], code: int, **variables: str) -> Any:
    """The lines of the check by partition and subject."""
    path = write_site(cluster, *partitions)
    options = ("-C", path, "--system", "site", "--json")
    finished = cluster.run(*CHECK, *options, **variables)
    assert finished.code == code, finished.text
    [line] = [each for each in finished.text.splitlines() if each.startswith("{")]
    return {
        each["partition"].removeprefix("site:"): {one["subject"]: one for one in each["findings"]}
        for each in json.loads(line)["partitions"]
    }


def red(lines: dict[str, Any]) -> set[str]:
    """The subjects whose line is red."""
    return {subject for subject, line in lines.items() if not line["green"]}


def test_what_is_there_is_green_and_each_thing_that_is_missing_is_red(cluster: Cluster) -> None:
    images = dict.fromkeys(("skyline", "slstr"), str(cluster.folder / "README.md"))
    there = {"data": {"skyline": str(cluster.folder)}, "images": images}
    there["scratch"] = str(cluster.slurm.scratch)
    missing = {"data": {"skyline": "/no/data"}, "images": dict.fromkeys(images, "/no/image")}
    missing["scratch"] = "/no/scratch"
    promised = [{"type": "gpu", "num_devices": 4}]
    resource = [{"name": "_rfm_gpu", "options": ["--gres=gpu:{num_gpus_per_node}"]}]
    found = check(
        cluster,
        {"name": "whole", "extras": there, "container_platforms": [{"type": "Apptainer"}]},
        {"name": "missing", "extras": missing, "container_platforms": [{"type": "Pyxis"}]},
        {"name": "promised", "devices": promised, "resources": resource},
        {"name": "unknown", "access": ["--partition=none"]},
        code=1,
        PATH=path_with_apptainer(cluster),
    )
    assert red(found["site"]) == set(), found["site"]
    assert red(found["whole"]) == set(), found["whole"]
    assert "apptainer 1.4.5 answers and starts" in found["whole"]["container"]["text"]
    assert red(found["missing"]) == {"data", "image", "scratch", "container"}
    assert "/no/data is not there" in found["missing"]["data"]["text"]
    assert "/no/image is not there" in found["missing"]["image"]["text"]
    assert "srun on the node has no --container-image" in found["missing"]["container"]["text"]
    assert red(found["promised"]) == {"GPUs", "TensorFlow"}
    assert "0 of 4 GPUs" in found["promised"]["GPUs"]["text"]
    assert [*found["unknown"]] == ["submit"]
    assert "invalid partition" in found["unknown"]["submit"]["text"].lower()


@pytest.mark.parametrize(
    ("partition", "words"),
    [
        ({"extras": {"scrath": "/scratch"}}, "'scrath' is unknown"),
        (
            {"extras": {"required_environment": ["TRIGPOINT_NO_ACCOUNT"]}},
            "set and export TRIGPOINT_NO_ACCOUNT",
        ),
        ({"access": ["--account=a\ntouch injected"]}, "one line without control characters"),
    ],
)
def test_a_site_that_the_checks_refuse_is_red_and_no_job_is_submitted(
    cluster: Cluster, partition: dict[str, Any], words: str
) -> None:
    found = check(cluster, {"name": "gpu", **partition}, code=1)
    assert [*found] == ["site"]
    assert red(found["site"]) == {"the checks"}
    assert words in found["site"]["the checks"]["text"]
    assert not (cluster.folder / "injected").exists()


def test_an_account_of_two_lines_is_named_and_never_a_command(cluster: Cluster) -> None:
    injected = cluster.prefix / "injected"
    value = f"proj\ntouch {injected}"
    variables = {"TRIGPOINT_ACCOUNT": value, "TRIGPOINT_STORAGE_NETWORK": str(cluster.folder)}
    finished = cluster.run(*CHECK, "--system", "pearl", **variables)
    assert finished.code == 1, finished.text
    assert "TRIGPOINT_ACCOUNT" in finished.text
    assert "submitted" not in finished.text.partition("red")[0]
    assert not injected.exists()


def test_a_system_that_is_asked_for_by_name_is_looked_at_on_a_login_node_too(
    cluster: Cluster,
) -> None:
    finished = cluster.run(*CHECK, "--system", "generic")
    assert finished.code == 0, finished.text
    assert "generic:default" in finished.text


def test_a_scratch_that_is_full_is_red(cluster: Cluster) -> None:
    scratch = cluster.slurm.scratch
    for node in cluster.nodes:
        cluster.slurm.on_node(node, "sh", "-c", f"cat /dev/zero > {scratch}/filler || true")
    try:
        found = check(cluster, {"name": "full", "extras": {"scratch": str(scratch)}}, code=1)
    finally:
        for node in cluster.nodes:
            cluster.slurm.on_node(node, "rm", f"{scratch}/filler")

    assert red(found["full"]) == {"scratch"}
    assert "No space left" in found["full"]["scratch"]["text"]


def test_nodes_that_are_drained_are_named_as_the_reason(cluster: Cluster) -> None:
    nodes = f"nodename={','.join(cluster.nodes)}"
    cluster.slurm.command("scontrol", "update", nodes, "state=drain", "reason=test")
    path = write_site(cluster, {"name": "drained"})
    options = ("-C", path, "--system", "site", "--probe-minutes", "0.05")
    try:
        finished = cluster.run(*CHECK, *options)
    finally:
        cluster.slurm.command("scontrol", "update", nodes, "state=resume")

    assert finished.code == 1, finished.text
    assert "red    submit" in finished.text
    assert "DRAINED" in finished.text
    assert not cluster.slurm.command("squeue", "-h")


def test_a_clock_that_is_off_is_red(cluster: Cluster) -> None:
    # A node's clock cannot be set apart from this machine's: the probe is told a wrong time.
    module = cluster.folder / "systems/probing/node/time_of_day.py"
    right = module.read_text()
    module.write_text(right.replace("time.time()", "(time.time() + 30)"))
    try:
        found = check(cluster, {"name": "late"}, code=1)
    finally:
        module.write_text(right)

    assert red(found["late"]) == {"clock"}
    seconds = float(found["late"]["clock"]["text"].split()[0])
    assert seconds == pytest.approx(30, abs=1)


def test_a_tensorflow_that_does_not_load_is_red(cluster: Cluster) -> None:
    package = cluster.folder / "tensorflow.py"
    package.write_text("raise ImportError('libcudart.so.12: cannot open shared object file')\n")
    try:
        found = check(cluster, {"name": "broken"}, code=1)
    finally:
        package.unlink()

    assert red(found["broken"]) == {"TensorFlow"}
    assert "libcudart.so.12" in found["broken"]["TensorFlow"]["text"]


def test_what_cannot_be_used_is_one_line_and_exit_code_2(cluster: Cluster) -> None:
    for options, words in (
        ((), "python -m systems detect"),
        (("--system", "none"), "none"),
        (("-C", "/no/such/file.py"), "/no/such/file.py"),
    ):
        finished = cluster.run(*CHECK, *options)
        assert finished.code == 2, finished.text
        assert finished.text.startswith("error: ")
        assert words in finished.text
        assert len(finished.text.splitlines()) == 1
