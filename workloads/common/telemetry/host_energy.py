"""The energy that hosts used during a run, where the machine tells an ordinary user.

By the processors' own counters (RAPL), else by Slurm's energy accounting of the running step. Both
count whole nodes, so that the figure is a run's own only where it has its nodes for itself.
"""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")
SSTAT_SECONDS = 5.0


class RaplEnergy:
    """Joules of a node's processor packages and their memory.

    https://www.kernel.org/doc/html/latest/power/powercap/powercap.html: each zone `intel-rapl:*`
    has `name`, `energy_uj` and `max_energy_range_uj`, behind which the counter starts again: within
    a quarter of an hour at 300 W, so that it is sampled all the time. AMD's processors have the
    same. Kernels since 5.10 let only root read it, unless a site says otherwise.
    """

    source = "rapl"

    def __init__(self, folder: Path = POWERCAP) -> None:
        # `psys` counts the packages again, `core` and `uncore` parts of them.
        self._zones = [
            zone
            for zone in sorted(folder.glob("intel-rapl:*"))
            if _text(zone / "name").startswith(("package-", "dram"))
        ]
        self._ranges = _numbers(self._zones, "max_energy_range_uj")
        self._last: list[int] | None = None
        self._joules = 0.0
        self._ended = False

    def readable(self) -> bool:
        """Whether this machine has counters that this user may read, all of them."""
        return bool(self._zones) and self._ranges is not None and self._read() is not None

    def begin(self) -> None:
        """Start counting."""
        self._last = self._read()

    def sample(self) -> None:
        """Count on; has to come more often than the counters start again."""
        now = self._read()
        if self._last is None or now is None or self._ranges is None:
            self._last = None
            return
        for before, after, all_of_it in zip(self._last, now, self._ranges, strict=True):
            gained = after - before if after >= before else after - before + all_of_it
            self._joules += gained / 1e6
        self._last = now

    def end(self) -> None:
        """Count the rest."""
        self.sample()
        self._ended = True

    def joules(self) -> float | None:
        """Joules from `begin` to `end`; None where a counter could not be read all the time.

        None also before the end, which does not come where the sampler hangs at a GPU's driver.
        """
        return self._joules or None if self._ended and self._last is not None else None

    def _read(self) -> list[int] | None:
        return _numbers(self._zones, "energy_uj")


class SlurmEnergy:
    """Joules of all nodes of the Slurm step that this process is part of, by `sstat`."""

    source = "slurm"

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        job, step = environment.get("SLURM_JOB_ID", ""), environment.get("SLURM_STEP_ID", "")
        self._step = f"{job}.{step}" if job.isdecimal() and step.isdecimal() else None
        self._before: float | None = None
        self._after: float | None = None

    def readable(self) -> bool:
        """Whether this process is in a Slurm step whose energy is accounted."""
        return self._read() is not None

    def begin(self) -> None:
        """Take what the step used before."""
        self._before = self._read()

    def sample(self) -> None:
        """Nothing: `sstat` is asked at both ends alone."""

    def end(self) -> None:
        """Take what the step used until now."""
        self._after = self._read()

    def joules(self) -> float | None:
        """Joules from `begin` to `end`; None where Slurm does not account them, or not so often.

        None also where the counter went backwards: a node's was set back meanwhile.
        """
        if self._before is None or self._after is None or self._after <= self._before:
            return None
        return self._after - self._before

    def _read(self) -> float | None:
        if self._step is None:
            return None
        command = ["sstat", "--noheader", "--parsable2", "--format=ConsumedEnergyRaw"]
        try:
            done = subprocess.run(
                [*command, f"--jobs={self._step}"],
                capture_output=True,
                text=True,
                timeout=SSTAT_SECONDS,
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return parse_consumed_energy(done.stdout) if done.returncode == 0 else None


HostEnergy = RaplEnergy | SlurmEnergy


def find_host_energy(
    first_rank: bool, first_on_node: bool, environment: Mapping[str, str] = os.environ
) -> HostEnergy | None:
    """The source of host energy that this process is to sample, None where it is another's task.

    The counters of a node are read by its first process, Slurm is asked by the first rank alone.
    """
    if first_on_node and (rapl := RaplEnergy()).readable():
        return rapl
    if first_rank and (slurm := SlurmEnergy(environment)).readable():
        return slurm
    return None


def parse_consumed_energy(text: str) -> float | None:
    """Joules in the answer of `sstat --format=ConsumedEnergyRaw`; None of 0, or of no number.

    Slurm answers 0 where no plugin for energy accounting is loaded.
    """
    joules = text.strip()
    return float(joules) or None if joules.isdecimal() else None


def _numbers(zones: list[Path], name: str) -> list[int] | None:
    """The file `name` of each zone; None where one cannot be read."""
    try:
        return [int((zone / name).read_text()) for zone in zones]
    except (OSError, ValueError):
        return None


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
