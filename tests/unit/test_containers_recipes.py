"""Recipes of every image, on every base, in both formats and both builds: linted, never built."""

import itertools
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from containers import bases, catalogue
from containers.errors import UnusableInput
from containers.recipes import places, tao
from containers.recipes.formats import Format
from containers.recipes.source import checked_march
from containers.recipes.workload_recipe import workload_recipe

COMMIT = "0123456789abcdef0123456789abcdef01234567"
HADOLINT = Path(sys.executable).with_name("hadolint")
# The base's release says which version apt installs; one `cd` in a step is plainer than a WORKDIR
# that stays; Debian's sh has no pipefail, and what stands before a pipe here cannot fail unseen.
NOT_HELD = ("DL3008", "DL3003", "DL4006")
# What an image is made of, to be built for the GPUs of the base or not.
CASES = [
    (image.name, base, march)
    for image, base, march in itertools.product(
        catalogue.WORKLOAD_IMAGES, bases.NAMED, (None, "native")
    )
    if not (base == "amd" and march)
]


def recipe(name, base, kind, march=None):
    return workload_recipe(catalogue.workload_image(name), bases.resolve(base), COMMIT, kind, march)


def sections(definition):
    """The stages of a definition: each the text by section, the header under ""."""
    stages = []
    for text in re.split(r"(?m)^(?=BootStrap:)", definition)[1:]:
        found = {}
        for part in re.split(r"(?m)^(?=%)", text):
            heading, _, body = part.partition("\n") if part.startswith("%") else ("", "", part)
            found[heading] = found.get(heading, "") + body
        stages.append(found)
    return stages


def instructions(dockerfile):
    """The stages of a Dockerfile: each a list of instruction and argument."""
    lines = re.sub(r"\\\n", " ", re.sub(r"(?m)^#.*\n", "", dockerfile)).splitlines()
    stages = []
    for line in filter(str.strip, lines):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            stages.append([])
        stages[-1].append((word, rest))
    return stages


def shell_of(kind, text):
    """All shell code of a recipe."""
    if kind is Format.DEFINITION:
        return [
            code
            for stage in sections(text)
            for name, code in stage.items()
            if name in ("%post", "%environment", "%runscript")
        ]
    return [
        re.sub(r"--mount=\S+", "", rest)
        for stage in instructions(text)
        for word, rest in stage
        if word == "RUN"
    ]


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case)))
def test_hadolint_finds_nothing_in_a_dockerfile(case, tmp_path):
    name, base, march = case
    path = tmp_path / "Dockerfile"
    path.write_text(recipe(name, base, Format.DOCKERFILE, march))
    ignored = [word for rule in NOT_HELD for word in ("--ignore", rule)]
    done = subprocess.run([HADOLINT, *ignored, path], capture_output=True, text=True)
    assert done.stdout + done.stderr == ""


@pytest.mark.parametrize("kind", Format)
@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case)))
def test_the_shell_code_of_a_recipe_can_be_parsed(case, kind):
    name, base, march = case
    found = shell_of(kind, recipe(name, base, kind, march))
    assert len(found) >= 3
    for code in found:
        done = subprocess.run(["sh", "-n"], input=code, capture_output=True, text=True)
        assert done.stderr == "", code


def test_both_formats_run_the_same_commands():
    def commands(kind):
        code = "\n".join(shell_of(kind, recipe("slstr", "nvidia-tensorflow", kind)))
        lines = re.split(r"&&|\n", code.replace("\\\n", " "))
        return {" ".join(line.split()) for line in lines}

    missing = commands(Format.DOCKERFILE) - commands(Format.DEFINITION)
    assert missing == set()


@pytest.mark.parametrize("kind", Format)
@pytest.mark.parametrize("base", bases.NAMED)
def test_pip_and_compilers_stay_in_the_stage_that_builds(base, kind):
    march = None if base == "amd" else "native"
    text = recipe("skyline", base, kind, march)
    if kind is Format.DEFINITION:
        stages = ["\n".join(stage.values()) for stage in sections(text)]
    else:
        stages = ["\n".join(rest for _, rest in stage) for stage in instructions(text)]
    building, final = stages
    assert "pip" in building
    for word in ("python3-pip", "-m pip", "git clone", "install -y build-essential", "clang "):
        assert word not in final
    assert places.HANDED_IN not in final


def test_a_base_that_brings_a_framework_loses_its_c_compilers():
    for base, lost in (
        *(("nvidia-tensorflow", True), ("amd", True)),
        *(("cpu", False), ("nvidia", False)),
    ):
        assert ("dpkg --purge" in recipe("skyline", base, Format.DEFINITION)) is lost


def test_the_pattern_of_compilers_spares_what_the_c_library_needs():
    text = recipe("skyline", "amd", Format.DEFINITION)
    pattern = re.search(r"grep -E '([^']+)'", text).group(1)
    packages = (
        "gcc\ngcc-12\ngcc-12-base\ng++-11\ncpp\nlibgcc-s1\nclang-18\nbuild-essential\nlibc6\n"
        "gcc-13-base\nlibgcc-13-dev\ncuda-nvcc-12-3\nbinutils-x86-64-linux-gnu\n"
    )
    done = subprocess.run(["grep", "-E", pattern], input=packages, capture_output=True, text=True)
    assert done.stdout.split() == ["gcc", "gcc-12", "g++-11", "cpp", "clang-18", "build-essential"]


def test_the_pattern_of_compilers_knows_those_named_for_their_processor():
    text = recipe("skyline", "amd", Format.DEFINITION)
    pattern = re.search(r"grep -E '([^']+)'", text).group(1)
    packages = "gcc-x86-64-linux-gnu\ngcc-13-x86-64-linux-gnu\ncpp-13-aarch64-linux-gnu\n"
    done = subprocess.run(["grep", "-E", pattern], input=packages, capture_output=True, text=True)
    assert done.stdout == packages


@pytest.mark.parametrize("kind", Format)
def test_a_wheel_from_source_takes_the_place_of_the_base_s_tensorflow(kind):
    """Of the same version, which pip would leave there."""
    text = recipe("skyline", "nvidia", kind, "native")
    assert "--repo_env=ML_WHEEL_TYPE=release" in text
    assert re.search(rf"install .*--no-deps .*--force-reinstall {places.WHEELS}/\*\.whl", text)


@pytest.mark.parametrize("kind", Format)
def test_a_base_with_tag_and_digest_is_fetched_by_its_digest(kind):
    digest = f"sha256:{'ab' * 32}"
    text = recipe("skyline", f"registry.site:5000/debian:12@{digest}", kind)
    fetched = re.findall(r"(?mi)^from:? (\S+)", text)
    assert fetched == [f"registry.site:5000/debian@{digest}"] * 2


@pytest.mark.parametrize("kind", Format)
def test_nvidia_s_tensorflow_keeps_its_own_and_loses_its_compilers(kind):
    text = recipe("skyline", "nvcr.io/nvidia/tensorflow:25.02-tf2-py3", kind)
    assert "--system-site-packages" in text
    assert "dpkg --purge" in text
    assert "NVIDIA_VISIBLE_DEVICES=all" in text
    assert "PIP_CONSTRAINT='' " in text


def test_the_way_in_takes_the_stages_of_the_workload():
    definition = sections(recipe("slstr", "cpu", Format.DEFINITION))[-1]
    assert definition["%runscript"].split("\n")[0].strip() == (
        f'exec {places.PYTHON} -m workloads.slstr "$@"'
    )
    last = instructions(recipe("slstr", "cpu", Format.DOCKERFILE))[-1][-1]
    assert last == ("ENTRYPOINT", f'["{places.PYTHON}", "-m", "workloads.slstr"]')


@pytest.mark.parametrize("kind", Format)
def test_the_commit_is_a_variable_and_a_label(kind):
    text = recipe("skyline", "cpu", kind)
    assert f"TRIGPOINT_COMMIT={COMMIT}" in text
    assert re.search(rf"org\.opencontainers\.image\.revision[= ]{COMMIT}", text)


@pytest.mark.parametrize("kind", Format)
def test_packages_are_installed_by_hash_and_from_wheels(kind):
    text = recipe("skyline", "cpu", kind)
    installs = re.findall(r"-m pip .*", text)
    assert len(installs) == 1
    assert "--require-hashes" in installs[0]
    assert "--only-binary :all:" in installs[0]


@pytest.mark.parametrize("kind", Format)
def test_tensorflow_from_source_has_xla_and_the_processor_s_instructions(kind):
    text = recipe("skyline", "nvidia", kind, "x86-64-v3")
    assert "--copt=-march=x86-64-v3" in text
    assert "--define=with_xla_support=true" in text
    assert "--config=cuda" in text
    assert "--config=cuda" not in recipe("skyline", "cpu", kind, "native")


def test_tensorflow_for_amd_is_not_built_from_source():
    with pytest.raises(UnusableInput, match="built by AMD"):
        recipe("skyline", "amd", Format.DEFINITION, "native")


@given(st.text(max_size=50))
def test_a_processor_s_name_is_one_plain_word(text):
    try:
        checked = checked_march(text)
    except UnusableInput:
        return
    assert shlex.quote(checked) == checked


def test_a_local_base_is_not_named_by_its_place_in_what_runs(tmp_path):
    for folder in ("etc", "usr"):
        (tmp_path / folder).mkdir()
    docker = recipe("skyline", str(tmp_path), Format.DOCKERFILE)
    assert str(tmp_path) not in docker
    assert "FROM localhost/trigpoint-base:" in docker
    final = sections(recipe("skyline", str(tmp_path), Format.DEFINITION))[-1]
    assert "localimage" in final.pop("")
    assert str(tmp_path) not in "".join(final.values()).replace(f"From: {tmp_path}", "")


@pytest.mark.parametrize("kind", Format)
@pytest.mark.parametrize("version", tao.VERSIONS)
def test_nothing_is_installed_over_tao(version, kind):
    text = tao.tao_recipe(version, kind)
    assert tao.VERSIONS[version] in text
    assert "install" not in text
    assert "TELEMETRY_OPT_OUT=1" in text
    assert "exec exec" not in text


def test_tao_is_offered_as_the_published_generator_did():
    assert {"all", "newest", "3.21.08", "3.21.11", "3.21.12"} <= set(tao.CHOICES)
    assert tao.chosen("all") == list(tao.VERSIONS)
    assert tao.chosen("newest") == ["5.0.0"]
    assert tao.VERSIONS["3.21.12"].endswith("v3.21.11-tf1.15.5-py3")
    with pytest.raises(UnusableInput, match="there is no TAO"):
        tao.chosen("6.0.0")
