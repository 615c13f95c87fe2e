"""What starts an image holds whatever stands in a path, gives the GPUs of whoever made them, and a
site file that says of platforms or images what nobody can use is refused."""

import os
import shlex
from types import SimpleNamespace
from typing import Any

import pytest
import reframe.core.containers as containers
from hypothesis import given
from hypothesis import strategies as st
from reframe.core.exceptions import ReframeError

from checks.base import bind_mounts, container_options, container_platforms, site_containers
from checks.base.container_platforms import PLATFORMS
from checks.base.gpu_access import ACCESS, AMD, NVIDIA, gpu_access, vendor
from checks.base.images import Image

PINNED = f"registry.example/fake@sha256:{'0123456789abcdef' * 4}"
PATHS = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_categories=["Cc"]), min_size=1
).map(lambda text: "/" + text.replace("/", "").strip("."))
CANNOT_BE_BOUND = '"$`\\:,'
#: Platform -> vendor -> what stands among its options.
FLAGS = {
    "apptainer": {NVIDIA: ("--nv",), AMD: ("--rocm",)},
    "singularity": {NVIDIA: ("--nv",), AMD: ("--rocm",)},
    "docker": {NVIDIA: ("--gpus all",), AMD: ("--device /dev/kfd", "--device /dev/dri")},
    "podman": {
        NVIDIA: ("--device nvidia.com/gpu=all",),
        AMD: ("--device /dev/kfd", "--device /dev/dri"),
    },
}


@pytest.fixture(autouse=True)
def installed() -> None:
    """The platforms that ReFrame lacks."""
    container_platforms.install()


def partition(arch: str | None = "volta", *features: str, **extras: Any) -> SimpleNamespace:
    """As much of a partition as is read here; without an `arch` it has no GPU."""
    gpu = SimpleNamespace(device_type="gpu", info={"type": "gpu", "arch": arch})
    devices = [gpu] if arch else []
    return SimpleNamespace(devices=devices, features=features, extras=extras)


def case(data: str, **extras: Any) -> SimpleNamespace:
    """As much of a case as is read here."""
    part = partition(None, **extras)
    return SimpleNamespace(current_partition=part, storage="local", data=data, stagedir="/s/c")


@given(PATHS)
def test_any_path_is_one_word_at_its_own_place_or_refused(path: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bind_mounts, "runtime", lambda: SimpleNamespace(stage_prefix="/s"))
        if set(CANNOT_BE_BOUND) & set(path) or not path.isprintable():
            with pytest.raises(ReframeError, match="cannot be bound in an image"):
                bind_mounts.bound_folders(case(path))
            return

        folders = bind_mounts.bound_folders(case(path))

    for name in PLATFORMS:
        platform = containers.ContainerPlatform.create(PLATFORMS[name].name)
        platform.image = PLATFORMS[name].image(path)
        platform.mount_points = [(each, each) for each in folders]
        platform.mount_stagedir = None
        platform.workdir = shlex.quote(path)
        platform.command = "python"
        words = shlex.split(platform.launch_command("/s/c"))
        assert words[-1] == "python"
        mounts = [mount for word in words for mount in word.split(",") if path in mount]
        mounts += [word for word in words if word.startswith("--mount=")]
        assert set(mounts) & {
            f"{path}:{path}",
            f"-B{path}:{path}",
            f"--mount=type=bind,source={path},destination={path}",
        }, words


def test_the_folders_are_the_stage_the_cache_the_data_and_the_scratch_each_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bind_mounts, "runtime", lambda: SimpleNamespace(stage_prefix="/s"))
    monkeypatch.setenv("TRIGPOINT_CACHE", "/cache")
    assert bind_mounts.bound_folders(case("")) == ["/s", "/cache"]
    extras = {"storage": {"local": "/cache/ssd"}, "scratch": "/s"}
    assert bind_mounts.bound_folders(case("/data", **extras)) == ["/s", "/cache/ssd", "/data"]
    assert bind_mounts.bound_folders(case("here")) == ["/s", "/cache", "/s/c/here"]


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize(("arch", "maker"), [("volta", NVIDIA), (None, ""), ("gfx90a", AMD)])
def test_gpus_are_given_by_platform_and_maker(platform: str, arch: str | None, maker: str) -> None:
    part = partition(arch)
    assert vendor(part) == maker
    expected = FLAGS.get(platform, {}).get(maker, ())
    assert gpu_access(platform, part).options == expected
    assert {(platform, NVIDIA), (platform, AMD)} <= ACCESS.keys()


def test_under_wsl2_nvidia_s_libraries_are_found_by_their_own_tool() -> None:
    for platform in PLATFORMS:
        options = gpu_access(platform, partition("volta", "wsl2")).options
        is_apptainer = PLATFORMS[platform].runs_sif
        assert options == (
            ("--nv", "--nvccli") if is_apptainer else FLAGS.get(platform, {}).get(NVIDIA, ())
        )
        amd = gpu_access(platform, partition("gfx90a", "wsl2")).options
        assert amd == FLAGS.get(platform, {}).get(AMD, ())


def test_a_reference_with_a_tag_is_fetched_by_its_digest_where_both_are_refused() -> None:
    digest = f"sha256:{'0' * 64}"
    reference = f"registry.example:5000/fake:1.0@{digest}"
    expected = dict.fromkeys(PLATFORMS, reference)
    expected["apptainer"] = expected["singularity"] = (
        f"docker://registry.example:5000/fake@{digest}"
    )
    expected["pyxis"] = f"registry.example:5000#fake:{digest}"
    assert {name: each.address(reference) for name, each in PLATFORMS.items()} == expected


def test_a_gpu_partition_s_image_is_built_for_its_gpus() -> None:
    image = Image("skyline", "/i/skyline.sif")
    start = ["-m", "containers", "build", "skyline"]
    assert image.build_command(partition(None)) == [*start, "--output", "/i/skyline.sif"]
    for arch, base in (("volta", "nvidia"), ("gfx90a", "amd")):
        words = [*start, "--base", base, "--output", "/i/skyline.sif"]
        assert image.build_command(partition(arch)) == words


def site(*platforms: str, launcher: str = "srun", **extras: Any) -> SimpleNamespace:
    """As much of a partition as a site file's complaints are about."""
    return SimpleNamespace(
        container_environs=dict.fromkeys(platforms),
        extras=extras,
        launcher_type=SimpleNamespace(registered_name=launcher),
    )


@pytest.mark.parametrize(
    ("part", "complaint"),
    [
        (site("apptainer"), "'apptainer' is none that is known: is 'Apptainer' meant?"),
        (site("Singularty"), "'Singularty' is none that is known: is 'Singularity' meant?"),
        (site("Charliecloud"), "'Charliecloud' is none that is known: there are Apptainer, "),
        (site("Pyxis", launcher="mpirun"), "Pyxis is an option of srun"),
        (site("Docker", missing_images="build"), "for Apptainer and Singularity alone"),
        (
            site("Apptainer", missing_images="build", images={"skyline": PINNED}),
            "images: skyline: missing_images='build' makes files",
        ),
        (
            site("Apptainer", missing_images="pull", images={"skyline": "/i.sif"}),
            "image_sources: skyline: missing_images='pull' needs to know what /i.sif is of",
        ),
        (site("Apptainer", image_sources={"skyline": PINNED}), "they are read where"),
    ],
)
def test_what_no_check_could_use_is_refused_when_the_site_is_loaded(
    part: SimpleNamespace, complaint: str
) -> None:
    [found] = site_containers.complaints(part)
    assert complaint in found


@pytest.mark.parametrize(
    "part",
    [
        site(),
        site(*(each.name for each in PLATFORMS.values())),
        site("Apptainer", missing_images="build", images={"skyline": "/i.sif"}),
        site(
            "Singularity",
            missing_images="pull",
            images={"skyline": "/i.sif", "slstr": PINNED},
            image_sources={"skyline": PINNED},
        ),
    ],
)
def test_what_checks_can_use_is_not_refused(part: SimpleNamespace) -> None:
    assert [*site_containers.complaints(part)] == []


@pytest.mark.parametrize(
    ("platform", "user", "expected"),
    [
        ("docker", 1000, ["--user 1000:100", "--group-add 27", "--group-add 44"]),
        ("podman", 1000, ["--userns=keep-id", "--user 1000:100", "--group-add keep-groups"]),
        ("podman", 0, ["--user 0:100", "--group-add 27", "--group-add 44"]),
    ],
)
def test_a_container_s_user_has_the_groups_of_the_caller(
    monkeypatch: pytest.MonkeyPatch, platform: str, user: int, expected: list[str]
) -> None:
    """AMD's GPUs and the data of a project are for members alone."""
    for name, value in (("getuid", user), ("getgid", 100), ("getgroups", [100, 44, 27])):
        monkeypatch.setattr(os, name, lambda value=value: value)
    no_variables = SimpleNamespace(env_vars={})
    place = SimpleNamespace(**vars(partition(None)), local_env=no_variables, container_environs={})
    test = SimpleNamespace(
        current_partition=place, current_environ=no_variables, env_vars={}, num_gpus_per_node=0
    )
    assert container_options.options(test, platform)[: len(expected)] == expected


def test_one_file_is_not_built_for_the_gpus_of_two_partitions() -> None:
    def named(name: str, arch: str | None, image: str, missing: str = "build") -> SimpleNamespace:
        found = partition(arch, images={"skyline": image}, missing_images=missing)
        return SimpleNamespace(**vars(found), fullname=name)

    cpu, gpu = named("s:cpu", None, "/i.sif"), named("s:gpu", "volta", "/i.sif")
    [found] = site_containers.contested([cpu, gpu])
    assert found.startswith("s:gpu: images: skyline: /i.sif is built there for GPUs of nvidia")
    for other in (
        named("s:gpu", "volta", "/gpu.sif"),
        named("s:gpu", "volta", "/i.sif", missing="pull"),
        named("s:more", None, "/i.sif"),
    ):
        assert [*site_containers.contested([cpu, other])] == []


@pytest.mark.parametrize(
    ("value", "is_right"),
    [
        ("/images/skyline.sif", True),
        (PINNED, True),
        (f"localhost:5000/a/b:1.0@sha256:{'a' * 64}", True),
        (f"fake@sha256:{'a' * 64}", True),
        ("skyline.sif", False),
        ("registry.example/fake:1.0", False),
        (f"docker://{PINNED}", False),
        (f"fake@sha256:{'a' * 63}", False),
        ("/images/\nskyline.sif", False),
        ("/images|old/skyline.sif", False),
        (f"fake;rm@sha256:{'a' * 64}", False),
        (7, False),
    ],
)
def test_an_image_is_a_path_or_a_reference_with_its_digest(value: object, is_right: bool) -> None:
    assert site_containers.is_image(value) is is_right
