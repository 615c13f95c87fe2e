"""The GPUs of the node, by the vendor's tool."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path
from typing import Any

from .asking import run

Gpu = Any


def gpus() -> dict[str, Any]:
    """The GPUs that the vendor's tool lists here, else the devices that the kernel has."""
    for source, ask in (("nvidia-smi", nvidia_gpus), ("rocm-smi", amd_gpus)):
        if shutil.which(source):
            found, complaint = ask()
            return {"source": source, "found": found, "complaint": complaint}

    nodes = sorted(str(path) for path in Path("/dev").glob("nvidia[0-9]*"))
    found = [{"name": "", "uuid": "", "mig_profile": "", "driver": ""} for _ in nodes]
    return {"source": "/dev", "found": found, "complaint": ""}


def nvidia_gpus() -> tuple[list[Gpu], str]:
    """GPUs, or in their place the MIG devices that they are cut into."""
    fields = "name,uuid,driver_version"
    code, text, error = run(["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader"])
    if code != 0:
        return [], error or text.strip()[-200:] or f"nvidia-smi ended with exit code {code}"

    rows = [[cell.strip() for cell in row] for row in csv.reader(text.splitlines())]
    whole = [
        {"name": row[0], "uuid": row[1], "mig_profile": "", "driver": row[2]}
        for row in rows
        if len(row) == 3
    ]
    code, listing, error = run(["nvidia-smi", "-L"])
    return mig_devices(listing, whole) or whole, ""


def mig_devices(listing: str, whole: list[Gpu]) -> list[Gpu]:
    """The MIG devices in what `nvidia-smi -L` prints: lines below the GPU that holds them."""
    found: list[Gpu] = []
    parent: Gpu = None
    by_uuid = {each["uuid"]: each for each in whole}
    for line in listing.splitlines():
        gpu = re.match(r"GPU \d+: .*\(UUID: (GPU-[\w-]+)\)", line)
        mig = re.match(r"\s+MIG (\S+)\s+Device\s+\d+: \(UUID: (\S+)\)", line)
        if gpu:
            parent = by_uuid.get(gpu.group(1))
        elif mig:
            name, driver = (parent["name"], parent["driver"]) if parent else ("", "")
            found.append(
                {"name": name, "uuid": mig.group(2), "mig_profile": mig.group(1), "driver": driver}
            )

    return found


def amd_gpus() -> tuple[list[Gpu], str]:
    """GPUs by what `rocm-smi` calls them; its keys differ from release to release."""
    code, text, error = run(["rocm-smi", "--showproductname", "--showuniqueid", "--json"])
    if code != 0:
        return [], error or f"rocm-smi ended with exit code {code}"

    found = []
    for card, properties in sorted(json.loads(text).items()):
        if not card.startswith("card"):
            continue

        known = {key.lower(): str(value) for key, value in properties.items()}
        name = known.get("card series") or known.get("card model") or ""
        found.append(
            {
                "name": name,
                "uuid": known.get("unique id", ""),
                "mig_profile": "",
                "driver": "",
                "arch": known.get("gfx version", ""),
            }
        )

    return found, ""
