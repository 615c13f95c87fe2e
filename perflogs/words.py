"""How cases, differences and texts of records are put into words, on every page alike."""

from rich.console import Console
from rich.markup import escape

_LONGEST = 300


def amount(value: float, comparison: str, unit: str) -> str:
    """A difference in the terms in which the metric is compared: `-5.2 %`, `+0.012 K`."""
    if comparison != "absolute":
        return f"{100 * value:+.1f} %"

    return f"{value:+.4g}{unit_behind(unit)}"


def unit_behind(unit: str) -> str:
    """The unit as it follows a number; nothing for a plain number."""
    return "" if unit in ("", "1") else f" {unit}"


def case_in_words(name: str) -> str:
    """The case, as `SkylineTrain num_gpus=1 preset=nightly`."""
    return " ".join(name.split(" %"))


def for_terminal(text: str) -> str:
    """A text of a record as it may be printed with Rich: one line of printable characters, none of
    which a terminal would act upon or Rich take for markup."""
    return escape("".join(each if each.isprintable() else _replaced(each) for each in text))


def say(console: Console, text: str) -> None:
    """Prints lines with Rich's markup, which are neither folded nor coloured by what is in them."""
    console.print(text, soft_wrap=True, highlight=False)


def shortened(text: str) -> str:
    """The beginning of a text that is longer than anybody reads."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _replaced(character: str) -> str:
    return " " if character.isspace() else "?"
