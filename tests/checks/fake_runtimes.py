"""Container platforms that are not there: programs that take the options of the real ones, and run
the command on this machine. An image is a JSON file, `{"name": ..., "suite_commit": ...}`, or a
reference that IMAGES has instead.

Each call leaves a line in a log: its words, and the variables that it was started with."""

import json
import sys
from pathlib import Path
from typing import Any

from fake_checkout import Checkout

IMAGE_PYTHON = "/opt/trigpoint/environment/bin/python"
COMMIT = "c0ffee"
PROGRAMS = ("apptainer", "singularity", "docker", "podman", "sarus", "shifter", "srun")
_PROGRAM = """#!{python} -I
import json, os, re, sys
from pathlib import Path

name, words = Path(sys.argv[0]).name, sys.argv[1:]
if words == ["--help"]:
    sys.exit(print("--container-image=...") if {pyxis} else 0)

with open({log!r}, "a") as log:
    print(json.dumps({{"program": name, "words": words, "variables": dict(os.environ)}}), file=log)

if words[0] in ("pull", "import", "build"):
    places = [word for word in words if word.startswith("/")]
    for place in places:
        Path(place).write_text(json.dumps({images!r}["pulled"]))
    sys.exit({images!r}["pulled"].get("fetch_ends_with"))

start = words.index({inside!r})
if "/bin/sh" in words:
    start = words.index("/bin/sh")
before, command = words[:start], words[start:]
for bound in re.findall(r"(?:-B|-v ?|source=|mounts=|,)(/[^:,]+)", " ".join(before)):
    if not Path(bound).exists():
        sys.exit(f"FATAL: mount source {{bound}} doesn't exist")

place = before[-1]
for option in before:
    if option.startswith("--container-image="):
        place = option.split("=", 1)[1]

path = place if place.startswith("/") else ""
image = json.loads(Path(path).read_text()) if path else {images!r}[place]
if image.get("without"):
    sys.exit(f"python: No module named {{image['without']}}")

environment = dict(os.environ)
if name in ("docker", "podman"):
    named = [before[at + 1] for at, word in enumerate(before) if word == "--env"]
    environment = {{each: os.environ[each] for each in named if each in os.environ}}

environment |= {{"PYTHONPATH": {code!r}, "IMAGE_IDENTITY": json.dumps(image)}}
command = [{python!r} if word == {inside!r} else word for word in command]
os.execve(command[0], command, environment)
"""


def place_runtimes(
    checkout: Checkout, *programs: str, references: dict[str, Any] | None = None
) -> None:
    """Puts these programs into a checkout; `references` are images in a registry, and `pulled` is
    what a file holds that one of them makes, which fails where it has `fetch_ends_with`."""
    for name in programs:
        text = _PROGRAM.format(
            python=sys.executable,
            log=str(log(checkout)),
            images=references or {},
            inside=IMAGE_PYTHON,
            code=str(checkout.folder),
            pyxis=name == "srun",
        )
        checkout.write(f"bin/{name}", text).chmod(0o755)


def place_image(checkout: Checkout, name: str = "fake", commit: str = COMMIT, **more: Any) -> Path:
    """Writes an image that says this of itself, and returns where it lies."""
    text = json.dumps({"name": name, "suite_commit": commit, **more})
    return checkout.write(f"images/{name}.sif", text)


def path_with(checkout: Checkout) -> str:
    """A PATH with the programs that were placed, and those of every machine."""
    return f"{checkout.folder / 'bin'}:/usr/bin:/bin"


def log(checkout: Checkout) -> Path:
    """Where the programs say how they were called."""
    return checkout.home / "calls"


def every_call(checkout: Checkout) -> list[dict[str, Any]]:
    """What the programs were called with, one after the other."""
    return [json.loads(line) for line in log(checkout).read_text().splitlines()]


def calls(checkout: Checkout) -> dict[str, dict[str, Any]]:
    """What each program was called with last."""
    return {call["program"]: call for call in every_call(checkout)}
