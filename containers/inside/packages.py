"""Print which packages an image holds, as JSON: Python's, and the operating system's."""

import json
import re
from importlib import metadata
from pathlib import Path

DPKG_STATUS = Path("/var/lib/dpkg/status")


def python_packages() -> dict[str, str]:
    """Version by normalised name."""
    return {
        re.sub(r"[-_.]+", "-", found.metadata["Name"]).lower(): found.version
        for found in metadata.distributions()
    }


def system_packages() -> dict[str, str]:
    """Version by name, of what dpkg has installed; none where there is no dpkg."""
    if not DPKG_STATUS.exists():
        return {}
    found = {}
    for paragraph in DPKG_STATUS.read_text().split("\n\n"):
        fields = dict(re.findall(r"^(Package|Status|Version): (.*)$", paragraph, re.MULTILINE))
        if fields.get("Status") == "install ok installed":
            found[fields["Package"]] = fields["Version"]
    return found


if __name__ == "__main__":
    packages = {"python": python_packages(), "system": system_packages()}
    print(json.dumps(packages, indent=1, sort_keys=True))
