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
INVERTED_MASKS = """
import sys
if "inference" in sys.orig_argv:
    import workloads.slstr.inferring as inferring
    mask_of = inferring.mask_of
    inferring.mask_of = lambda probability: 1 - mask_of(probability)
"""
NO_NORMALISATION = """
import sys
if "inference" in sys.orig_argv:
    from keras import ops
    from workloads.slstr.normalisation import ChannelNormalisation
    ChannelNormalisation.call = lambda self, channels: ops.nan_to_num(channels)
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

    def run(fault, *options, check=("^SkylineTrain", "-P", "pipeline=packed")):
        (tmp_path / "sitecustomize.py").write_text(fault)
        path = os.pathsep.join([str(tmp_path), str(suite.bare.folder)])
        return suite.bare.reframe("-c", "checks", "-r", "-n", *check, *options, PYTHONPATH=path)

    return run


def test_a_model_left_untrained_is_red(broken):
    ended = broken(UNTRAINED, "-S", "epochs=2")
    assert ended.code == 1
    assert "below its floor 0.9" in ended.text


def test_a_missing_metric_is_red_and_named(broken):
    ended = broken(MISSING_METRIC, "-P", "preset=tiny")
    assert ended.code == 1
    assert "the metric input_stall_fraction is missing" in ended.text


# ReFrame gives a parameter to the checks that are named alone, and so not to those they wait for.
@pytest.mark.parametrize(
    "check",
    [("^SkylineTrain", "-P", "pipeline=packed"), ("^Slstr(Extract|Convert|Train)",)],
)
def test_a_rank_that_disagrees_is_red_and_named(broken, check):
    ended = broken(ODD_RANK, "-P", "preset=tiny", check=check)
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
def after_training(suite, tmp_path):
    """Run a check of the cold run again, after its training, with a fault in its process."""

    def run(check, fault=""):
        (tmp_path / "sitecustomize.py").write_text(fault)
        path = os.pathsep.join([str(tmp_path), str(suite.bare.folder)])
        session = f"--restore-session={suite.kept / 'report.json'}"
        return suite.bare.reframe("-r", session, "-n", f"^{check}", PYTHONPATH=path)

    return run


@pytest.mark.parametrize("check", ["SkylineExtract", "SlstrInference"])
def test_what_comes_after_the_same_training_is_green_where_nothing_is_broken(after_training, check):
    ended = after_training(check)
    assert ended.code == 0, ended.text
    assert "Ran 1/1 test case(s)" in ended.text


@pytest.mark.parametrize("fault", [INVERTED_MASKS, NO_NORMALISATION])
def test_inverted_masks_and_a_network_without_its_normalisation_are_red(after_training, fault):
    ended = after_training("SlstrInference", fault)
    assert ended.code == 1
    assert re.search(r"bayes_accuracy is 0\.\d+, below its floor 0\.85", ended.text)


@pytest.mark.parametrize("fault", [SHIFTED_MAP, STRAIGHT_LINE])
def test_skylines_from_a_shifted_map_or_along_a_straight_line_are_red(after_training, fault):
    ended = after_training("SkylineExtract", fault)
    assert ended.code == 1
    assert re.search(r"skyline_error is \d+\.\d+, above its ceiling 3\.0", ended.text)


def test_skylines_of_an_untrained_network_are_red(suite, after_training, tmp_path):
    [case] = [each for each in suite.cases("SkylineTrain") if "pipeline=packed" in each["name"]]
    checkpoint = Path(case["stagedir"], "run/best.h5")
    trained = shutil.copy(checkpoint, tmp_path)
    try:
        made = suite.bare.run(sys.executable, "-c", UNTRAINED_NETWORK, checkpoint)
        assert made.code == 0, made.text
        ended = after_training("SkylineExtract")
    finally:
        shutil.copy(trained, checkpoint)
    assert ended.code == 1
    assert re.search(r"skyline_error is \d+\.\d+, above its ceiling 3\.0", ended.text)
