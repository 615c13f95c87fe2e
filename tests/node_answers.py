"""Answers of nodes that there are not, and the partitions that they are held against."""

import sys
from pathlib import Path
from types import SimpleNamespace

from systems.probing import judgement
from systems.probing.answer import Answer, Gpu, Gpus, Place, TensorFlow, VisibleGpu
from systems.probing.job import CHECKOUT

CHECKOUT_SEEN = Place(True, True, True, True, 10**12, "nfs4", "")
FINE = Place(True, True, True, True, 10**12, "xfs", "")
ABSENT = Place(False, False, False, False, 0, "", "")
FULL = Place(True, True, True, False, 0, "xfs", "[Errno 28] No space left on device")
LOCKED = Place(True, True, False, False, 10**12, "xfs", "")


def stand_in(folder, name, script):
    """A program of a vendor's that this machine does not have."""
    path = Path(folder, name)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def gpus(count, name="NVIDIA A100-SXM4-80GB", profile="", **more):
    found = [Gpu(name, f"GPU-{each}", profile, "555") for each in range(count)]
    return Gpus(**{"source": "nvidia-smi", "found": found, "complaint": ""} | more)


def sees(count, build="CUDA 12.5.1"):
    return TensorFlow("", "2.21.0", build, [VisibleGpu("a", "8.0")] * count, [])


def answer(**more):
    usual = {"node": "n1", "python": sys.executable, "gpus": gpus(0), "tensorflow": sees(0)}
    usual |= {"clock": [[0.0, 0.0, 0.0]], "time_service": "", "runtimes": []}
    usual["places"] = {str(CHECKOUT): CHECKOUT_SEEN, sys.executable: CHECKOUT_SEEN}
    usual["places"] |= more.pop("places", {})
    return Answer(failed={}, **(usual | more))


def partition(count=0, model=None, *, arch=None, platforms=(), **extras):
    info = {key: value for key, value in (("model", model), ("arch", arch)) if value}
    device = SimpleNamespace(device_type="gpu", num_devices=count, info=info)
    return SimpleNamespace(
        fullname="c:gpu",
        devices=[device] if count else [],
        extras=extras,
        container_environs=dict.fromkeys(platforms),
        container_runtime=next(iter(platforms), None),
    )


def judged(of, found, failure=""):
    """The lines by their subject."""
    job = SimpleNamespace(number="7", answer=found, failure=failure, waited=3.2)
    return {each.subject: each for each in judgement.judge(of, job).findings}
