"""The stage `export`: a trained network as a model that runs without this suite."""

import argparse
import os
from pathlib import Path
from typing import Any

from workloads.common import checkpoints
from workloads.common.building import build_folder
from workloads.common.digests import file_digest
from workloads.common.exporting import write_lite_model, write_saved_model
from workloads.common.inference import open_one_device, require_one_process
from workloads.common.records import recording
from workloads.skyline.exports import FORMAT, FORMS, tree_digest
from workloads.skyline.networks import describe_checkpoint, on_photographs, restore_network
from workloads.skyline.report import close_with_table, record_run_of_skyline


def run(options: argparse.Namespace) -> None:
    """Write both forms, unless --output holds them already. Raises UnusableInput."""
    require_one_process(os.environ)
    with recording("export", None) as recorder:
        about = describe_checkpoint(options.checkpoint)
        wanted = FORMAT | {
            "model": about.model,
            "checkpoint_digest": file_digest(options.checkpoint / checkpoints.BEST),
        }

        def fill(partial: Path) -> dict[str, Any]:
            return _write(partial, options.checkpoint) | {
                "dataset_digest": about.settings["dataset_digest"],
                "seed": about.settings["seed"],
                "pipeline": about.settings["pipeline"],
                "trained_precision": about.settings["precision"],
                "epochs_trained": about.state["epochs"],
            }

        manifest, exported = build_folder(options.output, wanted, fill)
        record_run_of_skyline(recorder, options, "tensorflow", "keras")
        recorder.provenance(
            model=manifest["model"],
            checkpoint_digest=manifest["checkpoint_digest"],
            dataset_digest=manifest["dataset_digest"],
            epochs_trained=manifest["epochs_trained"],
        )
        recorder.event("exported" if exported else "already_there", str(options.output))
    close_with_table(recorder, f"export: {options.output}")


def _write(folder: Path, checkpoint: Path) -> dict[str, Any]:
    """Write both forms in float32, whatever the training computed in; return their digests."""
    model = restore_network(checkpoint, open_one_device(0), precision="float32")
    paths = {form: folder / name for form, name in FORMS.items()}
    write_saved_model(paths["saved_model"], model, on_photographs(model))
    write_lite_model(paths["tflite"], paths["saved_model"])
    digests = {
        "saved_model": tree_digest(paths["saved_model"]),
        "tflite": file_digest(paths["tflite"]),
    }
    return {"digests": digests}
