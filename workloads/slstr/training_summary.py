"""What the published code reported of a training run: its table, under the same names."""

import csv
import io
from pathlib import Path

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


def add_to_summary(path: Path, row: dict[str, str | int | float]) -> None:
    """Add a row to the table in `path`, which begins with the names of COLUMNS.

    What `row` lacks stays empty. The rows that are there are kept.
    """
    table = io.StringIO()
    writer = csv.DictWriter(table, COLUMNS, restval="", lineterminator="\n")
    if path.exists():
        table.write(path.read_text())
    else:
        writer.writeheader()
    writer.writerow({name: row[name] for name in COLUMNS if name in row})
    with replacing(path) as temporary:
        temporary.write_text(table.getvalue())
