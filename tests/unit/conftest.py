"""What several unit tests share: a tiny dataset, and a way to run a stage as a user does."""

import contextlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from workloads.skyline.__main__ import main

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """A cache that holds the tiny preset, drawn and packed."""
    folder = tmp_path_factory.mktemp("cache")
    assert main(["pack", "--preset", "tiny", "--cache", str(folder)]) == 0
    return folder


@pytest.fixture(scope="session")
def tiny_patches(cache):
    """The tiny preset's JPEG layout; not to be changed."""
    return next(cache.glob("skyline/tiny-1-*/patches"))


@pytest.fixture(scope="session")
def tiny_packed(cache):
    """The tiny preset's packed shards; not to be changed."""
    return next(cache.glob("skyline/tiny-1-*/packed-1"))


@pytest.fixture(scope="session")
def group_environments():
    """The environments of the processes of a group on this machine, by rank."""

    def describe(processes):
        with contextlib.ExitStack() as stack:
            servers = [
                stack.enter_context(socket.create_server(("127.0.0.1", 0)))
                for _ in range(processes)
            ]
            workers = [f"127.0.0.1:{server.getsockname()[1]}" for server in servers]
        tasks = [{"type": "worker", "index": rank} for rank in range(processes)]
        return [
            {"TF_CONFIG": json.dumps({"cluster": {"worker": workers}, "task": task})}
            for task in tasks
        ]

    return describe


@pytest.fixture(scope="session")
def start_stage(cache):
    """Start `python -m workloads.skyline ...` on the tiny preset in a process of its own."""

    def start(*arguments, environment=None, code=None):
        program = ["-m", "workloads.skyline"] if code is None else ["-c", code]
        command = [sys.executable, *program, *map(str, arguments)]
        command += ["--preset", "tiny", "--cache", str(cache)]
        return subprocess.Popen(
            command,
            cwd=CHECKOUT,
            env=os.environ | (environment or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


@pytest.fixture(scope="session")
def tiny_run(cache, tmp_path_factory):
    """The --output of a training on the tiny preset; not to be changed."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    arguments = ["train", "--preset", "tiny", "--cache", cache, "--gpus", 0, "--max-steps", 112]
    assert main([str(each) for each in (*arguments, "--output", folder)]) == 0
    return folder
