"""Refuses a site file that does not say clearly what the checks read of it.

ReFrame checks its own fields against a schema; `features` and `extras` are free to it, so that a
misspelt one would silently change what is measured. Loaded with the checks, before anything runs:
the complaints name system:partition, the field, and what is expected there."""

import os
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Protocol

from reframe.core.exceptions import ReframeFatalError
from reframe.core.runtime import runtime

from checks.base import site_containers
from checks.base.gpu_access import WSL2
from checks.base.site_extras import COUNT, KNOWN_EXTRAS, is_count, is_list_of_variables

GPU = "gpu"
FEATURES = (GPU, "offline", WSL2)
#: What says nothing without a GPU; the resource is that with which a job asks for GPUs.
GPU_RESOURCE = "_rfm_gpu"
GPU_EXTRAS = ("gpu_peak_tflops", "mig_profile")
# ReFrame puts these among the extras itself.
REFRAME_EXTRAS = ("launcher", "scheduler")
# Near enough for a slip of the fingers, not for a name of the site's own such as `gpu2`.
MISSPELT = 0.87


class SiteError(ValueError):
    """A configuration that the checks cannot work with; the message has a line for each field."""


class Partition(Protocol):
    """The part of ReFrame's `SystemPartition` that is read here."""

    fullname: str
    access: Any
    container_environs: Any
    devices: Any
    environs: Any
    extras: Any
    features: Any
    launcher_type: Any
    processor: Any
    resources: Any
    scheduler: Any


def validate() -> None:
    """Raises SiteError where a partition of the selected system is not as the checks expect it.
    Without a ReFrame session (a unit test that imports a base module) there is none to look at."""
    try:
        partitions = runtime().system.partitions
    except ReframeFatalError:
        return

    found = [line for each in partitions for line in complaints(each, os.environ)]
    found = found or [*site_containers.contested(partitions)]
    if found:
        raise SiteError("\n".join(found))


def complaints(partition: Partition, environment: Mapping[str, str]) -> list[str]:
    """What is wrong with a partition, a line for each field; variables that are not set alone,
    because they leave other fields empty. Fields that are right are held against each other."""
    found = _unset(partition.extras.get("required_environment", []), environment)
    found = found or [*_own_fields(partition), *_features(partition), *_extras(partition.extras)]
    found = found or [*_contradictions(partition), *site_containers.complaints(partition)]
    return [f"{partition.fullname}: {each}" for each in found]


def _unset(names: Any, environment: Mapping[str, str]) -> list[str]:
    if not is_list_of_variables(names):
        return []

    unset = [name for name in names if not environment.get(name)]
    if not unset:
        return []

    return [f"required_environment: set and export {', '.join(unset)} (see docs/sites.md)"]


def _own_fields(partition: Partition) -> Iterable[str]:
    if not partition.environs:
        yield "environs: at least one is expected, ['builtin'] for instance: none runs no case"

    for option in partition.access:
        if not option.isprintable():
            yield f"access: one line without control characters is expected, not {option!r}"

    num_cpus = partition.processor.info.get("num_cpus", 1)
    if not is_count(num_cpus):
        yield f"processor: num_cpus: {COUNT} is expected, not {num_cpus!r}"

    for device in partition.devices:
        kind, number = device.info.get("type"), device.num_devices
        if kind != GPU:
            yield f"devices: type: {GPU!r} is the only one that is known, not {kind!r}"

        if not is_count(number):
            yield f"devices: num_devices: {COUNT} is expected, not {number!r}"


def _features(partition: Partition) -> Iterable[str]:
    for feature in partition.features:
        known = get_close_matches(feature.lower(), FEATURES, n=1, cutoff=MISSPELT)
        if known and feature not in FEATURES:
            yield f"features: {feature!r} is not read by any check: is {known[0]!r} meant?"


def _contradictions(partition: Partition) -> Iterable[str]:
    if any(device.info["type"] == GPU for device in partition.devices):
        if not partition.scheduler.is_local and GPU_RESOURCE not in partition.resources:
            yield f"resources: {GPU_RESOURCE} is missing, without which a job gets none of the GPUs"

        return

    for field, name, names in (
        ("features", GPU, partition.features),
        ("resources", GPU_RESOURCE, partition.resources),
        *(("extras", name, partition.extras) for name in GPU_EXTRAS),
    ):
        if name in names:
            yield f"{field}: {name} is declared, but no device of type {GPU!r} in `devices`"


def _extras(extras: Mapping[str, Any]) -> Iterable[str]:
    for name, value in extras.items():
        if name in REFRAME_EXTRAS:
            continue

        if name not in KNOWN_EXTRAS:
            yield f"extras: {name!r} is unknown; there are {', '.join(KNOWN_EXTRAS)}"
            continue

        is_right, expectation = KNOWN_EXTRAS[name]
        if not is_right(value):
            yield f"extras: {name}: {expectation} is expected, not {value!r}"
