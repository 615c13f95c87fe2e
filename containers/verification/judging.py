"""Judging an image by what running it shows."""

import json
from pathlib import Path
from typing import Any

from containers.checkout import CHECKOUT, MODIFIED, commit_of
from containers.digests import path_digest
from containers.errors import BuildFailed
from containers.lock import requirements
from containers.manifest import read_manifest
from containers.recipes import places
from containers.verification.findings import Finding
from containers.verification.running import (
    Image,
    for_an_ordinary_user,
    gpu_options,
    last_words,
    runnable,
)

_NAMED = 3


def verify(path: Path, any_commit: bool) -> list[Finding]:
    """What was found, in the order in which it was looked at.

    Raises:
        UnusableInput: there is no such image, or nothing here that runs it.
    """
    findings = _manifest(path)
    with runnable(path) as image:
        try:
            seen = image.probe()
        except BuildFailed as error:
            return [*findings, Finding("start", False, f"the image of the suite: {error}")]
        findings.append(Finding("start", True, f"Python {seen['python']}"))
        if not seen["identity"]:
            text = f"it has no {places.IDENTITY}: it was not built by this suite"
            return [*findings, Finding("identity", False, text)]
        gpus = str(seen["identity"].get("gpus", ""))
        locked = requirements(CHECKOUT, gpus=gpus).versions
        findings += judge(seen, commit_of(CHECKOUT), locked, any_commit)
        findings += [_runscript(image), _devices(image, gpus), _ordinary_user(image)]
    return findings


def judge(
    seen: dict[str, Any], commit: str, locked: dict[str, str], any_commit: bool
) -> list[Finding]:
    """Findings on what the probe has `seen`, against the checkout's commit and lock."""
    return [
        _commit(seen, commit, any_commit),
        _versions(seen, locked),
        _none("imports", seen["broken_imports"], "every module of the suite loads"),
        _none("stages", seen["stages_without_help"], "every stage has --help"),
        _none("read-only", seen["writable"], "nothing can be written to its root file system"),
        _none("compilers", seen["compilers"], "none are left"),
        _none("package index", seen["leftovers"], "nothing of the building machine's is left"),
    ]


def _commit(seen: dict[str, Any], commit: str, any_commit: bool) -> Finding:
    carried = str(seen["identity"].get("suite_commit", ""))
    if seen["commit_variable"] != carried:
        text = f"the image is of {carried}, but runs would record {seen['commit_variable'] or '-'}"
        return Finding("commit", False, text)
    if carried == commit and not commit.endswith(MODIFIED):
        return Finding("commit", True, carried)
    text = f"the image is of {carried}, the checkout of {commit}"
    if any_commit:
        return Finding("commit", True, f"{text}: accepted by --any-commit")
    mend = "build it again"
    if commit.endswith(MODIFIED):
        mend = "what was modified has no name; commit it and build again"
    return Finding("commit", False, f"{text}: {mend}, or say --any-commit")


def _versions(seen: dict[str, Any], locked: dict[str, str]) -> Finding:
    wrong = []
    for name in seen["identity"]["locked"]:
        found, wanted = seen["versions"].get(name, "missing"), locked.get(name, "none")
        if found != wanted:
            wrong.append(f"{name} {found}, locked {wanted}")
    count = len(seen["identity"]["locked"])
    return _none("versions", wrong, f"{count} packages as locked")


def _none(subject: str, found: list[str] | dict[str, str], otherwise: str) -> Finding:
    """Green where nothing was found, else red with the first of it."""
    if not found:
        return Finding(subject, True, otherwise)
    words = [f"{key}: {text}" for key, text in found.items()] if isinstance(found, dict) else found
    more = f"; and {len(words) - _NAMED} more" if len(words) > _NAMED else ""
    return Finding(subject, False, "; ".join(words[:_NAMED]) + more)


def _runscript(image: Image) -> Finding:
    done = image.run(["--help"])
    if done.returncode or "STAGE" not in done.stdout:
        return Finding("runscript", False, last_words(done))
    return Finding("runscript", True, "takes the workload's stages")


def _devices(image: Image, gpus: str) -> Finding:
    """Red where this machine has GPUs of the maker that the image is for, and it sees none."""
    options = gpu_options(gpus)
    done = image.run([places.PYTHON, "-m", "workloads.devices", "--json"], options=options)
    try:
        found = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        return Finding("devices", False, last_words(done))
    names = ", ".join(gpu["name"] for gpu in found["gpus"]) or "no GPU seen"
    text = f"TensorFlow {found['version']}, built for {found['build']}; {names}"
    if options and not found["gpus"]:
        return Finding("devices", False, f"{text} with {' '.join(options)}, where there are some")
    return Finding("devices", True, text)


def _ordinary_user(image: Image) -> Finding:
    with for_an_ordinary_user(image) as (readable, prefix, home):
        try:
            seen = readable.probe(prefix=prefix, HOME=str(home))
        except BuildFailed as error:
            return Finding("ordinary user", False, str(error))
    wrong = seen["broken_imports"] or seen["stages_without_help"] or seen["writable"]
    return _none("ordinary user", wrong, f"user {seen['user']} runs it, and writes nothing in it")


def _manifest(path: Path) -> list[Finding]:
    found = read_manifest(path)
    if found is None:
        return [Finding("manifest", True, "none beside it")] if path.exists() else []
    if path.exists() and found["image_digest"] != path_digest(path):
        return [Finding("manifest", False, "the image is not the one that its manifest describes")]
    return [Finding("manifest", True, found["image_digest"])]
