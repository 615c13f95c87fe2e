"""Tables and objects as CSV and JSON text."""

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# What a spreadsheet takes for a formula; the texts come from logs.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """A header and the rows; a text that a spreadsheet would take for a formula is quoted."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: _harmless(value) for key, value in row.items()})

    return text.getvalue()


def json_text(document: Mapping[str, Any]) -> str:
    """The document, with null for what is not finite, which JSON cannot say."""
    return json.dumps(_finite(document), indent=2, allow_nan=False) + "\n"


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(each) for key, each in value.items()}

    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]

    return None if isinstance(value, float) and not math.isfinite(value) else value
