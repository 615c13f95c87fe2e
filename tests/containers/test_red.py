"""What is wrong is red, and says why in one line: every fault is made for real."""

import importlib.util
import shutil
import subprocess
from pathlib import Path

import pytest

# What the command line imports; it lies where an ordinary user may not look.
IMPORTED = ("archspec", "hpccm", "markdown_it", "mdurl", "packaging", "pygments", "rich", "six")


def test_an_image_without_its_workload_is_red(workplace, sandbox):
    code = sandbox / "opt/trigpoint/workloads/skyline"
    code.rename(workplace.folder / "taken-out")
    try:
        finished = workplace.containers("verify", sandbox)
    finally:
        (workplace.folder / "taken-out").rename(code)
    assert finished.code == 1
    assert "No module named 'workloads.skyline" in " ".join(finished.out.replace("│", " ").split())


def test_an_image_whose_lock_was_not_kept_is_red(workplace, sandbox):
    site = next((sandbox / "opt/trigpoint/environment/lib").glob("python3.*/site-packages"))
    found = next(site.glob("six-*.dist-info"))
    found.rename(workplace.folder / found.name)
    try:
        finished = workplace.containers("verify", sandbox)
    finally:
        (workplace.folder / found.name).rename(found)
    assert finished.code == 1
    assert "six missing" in finished.out


def test_an_image_of_another_commit_is_red_and_how_to_allow_it_is_said(workplace, skyline):
    workplace.commit("another")
    try:
        finished = workplace.containers("verify", skyline)
    finally:
        workplace.git("reset", "--quiet", "--hard", "HEAD~1")
    assert finished.code == 1
    assert "say --any-commit" in " ".join(finished.out.replace("│", " ").split())


def test_an_image_that_is_not_of_the_suite_is_red(workplace):
    tree = workplace.base
    finished = workplace.containers("verify", tree)
    assert finished.code == 1
    assert "1 of 2 red" in finished.out


def test_a_changed_checkout_is_not_built(workplace):
    file = workplace.checkout / "workloads/skyline/__init__.py"
    text = file.read_text()
    file.write_text(text + "# changed\n")
    try:
        finished = workplace.containers("build", "skyline", "--output", workplace.image("a.sif"))
    finally:
        file.write_text(text)
    assert finished.code == 2
    assert "differs from its commit" in finished.error


def test_without_a_runtime_it_is_said_what_to_install(workplace, skyline, tmp_path):
    for name in ("git", "sh"):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")
    alone = {"PATH": str(tmp_path)}
    build = ("build", "skyline", "--base", workplace.base, "--output", workplace.image("a.sif"))
    for words, text in (
        (build, "no engine is here that makes sif: install apptainer"),
        ((*build, "--engine", "apptainer"), "apptainer is not installed"),
        (("verify", skyline), "apptainer is not installed"),
    ):
        finished = workplace.containers(*words, **alone)
        assert finished.code == 2
        assert finished.err.count("\n") == 1
        assert text in finished.error


@pytest.fixture
def small(tmp_path):
    """A file system of 32 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("engine", ["apptainer", "buildah"])
def test_a_full_temporary_folder_is_said_and_nothing_is_left(workplace, small, engine):
    output = workplace.image("a.sif")
    words = ("build", "skyline", "--base", workplace.base, "--output", output, "--engine", engine)
    if engine == "buildah":
        workplace.run("buildah", "rmi", "--all", "--force")
    finished = workplace.containers(*words, TMPDIR=str(small))
    assert finished.code == 1
    assert "no space left on device" in finished.error
    assert list(small.iterdir()) == []
    assert [path.name for path in output.parent.glob("*a.sif*")] == ["a.sif.log"]
    output.with_name("a.sif.log").unlink()


def as_an_ordinary_user(workplace, namespaces, *arguments):
    """`python -m containers ...` as one, in a namespace that allows `namespaces` further ones."""
    home = workplace.folder / "home"
    site = workplace.folder / "site-packages"
    if not site.exists():
        site.mkdir()
        for name in IMPORTED:
            origin = Path(importlib.util.find_spec(name).origin)
            if origin.name == "__init__.py":
                shutil.copytree(origin.parent, site / name)
            else:
                shutil.copy(origin, site)
    script = (
        f"echo {namespaces} > /proc/sys/user/max_user_namespaces && "
        'exec setpriv --reuid 1000 --regid 1000 --clear-groups -- "$@"'
    )
    outer = ["unshare", "--map-root-user", "--map-auto", "sh", "-c", script, "sh"]
    inner = ["/usr/bin/python3", "-B", "-m", "containers", *arguments]
    return workplace.run(*outer, *inner, HOME=str(home), TMPDIR="/tmp", PYTHONPATH=str(site))


def test_an_ordinary_user_without_user_namespaces_is_told_so(workplace, skyline):
    output = Path("/tmp/trigpoint-never-built.sif")
    words = ("build", "skyline", "--base", workplace.base, "--output", output)
    finished = as_an_ordinary_user(workplace, 0, *words)
    assert finished.code == 2, finished.out + finished.err
    assert "an ordinary user without user namespaces cannot build here" in finished.error
    assert not output.exists()


def test_an_ordinary_user_without_user_namespaces_cannot_verify_either(workplace, skyline):
    finished = as_an_ordinary_user(workplace, 0, "verify", skyline)
    assert finished.code == 1, finished.out + finished.err
    assert "red" in finished.out
