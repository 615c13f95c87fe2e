"""`python -m workloads.devices` tells what TensorFlow sees, to people and to programs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

from workloads.common import inventory
from workloads.devices.__main__ import main

CHECKOUT = Path(__file__).parents[2]


def test_programs_get_one_line_with_the_version_the_build_and_every_gpu(capsys):
    assert main(["--json"]) == 0
    [line] = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert told["version"] == tf.__version__
    assert told["build"] == inventory.build_name()
    assert len(told["gpus"]) == len(tf.config.list_physical_devices("GPU"))
    assert set(told["processor_features"]) <= set(inventory.TOLD_FEATURES)


def test_people_get_a_table(capsys):
    assert main([]) == 0
    assert f"{tf.__version__}, built for {inventory.build_name()}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("build", "name"),
    [
        ({"is_cuda_build": True, "cuda_version": "12.5.1"}, "CUDA 12.5.1"),
        ({"is_cuda_build": False, "is_rocm_build": True, "rocm_version": "6.0"}, "ROCm 6.0"),
        ({"is_rocm_build": True}, "ROCm"),
        ({"is_cuda_build": False}, "the CPU"),
    ],
)
def test_a_build_is_named_by_what_it_computes_on(monkeypatch, build, name):
    monkeypatch.setattr(tf.sysconfig, "get_build_info", lambda: build)
    assert inventory.build_name() == name


def test_a_tensorflow_that_does_not_load_is_one_line_and_exit_code_1(tmp_path):
    (tmp_path / "tensorflow.py").write_text("raise ImportError('libcudart.so.12: not found')\n")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); sys.argv[1:] = ['--json'];"
    code += "from workloads.devices.__main__ import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ImportError: libcudart.so.12: not found")
    assert len(done.stderr.splitlines()) == 1


def test_help_does_not_wait_for_tensorflow():
    command = [sys.executable, "-X", "importtime", "-m", "workloads.devices", "--help"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True)
    assert done.returncode == 0
    assert "--json" in done.stdout
    assert "| tensorflow\n" not in done.stderr
