"""A case takes as many GPUs, nodes and tasks as the partitions at hand hold, and no more."""

import re
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from fake_checkout import Checkout
from fake_systems import configuration, partition, system

from checks.base import geometry, presets


@dataclass
class Part:
    """As much of ReFrame's partition as geometry and presets read."""

    gpus: int = 0
    nodes: int = 1
    fullname: str = "site:part"
    extras: dict[str, Any] = field(default_factory=dict)
    is_local: bool = True

    def __post_init__(self) -> None:
        self.extras = {"num_nodes": self.nodes, **self.extras}
        self.devices = [SimpleNamespace(device_type="gpu", num_devices=self.gpus)]
        self.devices = self.devices if self.gpus else []
        self.scheduler = SimpleNamespace(is_local=self.is_local)


@pytest.mark.parametrize(
    ("gpus", "nodes", "counts"),
    [
        (0, 1, [0]),
        (0, 64, [0]),
        (1, 1, [1]),
        (4, 4, [1, 2, 4, 8, 16]),
        (8, 1, [1, 2, 4, 8]),
        (16, 2, [1, 2, 4, 8, 16, 32]),
        (6, 2, [1, 2, 4, 8]),
        (8, 100, [1, 2, 4, 8, 16, 32]),
    ],
)
def test_gpu_counts_are_those_that_the_partition_holds(
    gpus: int, nodes: int, counts: list[int]
) -> None:
    assert geometry.gpu_counts([Part(gpus, nodes)]) == counts


def test_gpu_counts_without_partitions_are_one_cpu_case() -> None:
    assert geometry.gpu_counts([]) == [0]


@pytest.mark.parametrize(
    ("num_gpus", "layout"),
    [
        (0, None),
        (1, geometry.Layout(1, 1)),
        (4, geometry.Layout(1, 4)),
        (8, geometry.Layout(2, 4)),
        (16, geometry.Layout(4, 4)),
        (32, None),
    ],
)
def test_a_case_takes_the_fewest_nodes_that_hold_it(
    num_gpus: int, layout: geometry.Layout | None
) -> None:
    assert geometry.layout(num_gpus, Part(4, 4)) == layout


def test_gpus_that_do_not_divide_a_node_are_dealt_evenly() -> None:
    assert geometry.layout(8, Part(6, 2)) == geometry.Layout(num_nodes=2, gpus_per_node=4)


def test_only_partitions_that_hold_a_case_get_it() -> None:
    parts = [
        Part(4, 1, "s:a", {"storage": {"ssd": "/ssd"}}),
        Part(8, 1, "s:b", {"storage": {"ssd": "/ssd", "network": "/nfs"}}),
        Part(0, 9, "s:cpu"),
    ]
    assert geometry.holders(4, "ssd", parts) == ["s:a", "s:b"]
    assert geometry.holders(8, "ssd", parts) == ["s:b"]
    assert geometry.holders(1, "network", parts) == ["s:b"]
    assert geometry.holders(1, "local", parts) == []
    assert geometry.storage_kinds(parts) == ["ssd", "network", "local"]


def test_what_no_partition_has_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"no partition holds num_gpus=2: \[1\] are held"):
        geometry.holders(2, "local", [Part(1)])
    with pytest.raises(ValueError, match=r"no partition has storage=tape: \['local'\] are there"):
        geometry.holders(1, "tape", [Part(1)])


def test_the_preset_is_smoke_only_where_there_is_neither_gpu_nor_scheduler() -> None:
    assert presets.default_preset([Part()]) == "smoke"
    assert presets.default_preset([Part(), Part(gpus=1)]) == "nightly"
    assert presets.default_preset([Part(is_local=False)]) == "nightly"


def test_an_unknown_preset_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="there is no preset 'big': choose one of tiny, smoke"):
        presets.limits("big")


SYSTEMS = configuration(
    system("four-by-four", partition("gpu", gpus=4, nodes=4), partition("cpu", nodes=4)),
    system("eight", partition("gpu", gpus=8, extras={"storage": {"nfs": "/n f s", "ssd": "/s"}})),
    system("no-resource", partition("gpu", gpus=1, resources=[])),
)


@pytest.mark.parametrize(
    ("name", "cases"),
    [
        ("generic", {("0", "smoke", "local", "generic:default")}),
        (
            "four-by-four",
            {(n, "nightly", "local", "four-by-four:gpu") for n in ("1", "2", "4", "8", "16")},
        ),
        (
            "eight",
            {(n, "nightly", s, "eight:gpu") for n in ("1", "2", "4", "8") for s in ("nfs", "ssd")},
        ),
    ],
)
def test_reframe_lists_the_cases_that_a_system_holds(
    checkout: Checkout, name: str, cases: set[tuple[str, ...]]
) -> None:
    checkout.write("fake_sites.py", SYSTEMS)
    outcome = checkout.reframe("-C", "fake_sites.py", "--system", name, "-lC")
    pattern = r"%num_gpus=(\d+) %preset=(\w+) %storage=(\w+) /\w+ @([\w:-]+)\+"
    assert set(re.findall(pattern, outcome.text)) == cases, outcome.text


def test_job_scripts_ask_for_nodes_gpus_and_limits(checkout: Checkout) -> None:
    checkout.write("fake_sites.py", SYSTEMS)
    outcome = checkout.reframe("-C", "fake_sites.py", "--system", "four-by-four", "--dry-run")
    assert outcome.code == 0, outcome.text
    scripts = [path.read_text() for path in checkout.folder.glob("stage/**/rfm_job.sh")]
    [sixteen] = [text for text in scripts if "--gpus 16" in text]
    for line in (
        "#SBATCH --ntasks=4",
        "#SBATCH --ntasks-per-node=1",
        "#SBATCH --gpus-per-node=4",
        "#SBATCH --exclusive",
        "#SBATCH --time=1:0:0",
    ):
        assert line in sixteen.splitlines()
    [one] = [text for text in scripts if "--gpus 1\n" in text]
    assert "#SBATCH --gpus-per-node=1" in one
    assert "#SBATCH --ntasks=1\n" in one


def test_the_storage_of_a_case_is_its_cache(checkout: Checkout) -> None:
    checkout.write("fake_sites.py", SYSTEMS)
    outcome = checkout.reframe("-C", "fake_sites.py", "--system", "eight", "--dry-run")
    assert outcome.code == 0, outcome.text
    scripts = [path.read_text() for path in checkout.folder.glob("stage/**/rfm_job.sh")]
    assert sum("--cache '/n f s' " in text for text in scripts) == 4
    assert sum("--cache /s " in text for text in scripts) == 4


def test_a_partition_without_the_gpu_resource_is_red_before_a_job_is_sent(
    checkout: Checkout,
) -> None:
    checkout.write("fake_sites.py", SYSTEMS)
    outcome = checkout.reframe("-C", "fake_sites.py", "--system", "no-resource", "--dry-run")
    assert outcome.code == 1
    assert "no-resource:gpu has no resource `_rfm_gpu`" in outcome.text
