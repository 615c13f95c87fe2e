"""A registry of this machine alone, without encryption, that keeps its images in a folder."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from slurm_cluster import wait_until

HOST = "127.0.0.1"
PORT = 16970
#: What makes Apptainer ask it without encryption.
WITHOUT_ENCRYPTION = {"APPTAINER_NOHTTPS": "true"}


@dataclass(frozen=True)
class ImageRegistry:
    """A registry that runs."""

    address: str = f"{HOST}:{PORT}"

    def push(self, archive: Path, name: str) -> str:
        """Copy an OCI archive to it; the reference of the image there, with its digest."""
        place = f"{self.address}/{name}"
        source, target = f"oci-archive:{archive}", f"docker://{place}:latest"
        _skopeo("copy", "--dest-tls-verify=false", source, target)
        digest = _skopeo("inspect", "--tls-verify=false", "--format", "{{.Digest}}", target)
        return f"{place}@{digest}"


@contextmanager
def image_registry(folder: Path) -> Iterator[ImageRegistry]:
    """Start a registry, and end it."""
    configuration = folder / "registry.yaml"
    configuration.write_text(
        "version: 0.1\n"
        f"storage: {{filesystem: {{rootdirectory: {folder}/registry}}}}\n"
        f"http: {{addr: '{HOST}:{PORT}'}}\n"
    )
    with (folder / "registry.log").open("wb") as log:
        server = subprocess.Popen(
            ["docker-registry", "serve", configuration], stdout=log, stderr=subprocess.STDOUT
        )
        try:
            wait_until(_answers, "the registry")
            yield ImageRegistry()
        finally:
            server.terminate()
            server.wait()


def _answers() -> bool:
    with socket.socket() as client:
        return client.connect_ex((HOST, PORT)) == 0


def _skopeo(*words: str) -> str:
    done = subprocess.run(["skopeo", *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()
