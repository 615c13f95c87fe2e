"""A copy of a dataset on every node of a group, made by the first of the node's processes."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from workloads.common.devices import Devices
from workloads.common.group.agreement import gather_text
from workloads.common.group.peers import together
from workloads.common.records import Recorder
from workloads.common.staging import Dataset, staged


@contextlib.contextmanager
def on_every_node(
    devices: Devices, dataset: Dataset, scratch: Path, recorder: Recorder
) -> Iterator[Path]:
    """Yield this node's copy of `dataset` on `scratch`, when all nodes have theirs.

    Records what that took. The copies are removed at the end. Raises what `staged` raises, in
    every process, where one node's copy failed.
    """
    started = time.perf_counter()
    first = devices.group.local_ranks[0]
    with contextlib.ExitStack() as stack:

        def copy() -> tuple[str, int]:
            if devices.group.rank != first:
                return "", 0
            folder, size = stack.enter_context(staged(dataset, scratch, devices.reports))
            return str(folder), size

        folder, size = together(devices, copy)
        folders = gather_text(devices, folder)
        recorder.event("staged_bytes", size)
        recorder.metric("staging_seconds", time.perf_counter() - started)
        yield Path(folders[first])
