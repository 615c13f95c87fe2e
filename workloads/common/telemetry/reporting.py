"""Telemetry of a training run: what its GPUs and hosts went through, and what that cost.

Sampled by each process for its own GPUs, and by one process of each node for the node. Recorded is
what all of them know: a sum that lacks a part is no figure.
"""

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from typing import Any

from workloads.common.devices import Devices
from workloads.common.group.agreement import gather_text
from workloads.common.group.process_group import node_name
from workloads.common.records import Recorder
from workloads.common.telemetry.gpu_devices import local_gpus
from workloads.common.telemetry.gpu_sampling import Sampler
from workloads.common.telemetry.gpu_watch import GpuWatch, leave_word
from workloads.common.telemetry.host_energy import HostEnergy, find_host_energy


class Telemetry:
    """What one process samples; nothing at all where there is nothing to be sampled."""

    def __init__(self, watches: Sequence[GpuWatch] = (), host: HostEnergy | None = None) -> None:
        self._watches = watches
        self._host = host
        self._sampler = Sampler([*watches, *([] if host is None else [host])])

    @contextlib.contextmanager
    def sampled(self, recorder: Recorder, reports: bool) -> Iterator[None]:
        """Sample while the body runs.

        Should it fail, what is known of this process's GPUs is left at once: in the records by the
        process that `reports`, on standard error by any other.
        """
        self._sampler.start()
        try:
            yield
        except BaseException:
            self._sampler.stop()
            if self._watches and reports:
                recorder.provenance(gpu_health=self.gpu_health())
            elif self._watches:
                leave_word(self.gpu_health())
            raise
        self._sampler.stop()

    def gpu_health(self) -> list[dict[str, Any]]:
        """What is known of each of this process's GPUs."""
        return [watch.health() for watch in self._watches]

    def text(self) -> str:
        """All that was sampled here, for `summarise` on the process that reports."""
        joules = None if self._host is None else self._host.joules()
        source = None if self._host is None else self._host.source
        return json.dumps({"gpus": self.gpu_health(), "source": source, "joules": joules})


def open_telemetry(devices: Devices) -> Telemetry:
    """Telemetry of this process's GPUs, and of its node or the whole run where that is its task."""
    library, gpus = local_gpus()
    node = node_name(os.environ)
    group = devices.group
    host = find_host_energy(group.rank == 0, group.rank == group.local_ranks[0])
    return Telemetry([GpuWatch(library, gpu, node) for gpu in gpus], host)


def record_telemetry(
    recorder: Recorder, devices: Devices, telemetry: Telemetry, images: int
) -> None:
    """Record what was sampled in all processes while they trained on `images`."""
    texts = gather_text(devices, telemetry.text())
    nodes = len(set(devices.group.nodes))
    provenance, figures = summarise(texts, devices.gpus, nodes, images)
    recorder.provenance(**provenance)
    for name, value in figures.items():
        recorder.metric(name, value)


def summarise(
    texts: list[str], gpus: int, nodes: int, images: int
) -> tuple[dict[str, Any], dict[str, float]]:
    """Provenance and metrics of a run from every process's `Telemetry.text`, in rank order.

    The run had so many `gpus` and `nodes`, and trained on so many `images`.
    """
    parts = [json.loads(text) for text in texts]
    health = [gpu for part in parts for gpu in part["gpus"]]
    provenance: dict[str, Any] = {}
    if health:
        drivers = {gpu["driver_version"] for gpu in health if "driver_version" in gpu}
        provenance["gpu_health"] = health
        provenance["gpu_uuids"] = [gpu["uuid"] for gpu in health]
        if drivers:
            provenance["driver_version"] = ", ".join(sorted(drivers))
    figures = {}
    joules = [gpu["energy_joules"] for gpu in health if "energy_joules" in gpu]
    if gpus and len(joules) == gpus:
        figures["energy_joules"] = sum(joules)
        figures["joules_per_image"] = sum(joules) / images
    shares = [gpu["utilisation"] for gpu in health if "utilisation" in gpu]
    if gpus and len(shares) == gpus:
        figures["gpu_utilisation"] = sum(shares) / gpus
    source, host_joules = _host_energy(parts, nodes)
    if host_joules is not None:
        provenance["host_energy_source"] = source
        figures["host_energy_joules"] = host_joules
    return provenance, figures


def _host_energy(parts: list[dict[str, Any]], nodes: int) -> tuple[str | None, float | None]:
    """Slurm tells the first rank of all nodes; RAPL each node's first process of its own."""
    source = parts[0]["source"]
    if source == "slurm":
        return source, parts[0]["joules"]
    counted = [part["joules"] for part in parts if part["source"] == source]
    known = [joules for joules in counted if joules is not None]
    return source, sum(known) if source is not None and len(known) == nodes else None
