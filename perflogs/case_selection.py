"""Options of ReFrame that select cases by name, as it matches names: without their spaces."""

import re
from collections.abc import Collection, Sequence


def selected_by_name(names: Sequence[str], assigned: Sequence[str]) -> list[str]:
    """Options of ReFrame that select these cases, with the parameters that `assigned` sets (as
    `preset=tiny,nightly`) as the first of them has them."""
    # ReFrame selects by name before it sets parameters anew or deals cases to nodes, and looks
    # for what a case needs among the selected ones only.
    changed = {each.split("=", 1)[0] for each in assigned}
    options: list[str] = []
    for name in names:
        options += ["-n", _pattern(name, changed)]

    for assignment in assigned:
        options += ["-P", _narrowed(assignment, names[0])]

    return options


def parameters_of(name: str) -> dict[str, str]:
    """The parameters in the name of a case: `{"preset": "tiny"}` of `Train %preset=tiny`."""
    return dict(each.strip().split("=", 1) for each in name.split(" %")[1:] if "=" in each)


def _pattern(name: str, changed: Collection[str]) -> str:
    """Matches this name alone, without its spaces, as ReFrame does."""
    check, *parameters = name.split(" %")
    # A variable that was given as if it were a parameter: ReFrame adds it after it has selected.
    parameters = [each for each in parameters if not each.startswith(".")]
    keys = [each.split("=", 1)[0] for each in parameters]
    return "".join(
        [
            f"^{_literally(check)}",
            *(
                f"%{_literally(key)}=[^%]*" if key in changed else f"%{_literally(each)}"
                for key, each in zip(keys, parameters, strict=True)
            ),
            "$",
        ]
    )


def _literally(text: str) -> str:
    # A pattern with an @ is one of ReFrame's numbers of variants.
    return re.escape(text.replace(" ", "")).replace("@", r"\x40")


def _narrowed(given: str, case: str) -> str:
    name = given.split("=", 1)[0]
    parameters = parameters_of(case)
    value = parameters.get(name, parameters.get(f".{name}"))
    # A comma would make two values of it.
    return given if value is None or "," in value else f"{name}={value}"
