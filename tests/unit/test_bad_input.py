"""Bad input: one line that says what is wrong and what to do, exit code 2, nothing half-written."""

import shutil

import h5py
import pytest
import simplejpeg

from workloads.skyline.__main__ import main

STAGES = ("download", "synthesise", "pack", "train", "evaluate")


def run(capsys, *arguments):
    """Run a stage in this process; its exit code and its standard error."""
    try:
        code = main([str(each) for each in arguments])
    except SystemExit as ended:
        code = ended.code
    return code, capsys.readouterr().err


def assert_refused(result, *words):
    code, error = result
    assert code == 2, error
    lines = error.strip().splitlines()
    complaint = [line for line in lines if line.startswith("error: ")]
    assert len(complaint) == 1, error
    assert "Traceback" not in error
    for word in words:
        assert word in complaint[0]


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_has_help_that_names_its_options(stage, capsys):
    with pytest.raises(SystemExit) as ended:
        main([stage, "--help"])
    text = capsys.readouterr().out
    assert ended.value.code == 0
    for option in ("--data", "--output", "--preset", "--seed", "--debug"):
        assert option in text


@pytest.mark.parametrize("stage", ["train", "pack"])
def test_a_missing_dataset_is_named(stage, capsys, tmp_path):
    arguments = (stage, "--data", tmp_path / "nowhere", "--output", tmp_path / "out")
    assert_refused(run(capsys, *arguments), "nowhere", "--data")
    assert not (tmp_path / "out" / "last.h5").exists()


def test_an_empty_dataset_is_named(capsys, tmp_path):
    (tmp_path / "empty").mkdir()
    for pipeline in ("packed", "files"):
        arguments = ("train", "--data", tmp_path / "empty", "--output", tmp_path / "out")
        assert_refused(run(capsys, *arguments, "--pipeline", pipeline), "empty")


def test_a_split_without_one_class_is_named(capsys, tmp_path, tiny_patches):
    shutil.copytree(tiny_patches, tmp_path / "data")
    shutil.rmtree(tmp_path / "data/training/patches/negative")
    arguments = ("--data", tmp_path / "data", "--output", tmp_path / "out")
    for stage in (("pack",), ("train", "--pipeline", "files")):
        assert_refused(run(capsys, *stage, *arguments), "training", "negative")


@pytest.mark.parametrize("damage", ["unreadable", "wrong size"])
def test_a_broken_jpeg_met_while_training_is_named(capsys, tmp_path, tiny_patches, damage):
    shutil.copytree(tiny_patches, tmp_path / "data")
    broken = sorted((tmp_path / "data/training/patches/positive").iterdir())[5]
    if damage == "unreadable":
        broken.write_bytes(b"not a picture")
    else:
        picture = simplejpeg.decode_jpeg(broken.read_bytes())[:20]
        broken.write_bytes(simplejpeg.encode_jpeg(picture.copy()))
    arguments = ("train", "--data", tmp_path / "data", "--output", tmp_path / "out", "--gpus", 0)
    result = run(capsys, *arguments, "--pipeline", "files", "--preset", "tiny")
    assert_refused(result, broken.name)
    assert not (tmp_path / "out/last.h5").exists()


def test_damaged_shards_are_named(capsys, tmp_path, tiny_packed):
    shutil.copytree(tiny_packed, tmp_path / "data")
    (tmp_path / "data/training-03-of-32.h5").write_bytes(b"nothing")
    arguments = ("train", "--data", tmp_path / "data", "--output", tmp_path / "out", "--gpus", 0)
    assert_refused(run(capsys, *arguments), "training-03-of-32.h5", "pack the dataset again")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("train", "--preset", "huge"), ("--preset", "huge")),
        (("train", "--precision", "float8"), ("--precision",)),
        (("train", "--epochs", "0"), ("--epochs",)),
        (("train", "--colour", "blue"), ("--colour",)),
        (("synthesise", "--seed", "-1"), ("--seed",)),
        (("synthesise", "--seed", "5000000000"), ("--seed",)),
        (("train", "--gpus", "-1"), ("--gpus",)),
        (("sing",), ("sing",)),
        (("train",), ("--output",)),
    ],
)
def test_a_wrong_preset_or_option_is_one_line(capsys, tmp_path, arguments, words):
    rest = () if arguments in {("train",), ("sing",)} else ("--output", tmp_path / "out")
    assert_refused(run(capsys, *arguments, *rest), *words)
    assert not (tmp_path / "out").exists()


def test_deterministic_operations_cannot_be_compiled(capsys, tmp_path, tiny_packed):
    arguments = ("train", "--data", tiny_packed, "--output", tmp_path / "out")
    assert_refused(run(capsys, *arguments, "--jit", "--deterministic"), "leave out --jit")


def test_more_gpus_than_there_are(capsys, tmp_path, tiny_packed):
    arguments = ("train", "--data", tiny_packed, "--output", tmp_path / "out", "--gpus", 64)
    assert_refused(run(capsys, *arguments), "64 GPUs", "--gpus")


@pytest.fixture
def trained(tmp_path, tiny_packed):
    arguments = [
        "train",
        "--preset",
        "tiny",
        "--data",
        tiny_packed,
        "--gpus",
        0,
        "--max-steps",
        100,
    ]
    assert main([str(each) for each in (*arguments, "--output", tmp_path / "run")]) == 0
    return tmp_path / "run"


def test_a_checkpoint_of_the_other_model_or_none_at_all(capsys, tmp_path, tiny_packed, trained):
    evaluate = ("evaluate", "--data", tiny_packed, "--output", tmp_path / "e", "--gpus", 0)
    other = run(capsys, *evaluate, "--checkpoint", trained, "--model", "optimised")
    assert_refused(other, "holds the model 'original', not 'optimised'", "--model original")
    missing = run(capsys, *evaluate, "--checkpoint", tmp_path / "nowhere")
    assert_refused(missing, "no checkpoint", "run the train stage first")
    (trained / "best.h5").write_bytes(b"rubbish")
    assert_refused(run(capsys, *evaluate, "--checkpoint", trained), "not a checkpoint")
    with h5py.File(trained / "best.h5", "w") as file:
        file.attrs["model"] = "original"
    assert_refused(run(capsys, *evaluate, "--checkpoint", trained), "not a checkpoint")
    again = run(capsys, "train", "--data", tiny_packed, "--output", trained, "--model", "optimised")
    assert_refused(again, "other settings (", "model", "choose another folder")


@pytest.mark.parametrize("stage", ["synthesise", "pack"])
def test_no_permission_to_write_is_one_line(capsys, tiny_patches, stage):
    # Nobody may make folders there, root included.
    arguments = (stage, "--preset", "tiny", "--output", "/sys/trigpoint")
    data = ("--data", tiny_patches) if stage == "pack" else ()
    assert_refused(run(capsys, *arguments, *data), "no permission", "write where you may")


def test_debug_adds_the_traceback(capsys, tmp_path):
    arguments = ("pack", "--data", tmp_path / "nowhere", "--output", tmp_path / "out", "--debug")
    code, error = run(capsys, *arguments)
    assert code == 2
    assert "Traceback" in error
    assert error.strip().splitlines()[-1].startswith("error: ")
