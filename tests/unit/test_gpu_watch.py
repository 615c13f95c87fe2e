"""What is told of a GPU: all that its driver says, and nothing that it does not."""

import json
import types

import pynvml
import pytest
from stand_in_driver import LOST, NONE_LEFT, CudaDriver, Fault, Library, sound_gpu

from workloads.common.telemetry.gpu_devices import find_gpus, local_gpus, open_library
from workloads.common.telemetry.gpu_state import Gpu, free_memory_bytes
from workloads.common.telemetry.gpu_watch import LAST_WORD, GpuWatch

ONE = "8f3c2d10-5a6b-4c7d-8e9f-0a1b2c3d4e5f"
TWO = "11111111-2222-3333-4444-555555555555"
NOT_SUPPORTED = Fault(pynvml.NVML_ERROR_NOT_SUPPORTED)


def watch_of(answers, gpu=None, times=range(1000)):
    library = Library({"GPU-1": answers})
    clock = iter(times)
    watch = GpuWatch(library, gpu or Gpu("GPU-1", "GPU-1", "GPU-1"), "node7", lambda: next(clock))
    return library, watch


def health_of(answers, samples=2, **options):
    _, watch = watch_of(answers, **options)
    watch.begin()
    for _ in range(samples):
        watch.sample()
    watch.end()
    return watch.health()


def test_a_sound_gpu_is_told_whole():
    assert health_of(sound_gpu()) == {
        "node": "node7",
        "uuid": "GPU-1",
        "name": "NVIDIA H100 80GB HBM3",
        "driver_version": "580.95.05",
        "power_limit_watts": 700.0,
        "mig_mode": False,
        "pending_row_remap": False,
        "energy_joules": 90.0,
        "utilisation": 0.8,
        "mean_power_watts": 300.0,
        "mean_sm_clock_mhz": 1980.0,
        "highest_temperature_celsius": 61,
        "pcie_generation": 5,
        "pcie_width": 16,
        "xid_events": [],
        "idle_share": 0.0,
        "throttle_shares": {},
        "uncorrected_ecc_errors_gained": 0,
        "nvlink_errors_gained": dict.fromkeys(
            ("replay", "recovery", "crc_flit", "crc_data", "ecc_data"), 0
        ),
    }


@pytest.mark.parametrize(
    "error",
    [
        pynvml.NVML_ERROR_NOT_SUPPORTED,
        pynvml.NVML_ERROR_NO_PERMISSION,
        pynvml.NVML_ERROR_FUNCTION_NOT_FOUND,
        pynvml.NVML_ERROR_UNKNOWN,
    ],
)
def test_what_a_gpu_does_not_have_is_absent(error):
    nothing = health_of(dict.fromkeys(sound_gpu(), Fault(error)))
    assert nothing == {"node": "node7", "uuid": "GPU-1", "driver_version": "580.95.05"}


@pytest.mark.parametrize("missing", sorted(sound_gpu().keys() - {"nvmlDeviceGetMemoryInfo"}))
def test_what_one_gpu_lacks_changes_nothing_else(missing):
    whole, without = health_of(sound_gpu()), health_of(sound_gpu(**{missing: NOT_SUPPORTED}))
    # Energy is then that of the power over time.
    counted = {"energy_joules"} & without.keys()
    assert len(without) < len(whole) or counted
    assert all(without[name] == whole[name] for name in without.keys() - counted)


def test_means_and_extremes_are_those_of_the_samples():
    changes = {
        "nvmlDeviceGetClockInfo": [1000, 1500, 2000, 1500],
        "nvmlDeviceGetTemperatureV": [50, 71, 60, 55],
        "nvmlDeviceGetPowerUsage": [100_000, 200_000, 300_000, 400_000],
        "nvmlDeviceGetUtilizationRates": [
            types.SimpleNamespace(gpu=share) for share in (0, 100, 100, 100)
        ],
        "nvmlDeviceGetCurrPcieLinkGeneration": [1, 4, 5, 1],
    }
    health = health_of(sound_gpu(**changes))
    assert health["mean_sm_clock_mhz"] == 1500
    assert health["highest_temperature_celsius"] == 71
    assert health["mean_power_watts"] == 250
    assert health["utilisation"] == 0.75
    assert health["pcie_generation"] == 5


def test_throttle_reasons_are_shares_of_the_samples_and_idleness_stands_apart():
    masks = [0x1, 0x4, 0x4 | 0x40, 0x0]
    health = health_of(sound_gpu(nvmlDeviceGetCurrentClocksEventReasons=masks))
    assert health["throttle_shares"] == {"sw_power_cap": 0.5, "hw_thermal_slowdown": 0.25}
    assert health["idle_share"] == 0.25


def test_older_drivers_are_asked_by_the_older_names():
    answers = sound_gpu(
        nvmlDeviceGetCurrentClocksEventReasons=Fault(pynvml.NVML_ERROR_FUNCTION_NOT_FOUND),
        nvmlDeviceGetCurrentClocksThrottleReasons=0x8,
        nvmlDeviceGetTemperatureV=Fault(pynvml.NVML_ERROR_FUNCTION_NOT_FOUND),
        nvmlDeviceGetTemperature=lambda sensor: 48,
    )
    health = health_of(answers)
    assert health["throttle_shares"] == {"hw_slowdown": 1.0}
    assert health["highest_temperature_celsius"] == 48


def test_energy_is_power_over_time_where_the_gpu_does_not_count_it():
    answers = sound_gpu(
        nvmlDeviceGetTotalEnergyConsumption=NOT_SUPPORTED,
        nvmlDeviceGetPowerUsage=[100_000, 200_000, 200_000, 300_000],
    )
    assert health_of(answers, times=(0, 1, 3, 4))["energy_joules"] == 150 + 400 + 250
    answers = sound_gpu(
        nvmlDeviceGetTotalEnergyConsumption=NOT_SUPPORTED,
        nvmlDeviceGetPowerUsage=[100_000, NOT_SUPPORTED, 200_000, 300_000],
    )
    assert health_of(answers, times=(0, 1, 3, 4))["energy_joules"] == 450 + 250


@pytest.mark.parametrize("first", [0, 10, 21])
@pytest.mark.parametrize(("unreadable", "joules"), [(80, None), (5, 30_000)])
def test_a_gap_in_the_power_leaves_no_energy_unless_it_is_short(first, unreadable, joules):
    power = [300_000] * 101
    power[first : first + unreadable] = [NOT_SUPPORTED] * unreadable
    answers = sound_gpu(
        nvmlDeviceGetTotalEnergyConsumption=NOT_SUPPORTED, nvmlDeviceGetPowerUsage=power
    )
    assert health_of(answers, samples=99).get("energy_joules") == joules


def test_samples_that_come_too_seldom_leave_no_energy():
    answers = sound_gpu(nvmlDeviceGetTotalEnergyConsumption=NOT_SUPPORTED)
    assert "energy_joules" not in health_of(answers, times=(0, 1, 81, 82))


def test_a_run_too_short_for_the_energy_counter_has_no_figure():
    assert "energy_joules" not in health_of(sound_gpu(nvmlDeviceGetTotalEnergyConsumption=7))


def test_errors_are_those_gained_during_the_run():
    # Volatile and aggregate before, then after.
    health = health_of(sound_gpu(nvmlDeviceGetTotalEccErrors=[3, 10, 5, 12]))
    assert health["uncorrected_ecc_errors_gained"] == 2
    # The volatile one was set back meanwhile.
    health = health_of(sound_gpu(nvmlDeviceGetTotalEccErrors=[3, 10, 0, 11]))
    assert health["uncorrected_ecc_errors_gained"] == 1
    set_back = [3, NOT_SUPPORTED, 0, NOT_SUPPORTED]
    health = health_of(sound_gpu(nvmlDeviceGetTotalEccErrors=set_back))
    assert "uncorrected_ecc_errors_gained" not in health


def test_nvlink_errors_are_summed_over_the_links_that_are_up():
    counts = {0: 10, 1: 20}

    def read(link, counter):
        counts[link] += 1 if counter == 0 else 0
        return counts[link]

    answers = sound_gpu(nvmlDeviceGetNvLinkErrorCounter=read)
    assert health_of(answers)["nvlink_errors_gained"]["replay"] == 2


def test_xid_events_are_kept_in_order_all_of_them(capsys):
    xids = [NONE_LEFT, 31, 79, NONE_LEFT, 48, NONE_LEFT]
    library, watch = watch_of(sound_gpu(nvmlEventSetWait_v2=xids))
    watch.begin()
    watch.sample()
    watch.end()
    told = capsys.readouterr().err
    assert watch.health()["xid_events"] == [31, 79, 48]
    # Told at once as well: the application may hang for ever behind one.
    assert told.count(LAST_WORD) == 2
    kinds = {call[2] for call in library.calls if call[0] == "nvmlDeviceRegisterEvents"}
    waits = {call[2] for call in library.calls if call[0] == "nvmlEventSetWait_v2"}
    assert (kinds, waits) == ({pynvml.nvmlEventTypeXidCriticalError}, {0})


def test_without_permission_for_events_there_is_no_word_of_xids():
    answers = sound_gpu(events=Fault(pynvml.NVML_ERROR_NO_PERMISSION))
    assert "xid_events" not in health_of(answers)


@pytest.mark.parametrize("error", [LOST, Fault(pynvml.NVML_ERROR_RESET_REQUIRED)])
def test_a_gpu_lost_in_mid_run_is_told_at_once_and_not_asked_again(error, capsys):
    answers = sound_gpu(nvmlDeviceGetClockInfo=[1980, 1980, error])
    library, watch = watch_of(answers)
    for step in (watch.begin, watch.sample, watch.sample):
        step()
    told = capsys.readouterr().err
    asked = len(library.calls)
    watch.sample()
    watch.end()
    assert len(library.calls) == asked
    health = watch.health()
    assert health["lost"] == str(pynvml.NVMLError(error.number))
    assert health["mean_sm_clock_mhz"] == 1980
    assert "energy_joules" not in health
    assert "uncorrected_ecc_errors_gained" not in health
    [line] = [line for line in told.splitlines() if line.startswith(LAST_WORD)]
    assert json.loads(line.removeprefix(LAST_WORD)) == [health]


@pytest.mark.parametrize("when", ["begin", "end"])
def test_a_gpu_lost_at_either_end_is_told(when):
    energy = [LOST] if when == "begin" else [5_000_000, LOST]
    assert "lost" in health_of(sound_gpu(nvmlDeviceGetTotalEnergyConsumption=energy))


def test_telemetry_that_breaks_is_no_lost_gpu_and_leaves_no_figures(capsys):
    def break_down(*_):
        raise AttributeError("no such function")

    answers = sound_gpu(
        nvmlEventSetWait_v2=[79, NONE_LEFT],
        nvmlDeviceGetClockInfo=[lambda kind: 1980, break_down],
    )
    library, watch = watch_of(answers)
    watch.begin()
    watch.sample()
    asked = len(library.calls)
    watch.sample()
    watch.end()
    assert len(library.calls) == asked
    assert watch.health() == {
        "node": "node7",
        "uuid": "GPU-1",
        "name": "NVIDIA H100 80GB HBM3",
        "driver_version": "580.95.05",
        "power_limit_watts": 700.0,
        "mig_mode": False,
        "xid_events": [79],
        "telemetry_failed": "AttributeError: no such function",
    }
    # Of the Xid alone.
    assert capsys.readouterr().err.count(LAST_WORD) == 1


def test_another_gpu_of_the_node_that_is_lost_is_not_blamed_on_this_one():
    # NVML then says so to whoever waits for events.
    health = health_of(sound_gpu(nvmlEventSetWait_v2=LOST))
    assert "lost" not in health


def test_a_mig_instance_has_its_board_s_health_but_no_share_of_its_energy():
    library = Library({"MIG-1": sound_gpu(nvmlDeviceGetName="MIG 1g.10gb"), "GPU-1": sound_gpu()})
    library.answers["GPU-1"]["nvmlEventSetWait_v2"] = [79, NONE_LEFT]
    watch = GpuWatch(library, Gpu("MIG-1", "MIG-1", "GPU-1", is_instance=True), "node7")
    watch.begin()
    watch.end()
    health = watch.health()
    assert (health["uuid"], health["name"]) == ("MIG-1", "MIG 1g.10gb")
    assert health["xid_events"] == [79]
    assert health["highest_temperature_celsius"] == 61
    assert not health.keys() & {"energy_joules", "mean_power_watts", "utilisation"}


def test_gpus_are_those_that_cuda_numbers_whatever_nvml_s_order():
    library = Library({f"GPU-{ONE}": {}, f"GPU-{TWO}": {}})
    # As under CUDA_VISIBLE_DEVICES=1,0, of which TensorFlow drives the first.
    driver = CudaDriver(TWO, ONE)
    assert [gpu.uuid for gpu in find_gpus(library, driver, [0])] == [f"GPU-{TWO}"]
    assert [gpu.uuid for gpu in find_gpus(library, driver, [1, 0])] == [f"GPU-{ONE}", f"GPU-{TWO}"]


def test_a_mig_instance_is_found_by_its_own_uuid_with_its_board():
    board = {"nvmlDeviceGetDeviceHandleFromMigDeviceHandle": f"GPU-{TWO}"}
    library = Library({f"MIG-{ONE}": board, f"GPU-{TWO}": {}})
    [gpu] = find_gpus(library, CudaDriver(ONE), [0])
    assert (gpu.uuid, gpu.board, gpu.is_instance) == (f"MIG-{ONE}", f"GPU-{TWO}", True)


def test_a_gpu_that_cuda_or_nvml_does_not_know_is_left_out():
    assert find_gpus(Library({}), CudaDriver(ONE), [0]) == []
    assert find_gpus(Library({f"GPU-{ONE}": {}}), CudaDriver(ONE), [1]) == []


def test_free_memory_is_the_gpu_s_own():
    library = Library({"GPU-1": sound_gpu(), "GPU-2": {}})
    assert free_memory_bytes(library, Gpu("GPU-1", "GPU-1", "GPU-1")) == 70_000_000_000
    assert free_memory_bytes(library, Gpu("GPU-2", "GPU-2", "GPU-2")) is None


def test_a_machine_without_a_driver_has_no_gpus():
    if open_library() is not None:
        pytest.skip("this machine has an NVIDIA driver")
    assert local_gpus() == (None, [])
