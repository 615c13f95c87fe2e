"""The energy of hosts: the processors' counters, also where they start again; else Slurm's."""

import pytest

from workloads.common.telemetry.host_energy import (
    POWERCAP,
    RaplEnergy,
    SlurmEnergy,
    find_host_energy,
    parse_consumed_energy,
)

RANGE = 262_143_328_850


@pytest.fixture
def powercap(tmp_path):
    """A machine's counters, as the kernel lays them out: package 0 with memory, package 1."""

    def zone(path, name, microjoules, largest=RANGE):
        (tmp_path / path).mkdir()
        (tmp_path / path / "name").write_text(f"{name}\n")
        (tmp_path / path / "energy_uj").write_text(f"{microjoules}\n")
        (tmp_path / path / "max_energy_range_uj").write_text(f"{largest}\n")

    (tmp_path / "intel-rapl").mkdir()
    zone("intel-rapl:0", "package-0", 1_000_000)
    zone("intel-rapl:0:0", "core", 400_000)
    zone("intel-rapl:0:1", "dram", 2_000_000, largest=65_712_999_613)
    zone("intel-rapl:1", "package-1", RANGE - 500_000)
    zone("intel-rapl:2", "psys", 9_000_000)
    zone("intel-rapl-mmio:0", "package-0", 1_000_000)
    return tmp_path


def advance(powercap, **microjoules):
    for zone, value in microjoules.items():
        name = zone.replace("rapl", "intel-rapl:").replace("_", ":")
        (powercap / name / "energy_uj").write_text(f"{value}\n")


def test_packages_and_memory_are_counted_once_and_their_parts_not(powercap):
    rapl = RaplEnergy(powercap)
    assert rapl.readable()
    rapl.begin()
    advance(powercap, rapl0=4_000_000, rapl0_0=3_400_000, rapl0_1=2_500_000, rapl2=90_000_000)
    rapl.end()
    assert rapl.joules() == pytest.approx(3.5)


def test_a_counter_that_starts_again_is_counted_on(powercap):
    rapl = RaplEnergy(powercap)
    rapl.begin()
    advance(powercap, rapl1=500_000)
    rapl.sample()
    advance(powercap, rapl1=RANGE - 1_000_000)
    rapl.sample()
    advance(powercap, rapl1=2_000_000)
    rapl.end()
    assert rapl.joules() == pytest.approx((RANGE + 2_500_000) / 1e6)


@pytest.mark.parametrize("broken", ["energy_uj", "max_energy_range_uj", "name"])
def test_a_machine_whose_counters_cannot_all_be_read_has_none(powercap, broken):
    for zone in powercap.glob("intel-rapl:[01]"):
        (zone / broken).unlink()
    if broken == "name":
        (powercap / "intel-rapl:0:1/name").unlink()
    assert not RaplEnergy(powercap).readable()


def test_a_counter_that_cannot_be_read_any_more_leaves_no_figure(powercap):
    rapl = RaplEnergy(powercap)
    rapl.begin()
    advance(powercap, rapl0=4_000_000)
    rapl.sample()
    (powercap / "intel-rapl:1/energy_uj").write_text("")
    rapl.sample()
    advance(powercap, rapl1=RANGE)
    rapl.end()
    assert rapl.joules() is None


def test_counting_that_never_came_to_its_end_leaves_no_figure(powercap):
    rapl = RaplEnergy(powercap)
    rapl.begin()
    advance(powercap, rapl0=4_000_000)
    rapl.sample()
    assert rapl.joules() is None
    rapl.end()
    assert rapl.joules() == pytest.approx(3)


def test_counters_that_stand_still_are_no_figure(powercap):
    rapl = RaplEnergy(powercap)
    rapl.begin()
    rapl.end()
    assert rapl.joules() is None


def test_a_machine_without_counters_has_none(tmp_path):
    assert not RaplEnergy(tmp_path).readable()
    assert not RaplEnergy(tmp_path / "missing").readable()


@pytest.mark.parametrize(
    ("text", "joules"),
    [("1234\n", 1234.0), ("0\n", None), ("\n", None), ("", None), ("1.5K\n", None), ("1\n2", None)],
)
def test_slurm_s_answer_is_joules_or_nothing(text, joules):
    assert parse_consumed_energy(text) == joules


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"SLURM_JOB_ID": "7"},
        {"SLURM_JOB_ID": "7", "SLURM_STEP_ID": "batch"},
        {"SLURM_JOB_ID": "7 --help", "SLURM_STEP_ID": "0"},
    ],
)
def test_slurm_is_asked_in_a_step_alone(environment, monkeypatch):
    # Whatever is asked for now fails loudly.
    monkeypatch.setattr("subprocess.run", None)
    assert not SlurmEnergy(environment).readable()


def test_a_step_without_slurm_has_no_energy(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    slurm = SlurmEnergy({"SLURM_JOB_ID": "7", "SLURM_STEP_ID": "0"})
    assert not slurm.readable()
    slurm.begin()
    slurm.end()
    assert slurm.joules() is None


@pytest.mark.parametrize(("before", "after", "joules"), [(100, 40, None), (40, 100, 60)])
def test_slurm_s_energy_that_went_backwards_is_no_figure(
    monkeypatch, tmp_path, before, after, joules
):
    counter, sstat = tmp_path / "joules", tmp_path / "sstat"
    sstat.write_text(f'#!/bin/sh\nread joules < "{counter}"; echo "$joules"\n')
    sstat.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    slurm = SlurmEnergy({"SLURM_JOB_ID": "7", "SLURM_STEP_ID": "0"})
    counter.write_text(f"{before}\n")
    slurm.begin()
    counter.write_text(f"{after}\n")
    slurm.end()
    assert slurm.joules() == joules


def test_a_node_is_read_by_its_first_process_alone():
    if POWERCAP.exists():
        assert find_host_energy(False, False, {}) is None
    else:
        assert find_host_energy(True, True, {}) is None
