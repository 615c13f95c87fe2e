"""What all findings of a series say alike, whatever was found."""

from datetime import date
from typing import Any

from perflogs.judging.finding import finding_name
from perflogs.series import Series


def fields_of_series(series: Series, state: str, *about: str) -> dict[str, Any]:
    """The fields of a finding that follow from its series; `about` tells several of the same state
    apart."""
    return {
        "identity": finding_name(state, series.identity, *about),
        "state": state,
        "system": series.system,
        "partition": series.partition,
        "environ": series.environ,
        "name": series.name,
        "series": series.identity,
    }


def night_of(series: Series, place: int) -> date:
    """The night of the run at this place in the series."""
    night: date = series.nights[place].item()
    return night
