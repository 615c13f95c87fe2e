"""Every supplied site loads and asks its scheduler for what it should; a wrong one says where."""

import re
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fake_checkout import ROOT, Checkout
from fake_systems import configuration, partition, system

from checks.base import geometry, site
from workloads.common.group.process_group import FIRST_PORT, PORTS

SETTINGS = {"RFM_CONFIG_PATH": "systems"}
VARIABLES = {
    "TRIGPOINT_ACCOUNT": "project-7",
    "TRIGPOINT_QOS": "tests",
    "TRIGPOINT_STORAGE_NETWORK": "/network/cache",
    "TRIGPOINT_STORAGE_SSD": "/ssd/cache",
}
POWERS = ["1", "2", "4", "8", "16", "32"]
TEMPLATES = {
    path.stem: f"{path.stem}_cluster" for path in (ROOT / "systems/templates").glob("*.py")
}
# System -> partition -> the GPU counts of its cases, or with none of them its nodes.
HELD = {
    "pearl": {"gpu": POWERS},
    "scarf": {"gpu": POWERS},
    "jade2": {"big": POWERS[:4]},
    "baskerville": {"a100_40": POWERS, "a100_80": POWERS[:4]},
    "sodalite": {"gpu": ["1"]},
    "apptainer_box": {"here": ["1"]},
    "slurm_box": {"cpu": POWERS[:3], "cpu_squeue": POWERS[:3], "torque": ["1"]},
    "slurm_box_images": {"cpu": POWERS[:3]},
    "slurm_box_broken": {"fake_gpu": POWERS[:5]},
    **{name: {"gpu": POWERS} for name in TEMPLATES.values()},
}
REQUIRED = {
    "pearl": "TRIGPOINT_ACCOUNT, TRIGPOINT_STORAGE_NETWORK",
    "scarf": "TRIGPOINT_STORAGE_NETWORK",
    "jade2": "TRIGPOINT_STORAGE_NETWORK",
    "baskerville": "TRIGPOINT_ACCOUNT, TRIGPOINT_QOS, TRIGPOINT_STORAGE_NETWORK",
    "sodalite": "TRIGPOINT_STORAGE_NETWORK, TRIGPOINT_STORAGE_SSD",
    "apptainer_box": "TRIGPOINT_IMAGES",
    "slurm_box_images": "TRIGPOINT_IMAGES",
    **dict.fromkeys(TEMPLATES.values(), "TRIGPOINT_ACCOUNT, TRIGPOINT_STORAGE_NETWORK"),
}


@pytest.fixture
def sites(checkout: Checkout) -> Checkout:
    """The checkout, with the templates copied to where site files are, without the references of
    checks that are not in it, and with the workloads that there are images of."""
    shutil.rmtree(checkout.folder / "systems/references")
    for workload in ("skyline", "slstr"):
        checkout.write(f"workloads/{workload}/__main__.py", "")

    for name in TEMPLATES:
        source = checkout.folder / "systems/templates" / f"{name}.py"
        shutil.copy(source, checkout.folder / "systems" / f"my_{name}.py")

    return checkout


def held(text: str) -> dict[str, list[str]]:
    """Partition -> sizes of the listed cases of the fake check, each once, from the smallest."""
    pattern = r"FakeTrain %num_gpus=(\d+) %cpu_nodes=(\d+) .*@\w+:(\w+)\+"
    found: dict[str, set[int]] = {}
    for gpus, nodes, name in re.findall(pattern, text):
        found.setdefault(name, set()).add(int(gpus) or int(nodes))

    return {name: [str(size) for size in sorted(sizes)] for name, sizes in found.items()}


def supplied_systems() -> set[str]:
    """The names of the systems that the files of `systems/` and its templates declare."""
    files = (ROOT / "systems").glob("[!_]*.py"), (ROOT / "systems/templates").glob("*.py")
    texts = [path.read_text() for each in files for path in each]
    return {
        name for text in texts for name in re.findall(r'^ {12}"name": "(\w+)",', text, re.MULTILINE)
    }


def job_scripts(checkout: Checkout, name: str, *options: str, **more: str) -> list[str]:
    """The job scripts that a dry run on a system writes, of cases that need no image."""
    shutil.rmtree(checkout.folder / "stage", ignore_errors=True)
    outcome = checkout.reframe(
        "--system",
        name,
        "--dry-run",
        "-n",
        "^FakeTrain",
        "-S",
        "container=none",
        *options,
        **SETTINGS,
        **{**VARIABLES, **more},
    )
    assert outcome.code == 0, outcome.text
    return [path.read_text() for path in checkout.folder.glob("stage/**/FakeTrain*/rfm_job.sh")]


def test_every_supplied_system_is_looked_at_here() -> None:
    assert supplied_systems() == set(HELD)


@pytest.mark.parametrize("name", HELD)
def test_a_system_lists_the_cases_that_its_partitions_hold(sites: Checkout, name: str) -> None:
    images = {"TRIGPOINT_IMAGES": "/images"} if "IMAGES" in REQUIRED.get(name, "") else {}
    outcome = sites.reframe("-lC", "--system", name, **SETTINGS, **VARIABLES, **images)
    assert held(outcome.text) == HELD[name], outcome.text


@pytest.mark.parametrize("name", REQUIRED)
def test_variables_that_are_not_set_are_named(sites: Checkout, name: str) -> None:
    for action in ("-lC", "-r"):
        outcome = sites.reframe(action, "--system", name, **SETTINGS)
        assert outcome.code == 1
        first = next(iter(HELD[name]))
        expected = f"{name}:{first}: required_environment: set and export {REQUIRED[name]} (see"
        assert expected in outcome.text
    assert not (sites.folder / "perflogs").exists()


@pytest.mark.parametrize("name", ["generic", "slurm_box", "slurm_box_broken"])
def test_a_laptop_and_the_one_machine_cluster_need_no_variables(sites: Checkout, name: str) -> None:
    outcome = sites.reframe("-lC", "--system", name, **SETTINGS)
    assert outcome.code == 0, outcome.text
    assert "FakeTrain" in outcome.text


JOBS = {
    "pearl": (
        32,
        ["--nodes=2", "--gres=gpu:16", "--partition=pearl", "--account=project-7"],
        "--cpus-per-task=96",
    ),
    "scarf": (8, ["--nodes=2", "--gres=gpu:v100:4", "--partition=gpu"], ""),
    "jade2": (8, ["--nodes=1", "--gres=gpu:8", "--partition=big"], "--cpus-per-task=40"),
    "baskerville:a100_80": (
        8,
        ["--nodes=2", "--gpus-per-node=4", "--constraint=a100_80", "--qos=tests"],
        "--account=project-7",
    ),
    "h100_cluster": (32, ["--nodes=8", "--gpus-per-node=4"], "--cpus-per-task=96"),
    "gh200_cluster": (8, ["--nodes=2", "--gpus-per-node=4"], "--cpus-per-task=288"),
    "mi250x_cluster": (16, ["--nodes=2", "--gpus-per-node=8"], "--cpus-per-task=128"),
    "slurm_box_broken": (16, ["--nodes=4", "--gres=gpu:4"], "--mem=3000"),
}


@pytest.mark.parametrize("name", JOBS)
def test_a_case_of_several_gpus_asks_slurm_for_whole_nodes(sites: Checkout, name: str) -> None:
    gpus, options, other = JOBS[name]
    [script] = job_scripts(sites, name, "-P", f"num_gpus={gpus}")
    nodes = int(options[0].removeprefix("--nodes="))
    expected = [*options, "--exclusive", f"--ntasks={nodes}", "--ntasks-per-node=1"]
    for option in [*expected, *([other] if other else [])]:
        assert f"#SBATCH {option}" in script.splitlines()
    assert "\nsrun " in script


def test_a_case_on_cpu_nodes_asks_slurm_for_them(sites: Checkout) -> None:
    for name in ("slurm_box:cpu", "slurm_box:cpu_squeue"):
        [script] = job_scripts(sites, name, "-P", "cpu_nodes=4")
        lines = script.splitlines()
        for option in ("--nodes=4", "--ntasks=4", "--partition=gpu", "--mem=3000", "--exclusive"):
            assert f"#SBATCH {option}" in lines
        assert "gres" not in script


def test_torque_is_asked_for_processors_and_gpus_in_one_list(sites: Checkout) -> None:
    [published, other] = job_scripts(sites, "sodalite")
    for script in (published, other):
        assert "#PBS -l nodes=1:ppn=40:gpus=1" in script.splitlines()
        assert "srun" not in script
    assert {"/network/cache" in published, "/network/cache" in other} == {True, False}
    [script] = job_scripts(sites, "slurm_box:torque")
    for line in ("#PBS -l nodes=1:ppn=2", "#PBS -q gpu", "#PBS -l mem=3000mb"):
        assert line in script.splitlines()


def test_a_reservation_is_asked_for_where_one_is_named(sites: Checkout) -> None:
    [script] = job_scripts(sites, "pearl", "-P", "num_gpus=1")
    assert "--reservation" not in script
    [script] = job_scripts(sites, "pearl", "-P", "num_gpus=1", TRIGPOINT_RESERVATION="nightly")
    assert "#SBATCH --reservation=nightly" in script.splitlines()


def test_a_value_of_two_lines_reaches_no_job_script(sites: Checkout) -> None:
    variables = {**VARIABLES, "TRIGPOINT_ACCOUNT": "a\nrm -rf important"}
    outcome = sites.reframe("--system", "pearl", "--dry-run", **SETTINGS, **variables)
    assert outcome.code == 1
    assert "pearl:gpu: access: one line without control characters is expected" in outcome.text
    assert not list(sites.folder.glob("stage/**/rfm_job.sh"))


def test_offline_nodes_and_the_fabric_are_told_to_the_job(sites: Checkout) -> None:
    [script] = job_scripts(sites, "jade2", "-P", "num_gpus=8")
    assert "export TRIGPOINT_OFFLINE=1" in script.splitlines()
    [script] = job_scripts(sites, "h100_cluster", "-P", "num_gpus=8")
    assert "export TRIGPOINT_FABRIC_INTERFACE=ib0" in script.splitlines()
    assert "OFFLINE" not in script


PLATFORMS = {
    "pearl": "Singularity",
    "jade2": "Singularity",
    "baskerville": "Apptainer",
    "sodalite": "Singularity",
    "apptainer_box": "Apptainer",
    "slurm_box_images": "Apptainer",
    **dict.fromkeys(TEMPLATES.values(), "Apptainer"),
}


@pytest.mark.parametrize("name", HELD)
def test_a_system_has_the_container_platform_that_is_known_of_it(
    sites: Checkout, name: str
) -> None:
    shown = "--show-config=systems/0/partitions/0/container_platforms"
    outcome = sites.reframe(shown, "--system", name, **SETTINGS, **VARIABLES)
    declared = re.findall(r'"type": "(\w+)"', outcome.text)
    assert declared == ([PLATFORMS[name]] if name in PLATFORMS else []), outcome.text


@pytest.mark.parametrize("name", ["pearl", "mi250x_cluster"])
def test_a_system_with_a_container_platform_runs_in_the_images_that_a_variable_names(
    sites: Checkout, name: str
) -> None:
    shutil.copy(ROOT / "checks/skyline.py", sites.folder / "checks")
    one = ("-n", "^SkylineTrain", "-P", "num_gpus=1", "-P", "pipeline=files", "-P", "preset=tiny")
    options = ("--system", name, "--dry-run", *one)
    images = {"TRIGPOINT_IMAGES": "/images", "TRIGPOINT_SCRATCH": "/scratch"}
    outcome = sites.reframe(*options, **SETTINGS, **VARIABLES, **images)
    assert outcome.code == 0, outcome.text
    scripts = {path.parent.name: path.read_text() for path in sites.folder.rglob("rfm_job.sh")}
    assert scripts
    flag = "--rocm" if "mi250x" in name else "--nv"
    for case, script in scripts.items():
        launch = f'{PLATFORMS[name].lower()} exec -B"'
        [command] = [line for line in script.splitlines() if launch in line]
        assert "/images/skyline.sif /opt/trigpoint/environment/bin/python -m workloads." in command
        assert '-B"/scratch:/scratch"' in command
        assert (f" {flag} " in command) == case.startswith("SkylineTrain")


def test_a_system_with_a_container_platform_and_no_images_says_what_to_do(sites: Checkout) -> None:
    shutil.copy(ROOT / "checks/skyline.py", sites.folder / "checks")
    one = ("-n", "SkylineTrain", "-P", "num_gpus=1", "-P", "pipeline=files")
    options = ("--system", "pearl", "--dry-run", *one)
    outcome = sites.reframe(*options, **SETTINGS, **VARIABLES)
    assert outcome.code == 1
    assert "pearl:gpu runs workloads in Singularity and names no image of skyline" in outcome.text
    assert "-S container=none" in outcome.text


def test_datasets_images_and_scratch_are_named_by_variables(sites: Checkout) -> None:
    variables = {
        **VARIABLES,
        "TRIGPOINT_DATA": "/data",
        "TRIGPOINT_IMAGES": "/images",
        "TRIGPOINT_SCRATCH": "/nvme",
    }
    show = ("--system", "jade2", "--show-config=systems/0/partitions/0/extras")
    text = sites.reframe(*show, **SETTINGS, **variables).text
    for value in ('"skyline": "/data/skyline"', "/data/slstr", '"/images/skyline.sif"', '"/nvme"'):
        assert value in text
    assert '"/local_scratch"' in sites.reframe(*show, **SETTINGS, **VARIABLES).text
    outcome = sites.reframe("-lC", "--system", "jade2", **SETTINGS, **variables)
    assert outcome.code == 0, outcome.text


def part(**fields: Any) -> SimpleNamespace:
    """As much of ReFrame's partition as `site` reads, one that is right but for `fields`."""
    devices = [SimpleNamespace(info=each, num_devices=each["num_devices"]) for each in GPUS]
    right = {
        "fullname": "s:p",
        "access": ["--partition=gpu"],
        "container_environs": {"Apptainer": None},
        "devices": devices,
        "environs": ["builtin"],
        "extras": {"scheduler": "slurm", "launcher": "srun"},
        "features": ["gpu", "offline", "wsl2", "gpu2", "large_memory"],
        "launcher_type": SimpleNamespace(registered_name="srun"),
        "processor": SimpleNamespace(info={"num_cpus": 40}),
        "resources": {"_rfm_gpu": ["--gpus-per-node={num_gpus_per_node}"]},
        "scheduler": SimpleNamespace(is_local=False),
    }
    return SimpleNamespace(**{**right, **fields})


GPUS = [{"type": "gpu", "num_devices": 4}]
RIGHT_EXTRAS = {
    "num_nodes": 22,
    "storage": {"ssd": "/scratch/x", "network": "/home/x"},
    "data": {"skyline": "/data/skyline"},
    "scratch": "/local_scratch",
    "images": {"skyline": "/images/skyline.sif"},
    "missing_images": "pull",
    "image_sources": {"skyline": f"registry.example/skyline@sha256:{'0' * 64}"},
    "gpu_peak_tflops": {"float32": 15.7, "mixed_float16": 125},
    "interconnect": {"name": "InfiniBand EDR", "interface": "ib0"},
    "mig_profile": "3g.40gb",
    "required_environment": ["TRIGPOINT_ACCOUNT"],
}


def test_a_partition_that_is_right_has_no_complaint() -> None:
    assert site.complaints(part(), {}) == []
    assert site.complaints(part(extras=RIGHT_EXTRAS), {"TRIGPOINT_ACCOUNT": "a"}) == []


@pytest.mark.parametrize(
    ("extra", "value"),
    [
        ("num_node", 4),
        ("num_nodes", "4"),
        ("num_nodes", 0),
        ("num_nodes", True),
        ("num_nodes", 2.0),
        ("storage", {}),
        ("storage", "/scratch"),
        ("storage", {"ssd": "scratch"}),
        ("storage", {"ssd": None}),
        ("storage", {"s s d": "/scratch"}),
        ("storage", {"ssd": "/scratch\n"}),
        ("data", {"skylin": "/data"}),
        ("data", {"skyline": "data"}),
        ("scratch", "scratch"),
        ("scratch", ["/scratch"]),
        ("images", {"skyline": ""}),
        ("images", {"skyline": "registry.example/skyline:latest"}),
        ("missing_images", True),
        ("image_sources", {"skyline": "registry.example/skyline:latest"}),
        ("images", "/images/skyline.sif"),
        ("gpu_peak_tflops", {"float32": "15.7"}),
        ("gpu_peak_tflops", {"float32": 0}),
        ("gpu_peak_tflops", {"fp32": 15.7}),
        ("gpu_peak_tflops", 15.7),
        ("interconnect", "ib0"),
        ("interconnect", {"interface": "ib0"}),
        ("interconnect", {"name": "InfiniBand", "interface": "ib0; reboot"}),
        ("interconnect", {"name": "InfiniBand", "interfaces": ["ib0"]}),
        ("mig_profile", "3g"),
        ("mig_profile", True),
        ("required_environment", "TRIGPOINT_ACCOUNT"),
        ("required_environment", ["$TRIGPOINT_ACCOUNT"]),
    ],
)
def test_an_extra_that_is_not_as_expected_is_named(extra: str, value: Any) -> None:
    [complaint] = site.complaints(part(extras={extra: value}), {"TRIGPOINT_ACCOUNT": "a"})
    assert complaint.startswith("s:p: extras: ")
    assert extra in complaint
    if extra in RIGHT_EXTRAS:
        assert complaint.endswith(f" expected, not {value!r}")


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"features": ["ofline"]}, "features: 'ofline' is not read by any check: is 'offline'"),
        ({"features": ["Offline"]}, "features: 'Offline' is not read"),
        ({"environs": []}, "environs: at least one is expected"),
        ({"access": ["--account=a\nb"]}, "access: one line"),
        ({"processor": SimpleNamespace(info={"num_cpus": 1.5})}, "processor: num_cpus: a whole"),
        (
            {"devices": [SimpleNamespace(info={"type": "GPU"}, num_devices=4)]},
            "devices: type: 'gpu' is the only one that is known, not 'GPU'",
        ),
        (
            {"devices": [SimpleNamespace(info={"num_devices": 4}, num_devices=4)]},
            "devices: type: 'gpu' is the only one that is known, not None",
        ),
        (
            {"devices": [SimpleNamespace(info={"type": "nic"}, num_devices=1)]},
            "devices: type: 'gpu' is the only one that is known, not 'nic'",
        ),
        (
            {"devices": [SimpleNamespace(info={"type": "gpu"}, num_devices=0)]},
            "devices: num_devices: a whole number above 0 is expected, not 0",
        ),
    ],
)
def test_a_field_of_reframe_s_own_that_the_checks_read_is_named(
    fields: dict[str, Any], complaint: str
) -> None:
    [found] = site.complaints(part(**fields), {})
    assert found.startswith(f"s:p: {complaint}")


NO_GPU: dict[str, Any] = {"devices": [], "features": [], "resources": {}}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"features": ["gpu"]}, "features: gpu"),
        ({"resources": {"_rfm_gpu": []}}, "resources: _rfm_gpu"),
        ({"extras": {"gpu_peak_tflops": {"float32": 15.7}}}, "extras: gpu_peak_tflops"),
        ({"extras": {"mig_profile": "3g.40gb"}}, "extras: mig_profile"),
    ],
)
def test_what_says_nothing_without_a_gpu_is_refused_where_none_is_declared(
    fields: dict[str, Any], field: str
) -> None:
    assert site.complaints(part(**NO_GPU), {}) == []
    [found] = site.complaints(part(**{**NO_GPU, **fields}), {})
    assert found == f"s:p: {field} is declared, but no device of type 'gpu' in `devices`"


def test_gpus_that_no_job_could_ask_for_are_refused() -> None:
    [found] = site.complaints(part(resources={}), {})
    assert found.startswith("s:p: resources: _rfm_gpu is missing")
    here = SimpleNamespace(is_local=True)
    assert site.complaints(part(resources={}, scheduler=here), {}) == []


@pytest.mark.parametrize("environment", [{}, {"A": ""}])
def test_an_empty_variable_counts_as_not_set_and_hides_what_follows_from_it(
    environment: dict[str, str],
) -> None:
    extras = {"required_environment": ["A", "B"], "storage": {"ssd": ""}}
    [found] = site.complaints(part(extras=extras), {**environment, "B": "x"})
    assert found == "s:p: required_environment: set and export A (see docs/sites.md)"


def test_wrong_fields_end_reframe_before_anything_is_listed(checkout: Checkout) -> None:
    wrong = partition(
        "gpu", gpus=4, features=["ofline"], extras={"num_nodes": "22", "scrach": "/x"}
    )
    checkout.write("fake_sites.py", configuration(system("site", wrong)))
    for action in ("-l", "-r", "--dry-run"):
        outcome = checkout.reframe("-C", "fake_sites.py", "--system", "site", action)
        assert outcome.code == 1
        for line in (
            "site:gpu: features: 'ofline' is not read by any check: is 'offline' meant?",
            "site:gpu: extras: num_nodes: a whole number above 0 is expected, not '22'",
            "site:gpu: extras: 'scrach' is unknown; there are num_nodes, storage,",
        ):
            assert line in outcome.text
        assert "FakeTrain" not in outcome.text


def test_templates_are_not_gathered(checkout: Checkout) -> None:
    assert len(TEMPLATES) == 3
    outcome = checkout.reframe("-l", "--system", "h100_cluster", **SETTINGS, **VARIABLES)
    assert outcome.code == 1
    assert "h100_cluster" in outcome.text


def test_no_file_names_a_host_of_a_package_index() -> None:
    for path in [*Path(ROOT, "systems").rglob("*.py"), Path(ROOT, "docs/sites.md")]:
        assert "pypi." not in path.read_text().lower()


def test_every_extra_and_every_variable_is_documented() -> None:
    text = (ROOT / "docs/sites.md").read_text()
    sources = (ROOT / "systems").glob("*.py")
    found = (re.findall(r'"(TRIGPOINT_[A-Z]+)"', path.read_text()) for path in sources)
    variables = {name for each in found for name in each} | set(VARIABLES)
    assert len(variables) > 6
    for name in (*RIGHT_EXTRAS, *variables, *HELD):
        assert f"`{name}`" in text or f"`{name.removesuffix('_cluster')}.py`" in text, name
    assert set(RIGHT_EXTRAS) == set(site.KNOWN_EXTRAS)


def test_the_ports_to_fence_are_those_that_are_drawn() -> None:
    text = (ROOT / "SECURITY.md").read_text()
    last = FIRST_PORT + PORTS - 1
    assert f"from {FIRST_PORT} to {last}," in text
    assert f"ports {FIRST_PORT} to {last + max(geometry.COUNTS) - 1} from compute nodes" in text
