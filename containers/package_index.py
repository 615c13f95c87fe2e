"""This machine's pip configuration, handed to a build for its own time and never kept."""

import ast
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from containers.recipes import places

# Of a build's own: where it looks, how it is let in, how patient it is.
_PASSED_ON = (
    "index-url",
    "extra-index-url",
    "trusted-host",
    "proxy",
    "timeout",
    "default-timeout",
    "retries",
)
_CERTIFICATE_VARIABLES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE")


@dataclass(frozen=True)
class HandedIn:
    """A folder that only its owner reads, with pip's configuration and perhaps certificates."""

    folder: Path

    def files(self) -> list[Path]:
        """What lies in it."""
        return sorted(self.folder.iterdir())


def hand_in(folder: Path, environment: Mapping[str, str] = os.environ) -> HandedIn:
    """Write this machine's pip configuration to the new `folder`, as a build sees it there."""
    folder.mkdir(mode=0o700)
    settings = _settings(environment)
    certificates = settings.pop("cert", None) or next(
        (environment[name] for name in _CERTIFICATE_VARIABLES if environment.get(name)), None
    )
    lines = ["[global]"]
    if certificates and Path(certificates).is_file():
        (folder / places.CERTIFICATES).write_bytes(Path(certificates).read_bytes())
        lines.append(f"cert = {places.HANDED_IN}/{places.CERTIFICATES}")
    for name, value in settings.items():
        if name in _PASSED_ON and (kept := _without_local(value)):
            lines.append(f"{name} = {kept}")
    (folder / places.PIP_CONFIGURATION).write_text("\n".join(lines) + "\n")
    return HandedIn(folder)


def _settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Of all of pip's configuration files and variables, the strongest value by name."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(
        command, capture_output=True, text=True, check=False, env=dict(environment)
    )
    order = ("global.", "install.", ":env:.")
    found: dict[str, str] = {}
    for scope in order:
        for line in listed.stdout.splitlines():
            key, _, value = line.partition("=")
            if key.startswith(scope):
                found[key.removeprefix(scope)] = str(ast.literal_eval(value))
    return found


def _without_local(value: str) -> str:
    """The addresses among words: folders of this machine are not there in a build."""
    return " ".join(word for word in value.split() if not word.startswith(("file:", "/")))
