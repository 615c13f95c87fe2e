"""The thread that samples a run about once a second, and that nothing can make the run wait for."""

import threading
from collections.abc import Sequence
from typing import Protocol

INTERVAL_SECONDS = 1.0
# Longer than any answer takes, of sixteen GPUs one after the other; a driver that hangs takes more.
PATIENCE_SECONDS = 30.0


class Source(Protocol):
    """What is sampled: a GPU, or the energy of a host."""

    def begin(self) -> None:
        """Take what is known before the run."""

    def sample(self) -> None:
        """Take one sample."""

    def end(self) -> None:
        """Take what is known after the run."""


class Sampler:
    """Samples its sources from `start` to `stop`, in one thread that asks for everything.

    The run's own thread asks for nothing: a GPU that falls off the bus can make a call hang.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        interval: float = INTERVAL_SECONDS,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._sources = sources
        self._interval = interval
        self._patience = patience
        self._begun = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)

    def start(self) -> None:
        """Begin, and return when the first readings are taken, or will not be."""
        if self._sources:
            self._thread.start()
            self._begun.wait(self._patience)

    def stop(self) -> None:
        """Take the last readings, and return when they are taken, or will not be."""
        self._over.set()
        if self._sources:
            self._thread.join(self._patience)

    def _run(self) -> None:
        try:
            for source in self._sources:
                source.begin()
        finally:
            self._begun.set()
        while not self._over.wait(self._interval):
            for source in self._sources:
                source.sample()
        for source in self._sources:
            source.end()
