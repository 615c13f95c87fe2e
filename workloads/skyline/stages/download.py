"""The stage `download`: fetch an archive of the real dataset and unpack it."""

import argparse
from pathlib import Path
from typing import Any

from workloads.common.archives import unpack
from workloads.common.building import build_folder
from workloads.common.cache import cache_root
from workloads.common.download import fetch
from workloads.common.offline import require_present
from workloads.common.records import recording
from workloads.skyline.layout import SPLITS, count_classes, dataset_root, list_patches
from workloads.skyline.report import close_with_table


def run(options: argparse.Namespace) -> None:
    """Fetch, check and unpack the archive, unless --output holds it already."""
    with recording("download", None) as recorder:

        def fill(partial: Path) -> dict[str, Any]:
            archive = fetch(options.url, options.sha256, cache_root(options.cache) / "downloads")
            files = unpack(archive, partial)
            root = dataset_root(partial)
            counts = {split: count_classes(list_patches(root, split)) for split in SPLITS}
            return {"files": files, "counts": counts}

        command = ["-m", "workloads.skyline", "download", "--url", options.url]
        command += ["--sha256", options.sha256, "--output", str(options.output.resolve())]
        require_present(options.output, command)
        wanted = {"format": "trigpoint-skyline-download", "archive_sha256": options.sha256}
        manifest, unpacked = build_folder(options.output, wanted, fill)
        if not unpacked:
            recorder.event("already_there", str(options.output))
        for split, counts in manifest["counts"].items():
            recorder.event("patches", split, **counts)
    close_with_table(recorder, f"download: {options.output}")
