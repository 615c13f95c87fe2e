"""One reading of one GPU through NVML. What a GPU, its driver or its user has not is None, never 0.

Functions take `library`, the module `pynvml` or an object with the same functions.
"""

from dataclasses import dataclass
from typing import Any

import pynvml

# https://docs.nvidia.com/deploy/nvml-api, group nvmlClocksEventReasons.
CLOCK_REASONS = {
    0x002: "applications_clocks_setting",
    0x004: "sw_power_cap",
    0x008: "hw_slowdown",
    0x010: "sync_boost",
    0x020: "sw_thermal_slowdown",
    0x040: "hw_thermal_slowdown",
    0x080: "hw_power_brake_slowdown",
    0x100: "display_clock_setting",
}
IDLE_REASON = 0x001
# Of one link; the numbers are NVML's nvmlNvLinkErrorCounter_t.
NVLINK_ERRORS = {"replay": 0, "recovery": 1, "crc_flit": 2, "crc_data": 3, "ecc_data": 4}
# The name of today's drivers, then that of those before 535.
REASONS = ("nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons")
TEMPERATURE = ("nvmlDeviceGetTemperatureV", "nvmlDeviceGetTemperature")
_NO_LONGER_ANSWERS = ("NVML_ERROR_GPU_IS_LOST", "NVML_ERROR_RESET_REQUIRED")


class GpuLost(Exception):
    """The GPU no longer answers its driver; the message is the driver's."""


@dataclass(frozen=True)
class Gpu:
    """A GPU in NVML: its `handle`, and that of the `board` it is on.

    They are the same unless it is a MIG instance, which has a `uuid` of its own.
    """

    uuid: str
    handle: Any
    board: Any
    is_instance: bool = False


@dataclass(frozen=True)
class Counters:
    """What only grows while a GPU's driver is loaded; errors of NVLink by kind, over all links."""

    energy_millijoules: int | None
    uncorrected_ecc_volatile: int | None
    uncorrected_ecc_aggregate: int | None
    nvlink_errors: dict[str, int] | None


@dataclass(frozen=True)
class Sample:
    """What changes from one moment to the next.

    `utilisation` is the share of the last sample period in which a kernel ran. `clock_reasons` is
    NVML's bit mask of what holds the clocks down.
    """

    utilisation: float | None
    power_watts: float | None
    sm_clock_mhz: int | None
    temperature_celsius: int | None
    clock_reasons: int | None
    pcie_generation: int | None
    pcie_width: int | None


def open_library(library: Any = pynvml) -> Any | None:
    """Start NVML; None where there is no NVIDIA driver.

    It is never shut down: a thread may still wait for the answer of a GPU that is lost.
    """
    try:
        library.nvmlInit()
    except library.NVMLError:
        return None
    return library


def ask(library: Any, function: str, *arguments: Any) -> Any:
    """The answer of one function; None where there is none. Raises GpuLost."""
    try:
        return getattr(library, function)(*arguments)
    except library.NVMLError as error:
        if error.value in [getattr(library, name) for name in _NO_LONGER_ANSWERS]:
            raise GpuLost(str(error)) from None
        return None


def read_counters(library: Any, gpu: Gpu) -> Counters:
    """Read the counters; no energy of a MIG instance, as its board's is that of all instances."""
    uncorrected = library.NVML_MEMORY_ERROR_TYPE_UNCORRECTED
    volatile, aggregate = (
        ask(library, "nvmlDeviceGetTotalEccErrors", gpu.board, uncorrected, kind)
        for kind in (library.NVML_VOLATILE_ECC, library.NVML_AGGREGATE_ECC)
    )
    energy = None
    if not gpu.is_instance:
        energy = ask(library, "nvmlDeviceGetTotalEnergyConsumption", gpu.handle)
    return Counters(energy, volatile, aggregate, _nvlink_errors(library, gpu.board))


def take_sample(library: Any, gpu: Gpu) -> Sample:
    """Read the moment's state; of a MIG instance neither utilisation nor power, as of energy."""
    rates = milliwatts = None
    if not gpu.is_instance:
        rates = ask(library, "nvmlDeviceGetUtilizationRates", gpu.handle)
        milliwatts = ask(library, "nvmlDeviceGetPowerUsage", gpu.handle)
    board = gpu.board
    sensor = library.NVML_TEMPERATURE_GPU
    return Sample(
        None if rates is None else rates.gpu / 100,
        None if milliwatts is None else milliwatts / 1000,
        ask(library, "nvmlDeviceGetClockInfo", board, library.NVML_CLOCK_SM),
        _first(library, TEMPERATURE, board, sensor),
        _first(library, REASONS, board),
        ask(library, "nvmlDeviceGetCurrPcieLinkGeneration", board),
        ask(library, "nvmlDeviceGetCurrPcieLinkWidth", board),
    )


def describe(library: Any, gpu: Gpu) -> dict[str, Any]:
    """What a GPU is and how it is set, by name; what is not known is left out."""
    limit = ask(library, "nvmlDeviceGetEnforcedPowerLimit", gpu.board)
    mig = ask(library, "nvmlDeviceGetMigMode", gpu.board)
    known = {
        "name": ask(library, "nvmlDeviceGetName", gpu.handle),
        "driver_version": ask(library, "nvmlSystemGetDriverVersion"),
        "power_limit_watts": None if limit is None else limit / 1000,
        "mig_mode": None if mig is None else bool(mig[0]),
    }
    return {name: value for name, value in known.items() if value is not None}


def pending_row_remap(library: Any, gpu: Gpu) -> bool | None:
    """Whether rows of memory wait for a reset of the GPU to be remapped."""
    rows = ask(library, "nvmlDeviceGetRemappedRows", gpu.board)
    return None if rows is None else bool(rows[2])


def free_memory_bytes(library: Any, gpu: Gpu) -> int | None:
    """Memory of a GPU that nobody holds."""
    memory = ask(library, "nvmlDeviceGetMemoryInfo", gpu.handle)
    return None if memory is None else int(memory.free)


def _first(library: Any, functions: tuple[str, ...], *arguments: Any) -> Any:
    """The answer of the first function that this driver has."""
    for function in functions:
        answer = ask(library, function, *arguments)
        if answer is not None:
            return answer
    return None


def _nvlink_errors(library: Any, board: Any) -> dict[str, int] | None:
    totals: dict[str, int] = {}
    for link in range(library.NVML_NVLINK_MAX_LINKS):
        if not ask(library, "nvmlDeviceGetNvLinkState", board, link):
            continue
        for name, counter in NVLINK_ERRORS.items():
            count = ask(library, "nvmlDeviceGetNvLinkErrorCounter", board, link, counter)
            if count is not None:
                totals[name] = totals.get(name, 0) + count
    return totals or None
