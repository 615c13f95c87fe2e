"""The stage `export`: models that run without this suite, and say what the trained network says."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
import simplejpeg

from workloads.common import checkpoints
from workloads.common.checkpoints import Checkpoint
from workloads.common.errors import UnusableInput
from workloads.common.inference import open_one_device
from workloads.skyline import VERSION
from workloads.skyline.__main__ import main
from workloads.skyline.exports import find_export
from workloads.skyline.model import MODEL_NAMES, build
from workloads.skyline.networks import network_of_checkpoint, network_of_export
from workloads.skyline.objective import PatchClassification

FORMS = {"saved_model": "saved_model", "tflite": "skyline.tflite"}
SIZES = [(29, 29), (29, 61), (240, 348), (53, 33), (400, 300), (29, 29)]
TOLERANCE = 1e-5
# All that somebody needs who has an exported model, and nothing of this suite.
ELSEWHERE = """
import sys
import numpy as np, tensorflow as tf
folder, given, result = sys.argv[1:]
photographs = np.load(given)
endpoint = tf.saved_model.load(folder + "/saved_model").signatures["serving_default"]
[output] = endpoint(images=photographs).values()
lite = tf.lite.Interpreter(folder + "/skyline.tflite")
index = lite.get_input_details()[0]["index"]
lite.resize_tensor_input(index, photographs.shape)
lite.allocate_tensors()
lite.set_tensor(index, photographs)
lite.invoke()
np.savez(result, saved=output, lite=lite.get_tensor(lite.get_output_details()[0]["index"]))
"""


def run(capsys, *arguments):
    code = main([str(each) for each in arguments])
    written = capsys.readouterr()
    return code, written.out, written.err


def photographs_of(patches, height, width, count=2):
    """Crops of real photographs, and repetitions where those are too small."""
    files = sorted((patches / "photographs/training").glob("*.jpg"))[:count]
    pictures = [simplejpeg.decode_jpeg(path.read_bytes()) for path in files]
    return np.stack([np.tile(each, (2, 2, 1))[60 : 60 + height, :width] for each in pictures])


def checkpoint_of(folder, name, precision):
    """A checkpoint as `train` leaves it, of a network with the weights that it begins with.

    The last are scaled, so that no probability of noise is 0 or 1.
    """
    keras.config.set_dtype_policy(precision)
    keras.utils.set_random_seed(3)
    model = build(name)
    keras.config.set_dtype_policy("float32")
    noise = np.random.default_rng(0).uniform(0, 255, (4, 61, 77, 3)).astype(np.float32)
    scores = keras.Model(model.inputs, model.layers[-1].input)(noise)
    kernel = model.layers[-3].kernel
    kernel.assign(kernel / np.abs(scores).max())
    settings = {
        "workload_version": VERSION,
        "model": name,
        "seed": 3,
        "dataset_digest": "none",
        "pipeline": "files",
        "precision": precision,
    }
    folder.mkdir()
    checkpoints.save(folder / checkpoints.BEST, Checkpoint(name, settings, {"epochs": 2}), model)
    return folder


@pytest.fixture(scope="module")
def exported(tiny_run, tmp_path_factory):
    """The --output of an export of the tiny run; not to be changed."""
    folder = tmp_path_factory.mktemp("exported") / "model"
    assert main(["export", "--checkpoint", str(tiny_run), "--output", str(folder)]) == 0
    return folder


@pytest.mark.parametrize("form", FORMS)
def test_an_export_says_what_the_trained_network_says_at_any_size(
    exported, tiny_run, tiny_patches, form
):
    trained = network_of_checkpoint(tiny_run, open_one_device(0))
    network = network_of_export(find_export(exported / FORMS[form]))
    assert (network.form, network.name, network.precision) == (form, "original", "float32")
    assert (network.epochs, network.pipeline) == (trained.epochs, trained.pipeline)
    for height, width in SIZES:
        photographs = photographs_of(tiny_patches, height, width)
        ours, theirs = network.infer(photographs), trained.infer(photographs)
        assert ours.dtype == np.float32
        assert ours.shape == theirs.shape == (2, (height - 25) // 4, (width - 25) // 4, 2)
        assert np.abs(ours - theirs).max() < TOLERANCE
        assert height < 240 or theirs[..., 1].std() > 0.01


@pytest.mark.parametrize("form", ["checkpoint", *FORMS])
def test_on_patches_every_form_says_what_training_and_evaluation_saw(
    exported, tiny_run, tiny_patches, form
):
    files = sorted((tiny_patches / "testing/patches").rglob("*.jpg"))[::9]
    patches = np.stack([simplejpeg.decode_jpeg(each.read_bytes()) for each in files])
    model = build("original")
    checkpoints.restore(tiny_run / checkpoints.BEST, model)
    images = PatchClassification().prepare(patches, np.zeros(len(patches), np.int32))
    expected = np.asarray(model(images, training=False))
    assert expected.shape == (len(patches), 1, 1, 2)
    assert expected[..., 1].std() > 0.1
    if form == "checkpoint":
        network = network_of_checkpoint(tiny_run, open_one_device(0))
    else:
        network = network_of_export(find_export(exported / FORMS[form]))
    assert np.abs(network.infer(patches) - expected).max() < TOLERANCE


@pytest.mark.parametrize("name", MODEL_NAMES)
@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_every_network_is_exported_in_float32_whatever_it_was_trained_in(
    tmp_path, tiny_patches, name, precision
):
    run_folder = checkpoint_of(tmp_path / "run", name, precision)
    arguments = ["export", "--checkpoint", str(run_folder), "--output", str(tmp_path / "model")]
    assert main(arguments) == 0
    keras.config.set_dtype_policy("float32")
    model = build(name)
    checkpoints.restore(run_folder / checkpoints.BEST, model)
    photographs = photographs_of(tiny_patches, 61, 77)
    expected = np.asarray(model(photographs.astype(np.float32)))
    assert expected[..., 1].std() > 1e-3
    for form in FORMS.values():
        network = network_of_export(find_export(tmp_path / "model" / form))
        assert np.abs(network.infer(photographs) - expected).max() < TOLERANCE
        assert (network.epochs, network.pipeline) == (2, "files")


def test_a_network_trained_in_less_precision_computes_in_that(tmp_path, tiny_patches):
    run_folder = checkpoint_of(tmp_path / "run", "original", "mixed_bfloat16")
    network = network_of_checkpoint(run_folder, open_one_device(0))
    keras.config.set_dtype_policy("float32")
    assert network.precision == "mixed_bfloat16"
    model = build("original")
    checkpoints.restore(run_folder / checkpoints.BEST, model)
    photographs = photographs_of(tiny_patches, 61, 77)
    difference = np.abs(network.infer(photographs) - model(photographs.astype(np.float32))).max()
    assert 1e-5 < difference < 0.1


def test_exports_run_without_this_suite(exported, tiny_run, tiny_patches, tmp_path):
    photographs = photographs_of(tiny_patches, 64, 80)
    np.save(tmp_path / "in.npy", photographs)
    shutil.copytree(exported, tmp_path / "model")
    arguments = [str(tmp_path / each) for each in ("model", "in.npy", "out.npz")]
    command = [sys.executable, "-c", ELSEWHERE, *arguments]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    trained = network_of_checkpoint(tiny_run, open_one_device(0))
    for ours in np.load(tmp_path / "out.npz").values():
        assert np.abs(ours - trained.infer(photographs)).max() < TOLERANCE


def test_the_lite_model_holds_the_weights(exported):
    assert (exported / "skyline.tflite").stat().st_size > 4 * 428_732


def test_the_manifest_says_what_was_exported(exported, tiny_run, capfd):
    manifest = json.loads((exported / "manifest.json").read_text())
    about = checkpoints.describe(tiny_run / checkpoints.BEST)
    expected = {
        "format": "trigpoint-skyline-export",
        "model": "original",
        "patch_size": 29,
        "stride": 4,
        "dataset_digest": about.settings["dataset_digest"],
        "epochs_trained": about.state["epochs"],
        "pipeline": "packed",
    }
    assert {key: manifest[key] for key in expected} == expected
    assert sorted(manifest["digests"]) == ["saved_model", "tflite"]
    files = {path.name for path in exported.iterdir()}
    assert files == {"saved_model", "skyline.tflite", "manifest.json"}


def test_an_export_that_is_there_is_left_alone_and_another_refused(
    capsys, exported, tiny_run, tmp_path
):
    before = {path: path.stat().st_mtime_ns for path in exported.rglob("*")}
    code, out, _ = run(capsys, "export", "--checkpoint", tiny_run, "--output", exported)
    assert code == 0
    assert '"already_there"' in out
    assert {path: path.stat().st_mtime_ns for path in exported.rglob("*")} == before
    other = checkpoint_of(tmp_path / "run", "optimised", "float32")
    code, _, error = run(capsys, "export", "--checkpoint", other, "--output", exported)
    assert code == 2
    assert "holds something else" in error


def test_an_export_is_whole_or_not_there(capsys, tiny_run, tmp_path, monkeypatch):
    def fail(*_arguments):
        raise OSError(28, "No space left on device", "skyline.tflite")

    from workloads.skyline.stages import export

    with monkeypatch.context() as patched:
        patched.setattr(export, "write_lite_model", fail)
        code, _, error = run(capsys, "export", "--checkpoint", tiny_run, "--output", tmp_path / "m")
    assert code == 2
    assert "no space left" in error
    assert not (tmp_path / "m").exists()
    assert run(capsys, "export", "--checkpoint", tiny_run, "--output", tmp_path / "m")[0] == 0
    assert find_export(tmp_path / "m").form == "saved_model"


def test_a_checkpoint_that_is_none_of_ours_is_refused(capsys, tmp_path):
    arguments = ("export", "--checkpoint", tmp_path / "run", "--output", tmp_path / "model")
    assert "no checkpoint at" in run(capsys, *arguments)[2]
    checkpoint_of(tmp_path / "run", "original", "float32")
    with h5py.File(tmp_path / "run/best.h5", "a") as file:
        file.attrs["model"] = "resnet"
    code, _, error = run(capsys, *arguments)
    assert code == 2
    assert "holds the model 'resnet', not one of original, optimised" in error
    assert not (tmp_path / "model").exists()


def test_a_folder_gives_its_saved_model_and_each_form_itself(exported):
    assert find_export(exported).form == "saved_model"
    assert find_export(exported / "saved_model").form == "saved_model"
    assert find_export(exported / "skyline.tflite").form == "tflite"


def damaged(folder, how):
    if how == "tflite":
        with (folder / "skyline.tflite").open("r+b") as file:
            file.seek(-1000, 2)
            file.write(b"damage")
        return folder / "skyline.tflite"
    if how == "weights":
        data = next((folder / "saved_model/variables").glob("*.data*"))
        data.write_bytes(data.read_bytes()[:-1] + b"!")
    if how == "added":
        (folder / "saved_model/assets").mkdir(exist_ok=True)
        (folder / "saved_model/assets/more").write_text("more")
    if how == "manifest":
        (folder / "manifest.json").unlink()
    if how == "nonsense":
        (folder / "manifest.json").write_text("{")
    if how in {"format_version", "pipeline", "digests"}:
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest[how] = 7
        if how == "pipeline":
            del manifest[how]
        (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("tflite", "skyline.tflite is not the network that was exported"),
        ("weights", "saved_model is not the network that was exported"),
        ("added", "saved_model is not the network that was exported"),
        ("manifest", "is no exported network with a manifest.json"),
        ("nonsense", "is not a manifest"),
        ("format_version", "is not of this version of export (format_version)"),
        ("pipeline", "is not of this version of export (pipeline)"),
        ("digests", "is not of this version of export"),
    ],
)
def test_a_damaged_export_is_refused(exported, tmp_path, how, words):
    shutil.copytree(exported, tmp_path / "model")
    with pytest.raises(UnusableInput) as refused:
        find_export(damaged(tmp_path / "model", how))
    assert words in str(refused.value)


@pytest.mark.parametrize("kind", ["missing", "empty folder", "checkpoint", "text file"])
def test_what_is_no_export_is_refused(tiny_run, tmp_path, kind):
    (tmp_path / "empty folder").mkdir()
    (tmp_path / "text file").write_text("text")
    (tmp_path / "manifest.json").write_text("{}")
    path = tiny_run if kind == "checkpoint" else tmp_path / kind
    with pytest.raises(UnusableInput, match=r"run the export stage first|is no exported network"):
        find_export(path)


@pytest.mark.parametrize("form", FORMS)
def test_extraction_from_an_export_finds_what_the_checkpoint_finds(
    capsys, exported, tiny_run, tmp_path, cache, form
):
    options = ("--preset", "tiny", "--cache", cache, "--gpus", 0)
    skylines = []
    for number, network in enumerate(
        [("--checkpoint", tiny_run), ("--exported", exported / FORMS[form])]
    ):
        output = tmp_path / str(number)
        code, out, error = run(capsys, "extract", *network, "--output", output, *options)
        assert code == 0, error
        skylines.append(
            [json.loads(path.read_text())["skyline"] for path in sorted(output.glob("*.json"))]
        )
    assert f'"model_form", "value": "{form}"' in out
    assert np.abs(np.array(skylines[0]) - np.array(skylines[1])).mean() < 0.1


def test_a_lite_model_is_not_asked_to_use_a_gpu(capsys, exported, tmp_path):
    arguments = ("extract", "--exported", exported / "skyline.tflite", "--output", tmp_path / "out")
    code, _, error = run(capsys, *arguments, "--gpus", 1, Path(__file__))
    assert code == 2
    assert "give --gpus 0" in error


@pytest.mark.parametrize("stage", ["evaluate", "export", "extract"])
def test_a_network_of_another_version_of_the_workload_is_refused(capsys, tmp_path, stage):
    folder = checkpoint_of(tmp_path / "old", "original", "float32")
    with h5py.File(folder / checkpoints.BEST, "a") as file:
        settings = json.loads(file.attrs["settings"])
        file.attrs["settings"] = json.dumps(settings | {"workload_version": "1"})
    arguments = [stage, "--checkpoint", str(folder), "--output", str(tmp_path / "output")]
    assert main(arguments) == 2
    assert f"trained by version 1 of the workload, this is {VERSION}" in capsys.readouterr().err
