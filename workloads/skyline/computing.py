"""What a skyline stage that computes reports of its devices, and of how its input reached them."""

import argparse

from workloads.common.computing import record_computing_devices
from workloads.common.devices import Devices
from workloads.common.records import Recorder


def record_devices(recorder: Recorder, options: argparse.Namespace, devices: Devices) -> None:
    """Record what a run asked for, what it computed on, and how its input reached it.

    Every process has to call it. Raises RunFailed where one is lost.
    """
    record_computing_devices(recorder, options.gpus, devices)
    recorder.provenance(
        engine="tensorflow",
        pipeline=options.pipeline,
        prefetch_to_device=options.prefetch_to_device,
    )
