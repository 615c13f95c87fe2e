"""The extras of a partition that the checks read, and what each may be."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from checks.base import site_containers

WORKLOADS = Path(__file__).resolve().parents[2] / "workloads"
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
COUNT = "a whole number above 0"


def is_count(value: Any) -> bool:
    """Whether a value is a whole number above 0."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def is_list_of_variables(value: Any) -> bool:
    """Whether a value is a list of names that environment variables may have."""
    return isinstance(value, list) and all(
        isinstance(name, str) and re.fullmatch(r"[A-Za-z_]\w*", name) for name in value
    )


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip()) and value.isprintable()


def _is_folder(value: Any) -> bool:
    return _is_text(value) and value.startswith("/")


def _is_storage(value: Any) -> bool:
    return _is_mapping_of(value, lambda kind: re.fullmatch(r"[a-z]\w*", kind), _is_folder)


def _is_data(value: Any) -> bool:
    return _is_mapping_of(value, _is_workload, _is_folder)


def _is_images(value: Any) -> bool:
    return _is_mapping_of(value, _is_workload, site_containers.is_image)


def _is_image_sources(value: Any) -> bool:
    return _is_mapping_of(value, _is_workload, site_containers.is_pinned)


def _is_missing_images(value: Any) -> bool:
    return value in site_containers.MISSING_IMAGES


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


#: Whether a value is right, and what is expected of it.
KNOWN_EXTRAS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "num_nodes": (is_count, COUNT),
    "storage": (
        _is_storage,
        "kinds of storage and the absolute path of each",
    ),
    "data": (_is_data, "workloads and the absolute path of the dataset of each"),
    "scratch": (_is_folder, "an absolute path"),
    "images": (
        _is_images,
        "workloads and the image of each, an absolute path or REGISTRY/NAME@sha256:...,",
    ),
    "missing_images": (_is_missing_images, "'build' or 'pull'"),
    "image_sources": (_is_image_sources, "workloads and REGISTRY/NAME@sha256:... of each"),
    "gpu_peak_tflops": (_is_peaks, f"a number above 0 for some of {', '.join(PRECISIONS)}"),
    "interconnect": (_is_interconnect, "{'name': 'InfiniBand EDR', 'interface': 'ib0'}"),
    "mig_profile": (_is_mig_profile, "the profile of a MIG instance, '3g.40gb',"),
    "required_environment": (is_list_of_variables, "a list of environment variables"),
}
