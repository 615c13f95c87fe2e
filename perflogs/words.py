"""How cases and differences are put into words, on every page alike."""


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
