"""What one GPU went through during a run, told as a dictionary."""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from workloads.common.telemetry.gpu_state import (
    Counters,
    Gpu,
    GpuLost,
    ask,
    describe,
    pending_row_remap,
    read_counters,
    take_sample,
)
from workloads.common.telemetry.gpu_summary import Summary

# A word to whoever reads a failed run's standard error: its records may be lost with the GPU.
LAST_WORD = "trigpoint: gpu_health "
MOST_EVENTS = 1000


class GpuWatch:
    """Watches one GPU: `begin`, `sample` again and again, `end`, and then `health`.

    A GPU that is lost on the way is not asked again, and its health says so; nothing is raised.
    Nor is it asked again after an error of the telemetry itself, which tells nothing of the GPU:
    its health is then without figures.
    """

    def __init__(
        self, library: Any, gpu: Gpu, node: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._library = library
        self._gpu = gpu
        self._node = node
        self._clock = clock
        self._facts: dict[str, Any] = {}
        self._summary = Summary()
        self._before: Counters | None = None
        self._after: Counters | None = None
        self._events: Any = None
        self._xids: list[int] | None = None
        self._lost: str | None = None
        self._failure: str | None = None
        self._asked = False

    def begin(self) -> None:
        """Take what is known before the run."""
        self._carefully(self._begin)

    def sample(self) -> None:
        """Take one sample."""
        self._carefully(self._sample)

    def end(self) -> None:
        """Take what is known after the run."""
        self._carefully(self._end)

    def _carefully(self, work: Callable[[], None]) -> None:
        if self._lost is not None or self._failure is not None:
            return
        seen = len(self._xids or [])
        self._asked = True
        try:
            work()
        except GpuLost as error:
            self._lost = str(error)
        except Exception as error:
            self._failure = f"{type(error).__name__}: {error}"
        self._asked = False
        if self._lost is not None or len(self._xids or []) > seen:
            # At once: a run whose GPU is out of order may hang until it is killed.
            leave_word([self.health()])

    def _begin(self) -> None:
        self._facts = describe(self._library, self._gpu)
        self._before = read_counters(self._library, self._gpu)
        self._watch_events()
        self._sample()

    def _watch_events(self) -> None:
        library = self._library
        events = ask(library, "nvmlEventSetCreate")
        if events is None:
            return
        try:
            kind = library.nvmlEventTypeXidCriticalError
            library.nvmlDeviceRegisterEvents(self._gpu.board, kind, events)
        except library.NVMLError:
            return
        self._events, self._xids = events, []

    def _sample(self) -> None:
        self._summary.add(take_sample(self._library, self._gpu), self._clock())
        self._poll_events()

    def _poll_events(self) -> None:
        if self._events is None or self._xids is None:
            return
        for _ in range(MOST_EVENTS):
            try:
                event = ask(self._library, "nvmlEventSetWait_v2", self._events, 0)
            except GpuLost:
                # Of any GPU of the node; whether it is this one, the next sample shows.
                return
            if event is None:
                return
            self._xids.append(int(event.eventData))

    def _end(self) -> None:
        self._sample()
        self._after = read_counters(self._library, self._gpu)
        pending = pending_row_remap(self._library, self._gpu)
        if pending is not None:
            self._facts["pending_row_remap"] = pending
        if self._events is not None:
            ask(self._library, "nvmlEventSetFree", self._events)
            self._events = None

    def health(self) -> dict[str, Any]:
        """What is known of the GPU, by name with its unit; what is not known is left out."""
        known = {
            "node": self._node,
            "uuid": self._gpu.uuid,
            **self._facts,
            "lost": "it does not answer its driver" if self._asked else self._lost,
            "xid_events": self._xids,
            **self._figures(),
        }
        return {
            name: round(value, 3) if isinstance(value, float) else value
            for name, value in known.items()
            if value is not None
        }

    def _figures(self) -> dict[str, Any]:
        if self._failure is not None:
            return {"telemetry_failed": self._failure}
        return self._summary.figures() | self._gained()

    def _gained(self) -> dict[str, Any]:
        """What was used and what went wrong from the first readings to the last."""
        if self._before is None or self._after is None:
            return {}
        before, after = self._before, self._after
        counted = _difference(before.energy_millijoules, after.energy_millijoules)
        joules = self._summary.joules if counted is None else counted / 1000
        ecc = (
            _difference(before.uncorrected_ecc_volatile, after.uncorrected_ecc_volatile),
            _difference(before.uncorrected_ecc_aggregate, after.uncorrected_ecc_aggregate),
        )
        return {
            # A run too short for the counter to move has no figure: it did use energy.
            "energy_joules": joules or None,
            "uncorrected_ecc_errors_gained": max(
                (count for count in ecc if count is not None), default=None
            ),
            "nvlink_errors_gained": _differences(before.nvlink_errors, after.nvlink_errors),
        }


def leave_word(health: list[dict[str, Any]]) -> None:
    """Write what is known of GPUs to standard error, for when no record will tell it."""
    print(LAST_WORD + json.dumps(health), file=sys.stderr, flush=True)


def _difference(before: int | None, after: int | None) -> int | None:
    """How much a counter grew; None where it is not known, or was set back meanwhile."""
    if before is None or after is None or after < before:
        return None
    return after - before


def _differences(
    before: dict[str, int] | None, after: dict[str, int] | None
) -> dict[str, int] | None:
    if before is None or after is None:
        return None
    grown = {name: _difference(count, after.get(name)) for name, count in before.items()}
    return {name: count for name, count in grown.items() if count is not None}
