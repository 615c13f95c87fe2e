"""The suite turns red when the science is broken: faults injected from outside, for real.

Python imports `sitecustomize` before anything else: a fault is a file of that name on PYTHONPATH,
and the workload itself stays as it is.
"""

import os
import random
import re
import shutil
import sys
from pathlib import Path

import pytest

UNTRAINED = """
import sys
if "train" in sys.orig_argv:
    import workloads.common.construction as construction
    import keras
    construction.make_adam = lambda devices, rate, precision: keras.optimizers.Adam(1e-12)
"""
MISSING_METRIC = """
import sys
if "train" in sys.orig_argv:
    from workloads.common.records import Recorder
    record = Recorder.metric
    def forgetful(self, name, value):
        if name != "input_stall_fraction":
            record(self, name, value)
    Recorder.metric = forgetful
"""
ODD_RANK = """
import sys
if "train" in sys.orig_argv:
    import numpy as np
    import workloads.common.group.agreement as agreement
    gather = agreement._gather
    def odd(devices, values):
        return np.concatenate([gather(devices, values), gather(devices, values) + 1])
    agreement._gather = odd
"""
# One position of the map too low, which is four pixels.
SHIFTED_MAP = """
import sys
if "extract" in sys.orig_argv:
    import numpy as np
    import workloads.skyline.extracting as extracting
    extract = extracting.extract_skylines
    extracting.extract_skylines = lambda maps, width: extract(np.roll(maps, 1, axis=1), width)
"""
# The best of all that are level.
STRAIGHT_LINE = """
import sys
if "extract" in sys.orig_argv:
    import numpy as np
    import workloads.skyline.extraction as extraction
    def straight(scores, *_):
        best = scores.sum(axis=0).argmax(axis=1)
        return np.repeat(best[:, None], len(scores), axis=1)
    extraction.best_paths = straight
"""
# A checkpoint as training writes it, of a network that has seen nothing.
UNTRAINED_NETWORK = """
import sys
from pathlib import Path
import keras
from workloads.common import checkpoints
from workloads.skyline.model import build
path = Path(sys.argv[1])
about = checkpoints.describe(path)
keras.utils.set_random_seed(1)
checkpoints.save(path, about, build(about.model))
"""


@pytest.fixture
def broken(suite, tmp_path):
    """Run the training cases with a fault in every Python process."""

    def run(fault, *options):
        (tmp_path / "sitecustomize.py").write_text(fault)
        path = os.pathsep.join([str(tmp_path), str(suite.bare.folder)])
        common = ("-c", "checks", "-r", "-n", "^SkylineTrain", "-P", "pipeline=packed")
        return suite.bare.reframe(*common, *options, PYTHONPATH=path)

    return run


def test_a_model_left_untrained_is_red(broken):
    ended = broken(UNTRAINED, "-S", "epochs=2")
    assert ended.code == 1
    assert "below its floor 0.9" in ended.text


def test_a_missing_metric_is_red_and_named(broken):
    ended = broken(MISSING_METRIC, "-P", "preset=tiny")
    assert ended.code == 1
    assert "the metric input_stall_fraction is missing" in ended.text


def test_a_rank_that_disagrees_is_red_and_named(broken):
    ended = broken(ODD_RANK, "-P", "preset=tiny")
    assert ended.code == 1
    assert "replicas [1] of 1 disagree with replica 0" in ended.text


def test_shuffled_labels_are_red(suite, tmp_path):
    [patches] = suite.bare.folder.glob(".cache/skyline/smoke-1-*/patches")
    shuffled = tmp_path / "shuffled"
    chance = random.Random(1)
    for split in ("training", "validation", "testing"):
        for kind in ("positive", "negative"):
            (shuffled / split / "patches" / kind).mkdir(parents=True)
        for path in sorted((patches / split / "patches").glob("*/*.jpg")):
            kind = chance.choice(["positive", "negative"])
            os.link(path, shuffled / split / "patches" / kind / f"{path.parent.name}-{path.name}")
    ended = suite.bare.reframe(
        "-c", "checks", "-r", "-n", "^SkylineTrain", "-P", "pipeline=packed",
        "-S", f"data={shuffled}", "-S", "epochs=2",
    )  # fmt: skip
    assert ended.code == 1
    assert "validation_accuracy is 0." in ended.text
    assert "below its floor 0.9" in ended.text


def test_patches_changed_behind_their_manifest_are_red(suite, tmp_path):
    [patches] = suite.bare.folder.glob(".cache/skyline/smoke-1-*/patches")
    copied = tmp_path / "patches"
    shutil.copytree(patches, copied, copy_function=os.link)
    victim, other = sorted((copied / "testing/patches/positive").iterdir())[:2]
    victim.unlink()
    shutil.copy(other, victim)
    ended = suite.bare.reframe(
        "-c", "checks", "-r", "-n", "^SkylineTrain", "-P", "pipeline=packed",
        "-S", f"data={copied}",
    )  # fmt: skip
    assert ended.code == 1
    assert "not those of its manifest" in ended.text


@pytest.fixture
def extracted(suite, tmp_path):
    """Run the extraction of the cold run again, after its training, with a fault in its process."""

    def run(fault=""):
        (tmp_path / "sitecustomize.py").write_text(fault)
        path = os.pathsep.join([str(tmp_path), str(suite.bare.folder)])
        session = f"--restore-session={suite.kept / 'report.json'}"
        return suite.bare.reframe("-r", session, "-n", "^SkylineExtract", PYTHONPATH=path)

    return run


def test_an_extraction_after_the_same_training_is_green_where_nothing_is_broken(extracted):
    ended = extracted()
    assert ended.code == 0, ended.text
    assert "Ran 1/1 test case(s)" in ended.text


@pytest.mark.parametrize("fault", [SHIFTED_MAP, STRAIGHT_LINE])
def test_skylines_from_a_shifted_map_or_along_a_straight_line_are_red(extracted, fault):
    ended = extracted(fault)
    assert ended.code == 1
    assert re.search(r"skyline_error is \d+\.\d+, above its ceiling 3\.0", ended.text)


def test_skylines_of_an_untrained_network_are_red(suite, extracted, tmp_path):
    [case] = [each for each in suite.cases("SkylineTrain") if "pipeline=packed" in each["name"]]
    checkpoint = Path(case["stagedir"], "run/best.h5")
    trained = shutil.copy(checkpoint, tmp_path)
    try:
        made = suite.bare.run(sys.executable, "-c", UNTRAINED_NETWORK, checkpoint)
        assert made.code == 0, made.text
        ended = extracted()
    finally:
        shutil.copy(trained, checkpoint)
    assert ended.code == 1
    assert re.search(r"skyline_error is \d+\.\d+, above its ceiling 3\.0", ended.text)
