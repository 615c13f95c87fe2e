"""Refuses a site file that does not say clearly what the checks read of it.

ReFrame checks its own fields against a schema; `features` and `extras` are free to it, so that a
misspelt one would silently change what is measured. Loaded with the checks, before anything runs:
the complaints name system:partition, the field, and what is expected there."""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Protocol

from reframe.core.exceptions import ReframeFatalError
from reframe.core.runtime import runtime

WORKLOADS = Path(__file__).resolve().parents[2] / "workloads"
GPU = "gpu"
FEATURES = (GPU, "offline")
#: What says nothing without a GPU; the resource is that with which a job asks for GPUs.
GPU_RESOURCE = "_rfm_gpu"
GPU_EXTRAS = ("gpu_peak_tflops", "mig_profile")
# ReFrame puts these among the extras itself.
REFRAME_EXTRAS = ("launcher", "scheduler")
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
# Near enough for a slip of the fingers, not for a name of the site's own such as `gpu2`.
MISSPELT = 0.87


class SiteError(ValueError):
    """A configuration that the checks cannot work with; the message has a line for each field."""


class Partition(Protocol):
    """The part of ReFrame's `SystemPartition` that is read here."""

    fullname: str
    access: Any
    devices: Any
    environs: Any
    extras: Any
    features: Any
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
    if found:
        raise SiteError("\n".join(found))


def complaints(partition: Partition, environment: Mapping[str, str]) -> list[str]:
    """What is wrong with a partition, a line for each field; variables that are not set alone,
    because they leave other fields empty. Fields that are right are held against each other."""
    found = _unset(partition.extras.get("required_environment", []), environment)
    found = found or [*_own_fields(partition), *_features(partition), *_extras(partition.extras)]
    found = found or [*_contradictions(partition)]
    return [f"{partition.fullname}: {each}" for each in found]


def _unset(names: Any, environment: Mapping[str, str]) -> list[str]:
    if not _is_list_of_variables(names):
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
    if not _is_count(num_cpus):
        yield f"processor: num_cpus: {_COUNT} is expected, not {num_cpus!r}"

    for device in partition.devices:
        kind, number = device.info.get("type"), device.num_devices
        if kind != GPU:
            yield f"devices: type: {GPU!r} is the only one that is known, not {kind!r}"

        if not _is_count(number):
            yield f"devices: num_devices: {_COUNT} is expected, not {number!r}"


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


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip()) and value.isprintable()


def _is_folder(value: Any) -> bool:
    return _is_text(value) and value.startswith("/")


def _is_storage(value: Any) -> bool:
    return _is_mapping_of(value, lambda kind: re.fullmatch(r"[a-z]\w*", kind), _is_folder)


def _is_data(value: Any) -> bool:
    return _is_mapping_of(value, _is_workload, _is_folder)


def _is_images(value: Any) -> bool:
    return _is_mapping_of(value, _is_workload, _is_text)


def _is_peaks(value: Any) -> bool:
    return _is_mapping_of(
        value,
        lambda precision: precision in PRECISIONS,
        lambda peak: isinstance(peak, int | float) and not isinstance(peak, bool) and peak > 0,
    )


def _is_interconnect(value: Any) -> bool:
    if not isinstance(value, dict) or not {"name"} <= set(value) <= {"name", "interface"}:
        return False

    interface = value.get("interface", "any")
    return (
        _is_text(value["name"])
        and isinstance(interface, str)
        and bool(re.fullmatch(r"[\w.:@-]{1,15}", interface))
    )


def _is_mig_profile(value: Any) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"(\d+c\.)?\d+g\.\d+gb(\+[a-z.]+)?", value))


def _is_list_of_variables(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(name, str) and re.fullmatch(r"[A-Za-z_]\w*", name) for name in value
    )


def _is_workload(name: str) -> bool:
    return name.isidentifier() and (WORKLOADS / name / "__main__.py").exists()


def _is_mapping_of(
    value: Any, is_key: Callable[[str], Any], is_value: Callable[[Any], bool]
) -> bool:
    return (
        isinstance(value, dict)
        and bool(value)
        and all(isinstance(key, str) and is_key(key) for key in value)
        and all(is_value(each) for each in value.values())
    )


_COUNT = "a whole number above 0"
#: Whether a value is right, and what is expected of it.
KNOWN_EXTRAS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "num_nodes": (_is_count, _COUNT),
    "storage": (
        _is_storage,
        "kinds of storage and the absolute path of each",
    ),
    "data": (_is_data, "workloads and the absolute path of the dataset of each"),
    "scratch": (_is_folder, "an absolute path"),
    "images": (_is_images, "workloads and the image of each"),
    "gpu_peak_tflops": (_is_peaks, f"a number above 0 for some of {', '.join(PRECISIONS)}"),
    "interconnect": (_is_interconnect, "{'name': 'InfiniBand EDR', 'interface': 'ib0'}"),
    "mig_profile": (_is_mig_profile, "the profile of a MIG instance, '3g.40gb',"),
    "required_environment": (_is_list_of_variables, "a list of environment variables"),
}
