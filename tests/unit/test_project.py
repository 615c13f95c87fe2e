"""The project itself: installed from its checkout alone, and nobody takes its names."""

import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
ROOMS = ("checks", "workloads", "systems", "containers", "perflogs", "tests")
LOCKS = sorted((CHECKOUT / "requirements").glob("*.txt"))


def owners_of(names, distributions):
    """Which distributions, other than this one, bring a top-level package of `names`."""
    found = {}
    for name in names:
        brought = set(distributions.get(name, [])) - {"trigpoint"}
        if brought:
            found[name] = sorted(brought)
    return found


def test_no_dependency_brings_a_package_of_our_names():
    assert owners_of(ROOMS, metadata.packages_distributions()) == {}
    # The same search does find what a dependency brings.
    assert owners_of(["numpy"], metadata.packages_distributions()) == {"numpy": ["numpy"]}


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_is_a_folder_with_a_docstring_of_its_own(room):
    assert (CHECKOUT / room).is_dir()
    if room != "tests":
        assert (CHECKOUT / room / "__init__.py").read_text().startswith('"""')


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_pin_is_exact_and_has_a_hash_and_names_no_host(lock):
    text = lock.read_text()
    assert "://" not in text
    blocks = text.replace("\\\n", " ").splitlines()
    pins = [line for line in blocks if line and not line.lstrip().startswith("#")]
    assert len(pins) > 30
    for pin in pins:
        assert "==" in pin, pin
        assert "--hash=sha256:" in pin, pin


def test_every_dependency_is_pinned_to_one_version_and_locked():
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    run = project["dependencies"] + extras["workloads"] + extras["report"]
    locked = {lock.stem: lock.read_text().lower() for lock in LOCKS}
    for requirement in run:
        name, version = requirement.lower().replace(".", "-").split("==")
        of_gpus = set() if requirement in extras["workloads"] else {"nvidia"}
        for text in (locked[each] for each in locked.keys() - of_gpus):
            assert f"\n{name}==" in "\n" + text.replace(".", "-"), name
            assert f"{name}=={version}" in text.replace(".", "-")
    [with_libraries] = extras["nvidia"]
    assert with_libraries.replace("[and-cuda]", "") in extras["workloads"]
    for requirement in extras["tests"]:
        assert requirement.lower() in locked["test"]


def test_a_wheel_is_refused(tmp_path):
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"]
    done = subprocess.run(
        [*command, "-w", str(tmp_path), str(CHECKOUT)], capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "runs from its checkout" in done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_second_make_sets_nothing_up(tmp_path):
    for name in ("Makefile", "pyproject.toml", "requirements/run.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((CHECKOUT / name).read_bytes())
    command = ["make", "--dry-run", "run"]
    first = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "pip install --require-hashes" in first.stdout
    (tmp_path / ".venv/bin").mkdir(parents=True)
    for name in (".venv/bin/python", ".venv/.ready-to-run"):
        (tmp_path / name).touch()
    second = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "pip" not in second.stdout
    assert "reframe -c checks -r" in second.stdout
