"""The samples of one GPU, summed up as they come: a run of days keeps no more than a short one."""

import collections
from dataclasses import dataclass
from typing import Any

from workloads.common.telemetry.gpu_sampling import INTERVAL_SECONDS
from workloads.common.telemetry.gpu_state import CLOCK_REASONS, IDLE_REASON, Sample

# Of the power: what is drawn in a longer time without a sample, nobody knows.
LONGEST_GAP_SECONDS = 10 * INTERVAL_SECONDS


@dataclass
class Mean:
    """The mean of the samples that there were; None of none."""

    total: float = 0.0
    count: int = 0

    def add(self, value: float | None) -> None:
        """Count a sample in, unless the GPU had none."""
        if value is not None:
            self.total += value
            self.count += 1

    @property
    def value(self) -> float | None:
        """The mean so far."""
        return self.total / self.count if self.count else None


class Energy:
    """Power over time, from the first sample to the last, whether or not these tell the power."""

    def __init__(self) -> None:
        self._watts: float | None = None
        self._counted_joules = 0.0
        self._counted_until: float | None = None
        self._now = 0.0
        self._longest_gap = 0.0

    def add(self, watts: float | None, now: float) -> None:
        """Count on to `now` (seconds); over a gap in the power as if it had changed evenly."""
        self._now = now
        if self._counted_until is None:
            self._counted_until = now
        if watts is None:
            return
        before = watts if self._watts is None else self._watts
        gap = now - self._counted_until
        self._longest_gap = max(gap, self._longest_gap)
        self._counted_joules += (watts + before) / 2 * gap
        self._watts, self._counted_until = watts, now

    @property
    def joules(self) -> float | None:
        """The energy so far; None where the power was not known for too long."""
        if self._watts is None or self._counted_until is None:
            return None
        rest = self._now - self._counted_until
        if max(rest, self._longest_gap) > LONGEST_GAP_SECONDS:
            return None
        return self._counted_joules + self._watts * rest


class Summary:
    """Means, largest values and shares of a GPU's samples, and its power over time."""

    def __init__(self) -> None:
        self._energy = Energy()
        self._utilisation, self._power, self._clock = Mean(), Mean(), Mean()
        self._largest: dict[str, int] = {}
        self._reasons: collections.Counter[int] = collections.Counter()
        self._masks = 0

    def add(self, sample: Sample, now: float) -> None:
        """Count in a sample, taken at `now` (seconds)."""
        self._utilisation.add(sample.utilisation)
        self._power.add(sample.power_watts)
        self._clock.add(sample.sm_clock_mhz)
        for name in ("temperature_celsius", "pcie_generation", "pcie_width"):
            value = getattr(sample, name)
            if value is not None:
                self._largest[name] = max(value, self._largest.get(name, value))
        if sample.clock_reasons is not None:
            self._masks += 1
            known = (IDLE_REASON, *CLOCK_REASONS)
            self._reasons.update(bit for bit in known if sample.clock_reasons & bit)
        self._energy.add(sample.power_watts, now)

    @property
    def joules(self) -> float | None:
        """The GPU's power over time; None where it was not known all the time."""
        return self._energy.joules

    def figures(self) -> dict[str, Any]:
        """All of it but the energy, by name, None where there is nothing."""
        return {
            "utilisation": self._utilisation.value,
            "mean_power_watts": self._power.value,
            "mean_sm_clock_mhz": self._clock.value,
            "highest_temperature_celsius": self._largest.get("temperature_celsius"),
            # A link saves power when nothing passes over it: its speed is the highest seen.
            "pcie_generation": self._largest.get("pcie_generation"),
            "pcie_width": self._largest.get("pcie_width"),
            **self._clock_shares(),
        }

    def _clock_shares(self) -> dict[str, Any]:
        """Shares of the samples; being idle is no throttling, and stands apart."""
        if not self._masks:
            return {}
        shares = {bit: round(count / self._masks, 3) for bit, count in self._reasons.items()}
        return {
            "idle_share": shares.pop(IDLE_REASON, 0.0),
            "throttle_shares": {CLOCK_REASONS[bit]: share for bit, share in shares.items()},
        }
