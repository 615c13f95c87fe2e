"""The stage `pack`: decode JPEG patches into dense shards."""

import argparse
import time
from pathlib import Path
from typing import Any

from workloads.common.building import read_manifest
from workloads.common.errors import UnusableInput
from workloads.common.offline import is_offline, require_present
from workloads.common.records import recording
from workloads.skyline.dataset import Location, is_packed, pack
from workloads.skyline.report import close_with_table, record_provenance


def run(options: argparse.Namespace) -> None:
    """Pack the dataset where it is not packed yet, and record how fast that went."""
    location = Location.of(options)
    with recording("pack", None) as recorder:
        folder, manifest, decoded, seconds = _pack(location, options)
        record_provenance(recorder, options, manifest["digest"])
        recorder.event("folder", str(folder))
        recorder.event("broken_patches", len(manifest["broken"]), names=manifest["broken"][:20])
        if decoded:
            recorder.metric("jpegs_per_second", decoded / seconds)
    close_with_table(recorder, f"pack: {folder}")


def _pack(
    location: Location, options: argparse.Namespace
) -> tuple[Path, dict[str, Any], int, float]:
    """Where the shards are, their manifest, the patches decoded now and the seconds it took."""
    if options.data is not None and is_packed(options.data):
        if options.output is not None:
            raise UnusableInput(f"{options.data} is packed already: leave out --output, or copy it")
        return options.data, read_manifest(options.data) or {}, 0, 0.0
    folder = options.output or location.packed_cache()
    if is_offline():
        written_at = ["--output", folder.resolve()] if options.output else []
        require_present(folder, location.command("pack", *written_at))
        return folder, read_manifest(folder) or {}, 0, 0.0
    source = location.patches()
    started = time.perf_counter()
    manifest, decoded = pack(source, folder, location.seed, options.skip_broken)
    return folder, manifest, decoded, time.perf_counter() - started
