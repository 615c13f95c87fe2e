"""Compares a node's clock with this host's, through files in a folder that both see.

The node makes an empty file, this host answers with its time in another, and the node notes when
it sees that: as with NTP, half of the round trip bounds the error of the comparison."""

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

INTERVAL_SECONDS = 0.005


@dataclass(frozen=True)
class Offset:
    """How far a node's clock is ahead of this host's, in seconds, and the bound of the error."""

    ahead: float
    error: float


@contextmanager
def answering(folders: Iterable[Path]) -> Iterator[None]:
    """Answers the nodes that ask for the time in `folders`."""
    over = threading.Event()
    thread = threading.Thread(target=_answer, args=(list(folders), over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _answer(folders: list[Path], over: threading.Event) -> None:
    answered: set[Path] = set()
    while not over.wait(INTERVAL_SECONDS):
        for folder in folders:
            for asked in set(folder.glob("clock-ask-*")) - answered:
                answered.add(asked)
                number = asked.name.rpartition("-")[2]
                unfinished = folder / f"answering-{number}"
                unfinished.write_text(repr(time.time()))
                unfinished.rename(folder / f"clock-answer-{number}")


def offset(rounds: list[list[float]]) -> Offset | None:
    """The offset by the shortest round; None where no round was answered, or none makes sense."""
    sound = [each for each in rounds if len(each) == 3 and each[0] <= each[2]]
    if not sound:
        return None

    asked, here, answered = min(sound, key=lambda each: each[2] - each[0])
    return Offset((asked + answered) / 2 - here, (answered - asked) / 2)
