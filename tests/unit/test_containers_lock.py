"""The lock of an image: the suite's own, no more than a workload needs, and enough of its code."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

from containers import bases, catalogue
from containers.context import Plan
from containers.errors import UnusableInput
from containers.lock import read_lock, requirements

CHECKOUT = Path(__file__).parents[2]


def pins(text):
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", text, re.MULTILINE))


@pytest.mark.parametrize("gpus", ["", "nvidia", "amd"])
def test_an_image_has_the_versions_that_a_native_run_has(gpus):
    locked = pins((CHECKOUT / "requirements/run.txt").read_text())
    found = pins(requirements(CHECKOUT, gpus=gpus).text)
    of_gpus = {name for name in found if name.endswith("-cu12")}
    assert bool(of_gpus) == (gpus == "nvidia")
    assert {name: found[name] for name in found.keys() - of_gpus}.items() <= locked.items()


def test_an_image_for_nvidia_has_every_library_that_its_tensorflow_loads():
    from importlib import metadata

    found = requirements(CHECKOUT, gpus="nvidia").versions
    wanted = re.findall(r"^(nvidia-[a-z0-9-]+)", "\n".join(metadata.requires("tensorflow")), re.M)
    assert {"nvidia-cudnn-cu12", "nvidia-nccl-cu12"} <= set(wanted) <= found.keys()


def test_a_base_with_its_own_tensorflow_keeps_its_own_libraries_for_gpus():
    found = requirements(CHECKOUT, ["tensorflow"], whole=True, gpus="nvidia").versions
    assert not [name for name in found if name.endswith("-cu12")]


def test_an_image_has_all_that_workloads_name_and_nothing_of_the_checks():
    extras = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    needed = {
        re.sub(r"[-_.]+", "-", each.split("==")[0]).lower()
        for each in extras["optional-dependencies"]["workloads"]
    }
    found = requirements(CHECKOUT).versions
    assert needed <= found.keys()
    assert not {"reframe-hpc", "polars", "ruamel-yaml", "jinja2"} & found.keys()


def test_every_dependency_that_installed_packages_declare_is_there():
    from importlib import metadata

    from packaging.requirements import Requirement

    found = requirements(CHECKOUT).versions
    for name in found:
        for line in metadata.requires(name) or []:
            wanted = Requirement(line)
            if wanted.marker is None or wanted.marker.evaluate({"extra": ""}):
                assert re.sub(r"[-_.]+", "-", wanted.name).lower() in found, (name, line)


def test_every_pin_keeps_its_hashes():
    text = requirements(CHECKOUT).text
    for block in re.split(r"\n(?=[a-z])", text):
        assert "--hash=sha256:" in block
    assert "# via" not in text


def test_a_base_with_its_own_tensorflow_keeps_all_that_it_came_with():
    found = requirements(CHECKOUT, ["tensorflow"], whole=True).versions
    assert not {"tensorflow", "keras", "numpy", "h5py", "protobuf"} & found.keys()
    assert {"netcdf4", "numba", "mlperf-logging", "scikit-image"} <= found.keys()


def test_a_tensorflow_built_from_source_has_the_locked_rest():
    plan = Plan(catalogue.workload_image("skyline"), bases.resolve("cpu"), "0" * 40, "native")
    found = plan.requirements().versions
    assert "tensorflow" not in found
    assert {"keras", "numpy", "h5py", "protobuf"} <= found.keys()


def test_a_lock_without_a_hash_or_an_exact_version_is_refused(tmp_path):
    lock = tmp_path / "lock.txt"
    for text in ("numpy==2.0\n    # via keras\n", "numpy>=2 \\\n    --hash=sha256:aa\n"):
        lock.write_text(text)
        with pytest.raises(UnusableInput, match="no exact version and hash"):
            read_lock(lock)


def test_a_lock_that_lacks_a_need_is_refused(tmp_path):
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements/run.txt").write_text("numpy==2.0 \\\n    --hash=sha256:aa\n")
    (tmp_path / "pyproject.toml").write_text(
        '[project]\noptional-dependencies = {workloads = ["numpy==2.0", "h5py==3.0"]}\n'
    )
    with pytest.raises(UnusableInput, match="lacks h5py"):
        requirements(tmp_path)


@pytest.mark.parametrize("image", catalogue.WORKLOAD_IMAGES, ids=lambda image: image.name)
def test_an_image_carries_every_package_of_the_suite_that_its_code_imports(image):
    imported = set()
    for package in image.packages:
        for file in (CHECKOUT / "workloads" / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                names = [node.module] if isinstance(node, ast.ImportFrom) else []
                names += [each.name for each in node.names] if isinstance(node, ast.Import) else []
                imported |= {name.split(".")[1] for name in names if name and "workloads." in name}
    assert imported <= set(image.packages)


def test_every_workload_with_stages_has_an_image_or_is_in_each():
    with_stages = {path.parent.name for path in CHECKOUT.glob("workloads/*/stages")}
    in_each = set.intersection(*(set(image.packages) for image in catalogue.WORKLOAD_IMAGES))
    # It starts images, from outside.
    with_stages.remove("container")
    assert with_stages <= in_each | {image.name for image in catalogue.WORKLOAD_IMAGES}
