"""The stage `cost`: start, import and train natively and in an image, one after the other."""

import argparse
import importlib
import os
import shutil
from pathlib import Path

from workloads.common.cache import cache_root
from workloads.common.errors import UnusableInput
from workloads.common.group.process_group import process_group
from workloads.common.progress import print_table, progress_of
from workloads.common.provenance import record_run
from workloads.common.records import recording
from workloads.common.writing import only_run
from workloads.container import VERSION
from workloads.container.measuring import MEASUREMENTS_OF_A_PAIR, Bench
from workloads.container.presets import PRESETS
from workloads.container.report import print_comparison, record_comparison
from workloads.container.sides import image_side, native_side
from workloads.container.sizes import image_bytes
from workloads.container.trainings import TRAININGS, Places


def run(options: argparse.Namespace) -> None:
    """Measure as the options say. Raises UnusableInput and RunFailed."""
    if process_group(os.environ).processes > 1:
        raise UnusableInput("`cost` starts both sides itself: start one process")
    with only_run(options.output), recording("cost", options.output) as recorder:
        trained = importlib.import_module(f"workloads.{options.workload}").VERSION
        version = f"{VERSION}-{options.workload}-{trained}"
        record_run(recorder, options, "container", version, "tensorflow", "keras")
        recorder.provenance(trained_workload=options.workload)
        if options.image is not None:
            recorder.metric("image_size_bytes", image_bytes(options.image))
        bench = _bench(options)
        # What a killed run left is of another hour: both sides are measured in this one.
        shutil.rmtree(bench.places.folder, ignore_errors=True)
        bench.places.folder.mkdir()
        bench.prepare()
        total = MEASUREMENTS_OF_A_PAIR * options.runs
        with progress_of("comparing", total, "measurements") as advance:
            measured = bench.measure(options.runs, advance)
        shutil.rmtree(bench.places.folder)
        record_comparison(recorder, measured)
        recorder.provenance(results_agree=True)
    print_comparison(measured)
    print_table(f"cost: {options.output}", recorder.figures)


def _bench(options: argparse.Namespace) -> Bench:
    preset = PRESETS[options.preset]().training
    # The children run elsewhere, and one of them sees other folders at their paths.
    output = Path(options.output).absolute()
    places = Places(
        data=None if options.data is None else options.data.absolute(),
        cache=cache_root(options.cache).absolute(),
        synthetic=f"{preset}-{options.seed}",
        folder=output / "work",
    )
    return Bench(
        native=native_side(),
        image=image_side(options.launch),
        workload=options.workload,
        training=TRAININGS[options.workload],
        places=places,
        common=["--preset", preset, "--seed", str(options.seed)],
        computing=["--gpus", str(options.gpus)],
        folder=output,
    )
