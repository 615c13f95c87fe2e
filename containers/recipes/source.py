"""TensorFlow from its source, with XLA, for the vector instructions of one kind of processor.

The published optimised image was built like this. It takes hours, and Bazel fetches what it needs
from the network; only the wheel is carried on."""

import re

import hpccm
from hpccm.primitives import comment, shell

from containers.bases import Base
from containers.errors import UnusableInput
from containers.recipes import places

VERSION = "2.21.0"
BAZEL = "7.4.1"
BAZEL_SHA256 = "c97f02133adce63f0c28678ac1f21d65fa8255c80429b588aeeba8a1fac6202b"
TOOLS = ("build-essential", "clang", "curl", "git", "patchelf", "python3-dev", "unzip", "zip")
# From Volta to Hopper; the last also as code that newer GPUs compile for themselves.
COMPUTE_CAPABILITIES = "sm_70,sm_80,compute_90"
_MARCH = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")


def checked_march(march: str) -> str:
    """`march` where it can be the name of a processor.

    Raises:
        UnusableInput: it cannot.
    """
    if not _MARCH.fullmatch(march):
        raise UnusableInput(f"{march!r} is no name of a processor as compilers have them")
    return march


def tensorflow(stage: hpccm.Stage, base: Base, march: str) -> None:
    """Add a build whose wheel lies in `places.WHEELS`.

    Raises:
        UnusableInput: the base has GPUs that this recipe cannot build for.
    """
    if base.gpus == "amd":
        raise UnusableInput("TensorFlow for ROCm is built by AMD: use --base amd without --build")
    stage += comment(f"TensorFlow {VERSION} from source, for {march}: hours")
    address = f"https://github.com/bazelbuild/bazel/releases/download/{BAZEL}"
    stage += shell(
        commands=[
            f"curl -fsSL -o /usr/local/bin/bazel {address}/bazel-{BAZEL}-linux-x86_64",
            f"echo '{BAZEL_SHA256}  /usr/local/bin/bazel' | sha256sum -c -",
            "chmod 755 /usr/local/bin/bazel",
        ]
    )
    stage += shell(
        commands=[
            f"git clone --depth 1 --branch v{VERSION} "
            "https://github.com/tensorflow/tensorflow /tmp/tensorflow",
            "cd /tmp/tensorflow",
            f"bazel build {' '.join(_options(base, march))} //tensorflow/tools/pip_package:wheel",
            f"mkdir -p {places.WHEELS}",
            f"cp bazel-bin/tensorflow/tools/pip_package/wheel_house/*.whl {places.WHEELS}/",
        ]
    )


def _options(base: Base, march: str) -> list[str]:
    python = """"$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')\""""
    options = [
        "-c opt",
        f"--copt=-march={march}",
        "--define=with_xla_support=true",
        f"--repo_env=HERMETIC_PYTHON_VERSION={python}",
        "--repo_env=WHEEL_NAME=tensorflow",
        # The version is that of the lock; it would be 2.21.0.dev0+selfbuilt otherwise.
        "--repo_env=ML_WHEEL_TYPE=release",
    ]
    if base.gpus == "nvidia":
        options += [
            "--config=cuda",
            "--config=cuda_wheel",
            f"--repo_env=HERMETIC_CUDA_COMPUTE_CAPABILITIES={COMPUTE_CAPABILITIES}",
        ]
    return options
