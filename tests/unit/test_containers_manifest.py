"""Contexts and manifests: the same from the same, and current only while nothing has changed."""

import dataclasses
import json
import os
import signal
import subprocess
import sys

import pytest

from containers import bases, building, catalogue, pinning
from containers.__main__ import INTERRUPTED
from containers.checkout import CHECKOUT, code_files, commit_of
from containers.context import Plan, write_context
from containers.digests import text_digest
from containers.errors import BuildFailed, UnusableInput
from containers.manifest import Manifest, is_current, manifest_path, read_manifest, write_manifest
from containers.oci_archive import read_configuration, read_file
from containers.recipes.formats import Format
from containers.registry_client import NoAnswer

DIGEST = "sha256:" + "ab" * 32


@pytest.fixture(autouse=True)
def registry(monkeypatch):
    """Answers in every registry's place with the digest that it is told to give, or with none."""

    def tell(digest=None):
        def resolve_digest(reference):
            if digest is None:
                raise NoAnswer("registry.invalid: Network is unreachable")
            return digest

        monkeypatch.setattr(pinning, "resolve_digest", resolve_digest)

    tell()
    return tell


@pytest.fixture
def checkout(tmp_path):
    """A git checkout of a small suite."""
    folder = tmp_path / "checkout"
    for name in ("__init__.py", "common/__init__.py", "skyline/a.py", "slstr/b.py", "devices/c.py"):
        path = folder / "workloads" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x = 1\n")
    (folder / "requirements").mkdir()
    (folder / "requirements/run.txt").write_text("numpy==2.0 \\\n    --hash=sha256:aa\n")
    (folder / "pyproject.toml").write_text(
        '[project]\noptional-dependencies = {workloads = ["numpy==2.0"]}\n'
    )
    (folder / ".gitignore").write_text("__pycache__/\n")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "a"]):
        subprocess.run([*git, *words], cwd=folder, check=True)
    return folder


def plan(checkout, base="cpu"):
    return Plan(
        catalogue.workload_image("skyline"),
        bases.resolve(base),
        commit_of(checkout),
        checkout=checkout,
    )


def test_a_commit_says_when_code_differs_from_it(checkout):
    assert "-modified" not in commit_of(checkout)
    (checkout / "notes.txt").write_text("not code\n")
    assert "-modified" not in commit_of(checkout)
    (checkout / "workloads/skyline/new.py").write_text("y = 1\n")
    assert commit_of(checkout).endswith("-modified")
    (checkout / "workloads/skyline/new.py").unlink()
    (checkout / "pyproject.toml").write_text("changed\n")
    assert commit_of(checkout).endswith("-modified")


def test_a_folder_that_is_no_checkout_is_refused(tmp_path):
    with pytest.raises(UnusableInput, match="is no git checkout"):
        commit_of(tmp_path)


def test_an_image_carries_its_own_workload_and_no_ignored_file(checkout):
    (checkout / "workloads/skyline/__pycache__").mkdir()
    (checkout / "workloads/skyline/__pycache__/a.pyc").write_bytes(b"")
    found = {str(file) for file in code_files(checkout, ("common", "skyline"))}
    assert found == {
        "workloads/__init__.py",
        "workloads/common/__init__.py",
        "workloads/skyline/a.py",
    }


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_the_same_sources_have_the_same_digests(checkout, tmp_path, umask):
    first = write_context(plan(checkout), Format.DEFINITION, tmp_path / "a")
    old = os.umask(umask)
    try:
        second = write_context(plan(checkout), Format.DEFINITION, tmp_path / "b")
    finally:
        os.umask(old)
    assert second.recipe_digest == first.recipe_digest
    assert second.sources_digest == first.sources_digest


def test_a_change_of_code_changes_the_sources_alone(checkout, tmp_path):
    same = plan(checkout)
    first = write_context(same, Format.DEFINITION, tmp_path / "a")
    (checkout / "workloads/skyline/a.py").write_text("x = 2\n")
    second = write_context(same, Format.DEFINITION, tmp_path / "b")
    assert second.sources_digest != first.sources_digest
    assert second.recipe_digest == first.recipe_digest


def test_a_change_of_another_workload_changes_nothing(checkout, tmp_path):
    same = plan(checkout)
    first = write_context(same, Format.DEFINITION, tmp_path / "a")
    (checkout / "workloads/slstr/b.py").write_text("x = 2\n")
    second = write_context(same, Format.DEFINITION, tmp_path / "b")
    assert second.sources_digest == first.sources_digest


def test_what_the_image_is_stands_in_its_context(checkout, tmp_path):
    write_context(plan(checkout), Format.DOCKERFILE, tmp_path / "a")
    found = json.loads((tmp_path / "a/image.json").read_text())
    assert found["suite_commit"] == commit_of(checkout)
    assert found["workload"] == "skyline"
    assert found["locked"] == {"numpy": "2.0"}
    assert (tmp_path / "a/inside/trigpoint_image.py").is_file()


def manifest(image, **changes):
    facts = dict.fromkeys((field.name for field in dataclasses.fields(Manifest)), "a")
    facts |= {
        "image_digest": building.path_digest(image),
        "image_bytes": 1,
        "build_seconds": 1.0,
        "packages": {},
    }
    return Manifest(**(facts | changes))


@pytest.fixture
def image(tmp_path):
    """An image with a manifest beside it."""
    path = tmp_path / "a.sif"
    path.write_bytes(b"image")
    write_manifest(path, manifest(path))
    return path


SAME = (
    "name",
    "format",
    "suite_commit",
    "recipe_kind",
    "recipe_digest",
    "sources_digest",
    "base_digest",
)
WANTED = dict.fromkeys(SAME, "a")


def test_an_image_is_current_while_all_is_what_it_was(image):
    assert is_current(image, WANTED)


@pytest.mark.parametrize("name", SAME)
def test_a_change_of_anything_makes_an_image_stale(image, name):
    assert not is_current(image, WANTED | {name: "b"})


def test_an_image_stays_while_nobody_says_what_the_tag_of_its_base_is_now(image):
    assert is_current(image, WANTED | {"base_digest": ""})


def test_an_image_on_what_nobody_has_recorded_is_not_current_once_the_tag_is_known(image):
    write_manifest(image, manifest(image, base_digest=""))
    assert not is_current(image, WANTED)
    assert is_current(image, WANTED | {"base_digest": ""})


def test_an_image_that_was_changed_or_lost_is_not_current(image):
    image.write_bytes(b"other")
    assert not is_current(image, WANTED)
    image.unlink()
    assert not is_current(image, WANTED)


def test_an_image_without_a_manifest_is_not_current(image):
    manifest_path(image).unlink()
    assert not is_current(image, WANTED)


def test_the_manifest_beside_what_a_link_leads_to_is_that_of_the_link(image, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere/link.sif"
    link.symlink_to(image)
    assert read_manifest(link) == read_manifest(image)
    manifest_path(image).unlink()
    assert read_manifest(link) is None


def test_a_manifest_that_cannot_be_read_is_said(image):
    manifest_path(image).write_text("{")
    with pytest.raises(UnusableInput, match="cannot be read"):
        read_manifest(image)


@pytest.mark.parametrize("text", ["{}", "[]", "1"])
def test_a_file_that_is_no_manifest_is_said(image, text):
    manifest_path(image).write_text(text)
    with pytest.raises(UnusableInput, match="is no manifest"):
        is_current(image, WANTED)


def order(checkout, output, base="cpu"):
    return building.Order(plan(checkout, base), building.find_way("sif", None, False), output)


@pytest.fixture
def apptainer(tmp_path, monkeypatch):
    """A program in Apptainer's place: it writes what it is told to, or fails."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "apptainer"
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setattr(building, "privileges", lambda _: building.Privileges((), "a test"))

    def behave(code=0):
        program.write_text(
            "#!/bin/sh\n"
            f'echo "$*" >> {tmp_path}/calls\n'
            "case $1 in\n"
            "--version) echo apptainer version 1.4.5;;\n"
            'build) for word; do case $word in *.partial-*) echo sif > "$word";;'
            f' *.def) cp "$word" {tmp_path}/built.def;; esac; done; exit {code};;\n'
            'exec) echo \'{"python": {"numpy": "2.0"}, "system": {}}\';;\n'
            "esac\n"
        )
        program.chmod(0o755)

    behave()
    return behave


def builds(tmp_path):
    return [line for line in (tmp_path / "calls").read_text().splitlines() if "build" in line[:6]]


def test_a_second_build_does_nothing(checkout, apptainer, tmp_path):
    output = tmp_path / "a.sif"
    assert building.build(order(checkout, output), building.Progress()) is True
    assert building.build(order(checkout, output), building.Progress()) is False
    assert len(builds(tmp_path)) == 1
    found = read_manifest(output)
    assert found["packages"]["python"] == {"numpy": "2.0"}
    assert found["engine"] == "apptainer 1.4.5"


def build_on(checkout, tmp_path, base="cpu"):
    """Whether it was built, the lines that were shown, and the manifest beside the image."""
    output, lines = tmp_path / "a.sif", []
    done = building.build(order(checkout, output, base), building.Progress(print=lines.append))
    return done, "\n".join(lines), read_manifest(output)


def bases_built_on(tmp_path):
    lines = (tmp_path / "built.def").read_text().splitlines()
    return {line.removeprefix("From: ") for line in lines if line.startswith("From: ")}


def test_what_is_recorded_of_a_tag_is_what_is_built_on(checkout, apptainer, registry, tmp_path):
    registry(DIGEST)
    done, lines, found = build_on(checkout, tmp_path)
    assert done
    assert "digest not known" not in lines
    assert found["base_digest"] == DIGEST
    assert found["base"] == bases.NAMED["cpu"].reference
    assert bases_built_on(tmp_path) == {f"docker.io/library/debian@{DIGEST}"}


def test_an_image_is_built_again_once_the_tag_of_its_base_has_moved(
    checkout, apptainer, registry, tmp_path
):
    registry(DIGEST)
    assert build_on(checkout, tmp_path)[0]
    assert not build_on(checkout, tmp_path)[0]
    moved = "sha256:" + "cd" * 32
    registry(moved)
    done, _, found = build_on(checkout, tmp_path)
    assert done
    assert found["base_digest"] == moved
    assert not build_on(checkout, tmp_path)[0]


def test_without_an_answer_it_is_built_by_the_tag_and_said(checkout, apptainer, tmp_path):
    done, lines, found = build_on(checkout, tmp_path)
    assert done
    assert lines.count("base by its tag, digest not known: registry.invalid: Network is") == 1
    assert found["base_digest"] == ""
    assert bases_built_on(tmp_path) == {bases.NAMED["cpu"].reference}


def test_an_image_stays_current_where_its_registry_is_not_reached(
    checkout, apptainer, registry, tmp_path
):
    registry(DIGEST)
    build_on(checkout, tmp_path)
    registry(None)
    done, _, found = build_on(checkout, tmp_path)
    assert not done
    assert found["base_digest"] == DIGEST
    registry(DIGEST)
    assert not build_on(checkout, tmp_path)[0]


def test_an_image_on_what_is_not_known_is_built_again_once(checkout, apptainer, registry, tmp_path):
    build_on(checkout, tmp_path)
    registry(DIGEST)
    done, _, found = build_on(checkout, tmp_path)
    assert done
    assert found["base_digest"] == DIGEST
    registry(None)
    assert not build_on(checkout, tmp_path)[0]


def test_the_recipe_of_a_manifest_is_the_one_that_is_printed(
    checkout, apptainer, registry, tmp_path
):
    registry(DIGEST)
    _, _, found = build_on(checkout, tmp_path)
    printed = plan(checkout).recipe(Format.DEFINITION)
    assert found["recipe_digest"] == text_digest(printed)


@pytest.mark.parametrize("named", [f"debian:12@{DIGEST}", "folder"])
def test_a_base_that_has_a_digest_is_not_asked_for(
    checkout, apptainer, monkeypatch, tmp_path, named
):
    def refuse(reference):
        raise AssertionError(reference)

    monkeypatch.setattr(pinning, "resolve_digest", refuse)
    if named == "folder":
        named = tmp_path / "tree"
        for name in ("etc", "usr"):
            (named / name).mkdir(parents=True)
    _, _, found = build_on(checkout, tmp_path, str(named))
    assert found["base_digest"] == bases.resolve(str(named)).digest


def test_a_failed_build_leaves_the_old_image_and_nothing_half_written(
    checkout, apptainer, tmp_path, monkeypatch
):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    output = tmp_path / "out/a.sif"
    output.parent.mkdir()
    output.write_bytes(b"old")
    apptainer(code=1)
    with pytest.raises(BuildFailed):
        building.build(order(checkout, output), building.Progress())
    assert output.read_bytes() == b"old"
    assert sorted(path.name for path in output.parent.iterdir()) == ["a.sif", "a.sif.log"]
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_build_that_is_ended_leaves_nothing_half_written(tmp_path, number):
    """Also by a terminal that is closed: the folder of a build holds pip's configuration."""
    for name in ("bin", "tmp", "out"):
        (tmp_path / name).mkdir()
    program = tmp_path / "bin/apptainer"
    program.write_text(
        "#!/bin/sh\n"
        "[ $1 = --version ] && echo apptainer version 1.4.5 && exit\n"
        'for word; do case $word in *.partial-*) echo sif > "$word";; esac; done\n'
        "echo 'INFO:    Creating'\n"
        "exec sleep 600\n"
    )
    program.chmod(0o755)
    code = (
        "import signal\n"
        "from containers import building, __main__ as command_line\n"
        # Under nohup it would be ignored, here as well.
        "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"
        "building.privileges = lambda _: building.Privileges((), 'a test')\n"
        "building.pinned = lambda plan, _: plan\n"
        "words = ['build', 'skyline', '--allow-modified', '--output', 'a.sif']\n"
        "raise SystemExit(command_line.main(words))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tmp_path / "out",
        env=os.environ
        | {
            "PATH": f"{tmp_path}/bin:{os.environ['PATH']}",
            "TMPDIR": str(tmp_path / "tmp"),
            "PYTHONPATH": str(CHECKOUT),
        },
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        for line in process.stdout:
            if "Creating" in line:
                process.send_signal(number)
    assert process.returncode == INTERRUPTED
    assert list((tmp_path / "tmp").iterdir()) == []
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.sif.log"]


def test_a_build_leaves_nothing_but_the_image_and_its_manifest(checkout, apptainer, tmp_path):
    output = tmp_path / "out/a.sif"
    output.parent.mkdir()
    building.build(order(checkout, output), building.Progress())
    assert sorted(path.name for path in output.parent.iterdir()) == [
        "a.sif",
        "a.sif.manifest.json",
    ]


def test_an_output_in_a_folder_that_is_not_there_is_refused(checkout, apptainer, tmp_path):
    with pytest.raises(UnusableInput, match="does not exist"):
        building.build(order(checkout, tmp_path / "none/a.sif"), building.Progress())


@pytest.mark.parametrize("name", ["none", "a:b", "a,b"])
def test_a_folder_for_temporary_files_that_engines_cannot_use_is_refused(
    checkout, apptainer, tmp_path, monkeypatch, name
):
    for each in ("a:b", "a,b"):
        (tmp_path / each).mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / name))
    with pytest.raises(UnusableInput, match=rf"TMPDIR is .*{name}"):
        building.build(order(checkout, tmp_path / "a.sif"), building.Progress())


def test_an_archive_s_path_that_engines_take_for_a_tag_is_refused(checkout, apptainer, tmp_path):
    way = building.Way("oci", building.Engine("buildah", "1.28.2"), None, False)
    wanted = dataclasses.replace(order(checkout, tmp_path / "a:b.oci"), way=way)
    with pytest.raises(UnusableInput, match="name another path"):
        building.build(wanted, building.Progress())


@pytest.mark.parametrize("image_format", ["sif", "sandbox", "oci"])
def test_a_folder_that_is_no_sandbox_of_the_suite_is_never_replaced(
    checkout, apptainer, tmp_path, image_format
):
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "slstr.sif").write_text("precious")
    wanted = dataclasses.replace(
        order(checkout, folder),
        way=building.Way(image_format, building.Engine("apptainer", "1.4.5"), None, False),
    )
    with pytest.raises(UnusableInput, match=r"is a folder, not|no sandbox of the suite"):
        building.build(wanted, building.Progress())
    assert (folder / "slstr.sif").read_text() == "precious"
    assert not (tmp_path / "calls").exists() or builds(tmp_path) == []


def test_a_file_is_not_replaced_by_a_sandbox(checkout, apptainer, tmp_path):
    output = tmp_path / "notes"
    output.write_text("precious")
    way = building.Way("sandbox", building.Engine("apptainer", "1.4.5"), None, False)
    wanted = dataclasses.replace(order(checkout, output), way=way)
    with pytest.raises(UnusableInput, match="no sandbox of the suite"):
        building.build(wanted, building.Progress())


@pytest.mark.parametrize(
    ("engine", "prefix", "text"),
    [("buildah", (), "cannot build on a SIF"), ("apptainer", ("unshare",), "cannot unpack a SIF")],
)
def test_a_sif_that_cannot_be_unpacked_is_refused_as_a_base(
    checkout, tmp_path, engine, prefix, text
):
    base = tmp_path / "base.sif"
    base.write_bytes(b"SIF")
    rights = building.Privileges(prefix, "a test")
    way = building.Way("sif", building.Engine(engine, "1.0"), rights, False)
    with pytest.raises(UnusableInput, match=text):
        building.build(
            building.Order(plan(checkout, str(base)), way, tmp_path / "a.sif"), building.Progress()
        )


def test_files_are_read_from_the_uppermost_layer_of_an_archive(tmp_path):
    import hashlib
    import io
    import tarfile

    def packed(files):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            for name, content in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        return buffer.getvalue()

    blobs = {}

    def blob(content):
        digest = hashlib.sha256(content).hexdigest()
        blobs[f"blobs/sha256/{digest}"] = content
        return {"digest": f"sha256:{digest}"}

    layers = [blob(packed({"opt/a": b"old"})), blob(packed({"./opt/a": b"new"}))]
    configuration = blob(json.dumps({"config": {"Env": ["A=1"]}}).encode())
    content = blob(json.dumps({"layers": layers, "config": configuration}).encode())
    path = tmp_path / "image.oci"
    path.write_bytes(packed(blobs | {"index.json": json.dumps({"manifests": [content]}).encode()}))
    assert read_file(path, "opt/a") == b"new"
    assert read_configuration(path)["config"]["Env"] == ["A=1"]
    with pytest.raises(BuildFailed, match="holds no /opt/b"):
        read_file(path, "opt/b")
