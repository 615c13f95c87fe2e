"""What the published code reported of a training run: its table, under the same names."""

import csv
import io
from pathlib import Path

from workloads.common.errors import UnusableInput
from workloads.common.training import LoopState
from workloads.common.writing import replacing

# In the order of the published table.
COLUMNS = (
    *("index", "system", "num_ranks", "num_gpus", "total_time"),
    *("first_epoch_time", "second_epoch_time"),
    *("first_epoch_train_time", "second_epoch_train_time"),
    *("first_epoch_test_time", "second_epoch_test_time"),
    *("imgs_per_s_second_epoch", "imgs_per_s_first_epoch"),
    *("train_accuracy", "test_accuracy", "train_loss", "test_loss"),
    *("batch_size", "epochs", "learning_rate"),
)


def published_figures(state: LoopState) -> dict[str, float]:
    """The figures of a run under their published names; without those of epochs it did not have.

    A second epoch beside the first says what the cache saves. Losses and accuracies are those of
    the last epoch in training, and of the best, whose weights are kept, in testing.
    """
    figures = {
        "total_time": state.seconds,
        "train_accuracy": state.train_accuracy,
        "test_accuracy": state.validation_accuracy,
        "train_loss": state.train_loss,
        "test_loss": state.validation_loss,
    }
    for number, name in enumerate(("first", "second")):
        if number < len(state.epoch_seconds):
            seconds = state.train_seconds[number]
            figures |= {
                f"{name}_epoch_time": state.epoch_seconds[number],
                f"{name}_epoch_train_time": seconds,
                f"{name}_epoch_test_time": state.validation_seconds[number],
                f"imgs_per_s_{name}_epoch": state.epoch_images[number] / seconds,
            }
    return figures


def require_summary(path: Path) -> None:
    """Raise UnusableInput where `path` cannot be such a table, or is another file."""
    if path.is_dir():
        raise UnusableInput(f"{path} is a folder: name a file for --summary")
    if path.exists() and _lines_of(path)[:1] != [",".join(COLUMNS)]:
        raise UnusableInput(f"{path} is not a table of trainings: name another file for --summary")


def add_to_summary(path: Path, row: dict[str, str | int | float]) -> None:
    """Add a row to the table in `path`, which begins with the names of COLUMNS.

    What `row` lacks stays empty. The rows that are there are kept. A row that is the last already
    is not added: the run was killed right behind it.
    """
    lines = _lines_of(path) if path.exists() else [",".join(COLUMNS)]
    written = io.StringIO()
    writer = csv.DictWriter(written, COLUMNS, restval="", lineterminator="")
    writer.writerow({name: row[name] for name in COLUMNS if name in row})
    if lines[-1] != written.getvalue():
        lines.append(written.getvalue())
    with replacing(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n")


def _lines_of(path: Path) -> list[str]:
    return path.read_text(errors="replace").splitlines()
