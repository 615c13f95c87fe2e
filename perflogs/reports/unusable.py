"""Documents that say that there is no verdict: a file of yesterday would say that all is well."""

from collections.abc import Callable, Sequence
from xml.etree import ElementTree

from perflogs.documents import csv_text, json_text
from perflogs.exit_codes import UNUSABLE_INPUT
from perflogs.words import shortened

_UNUSABLE = "unusable input"


def unusable_as_prometheus(_why: str) -> str:
    """The exit code alone: without verdict there is no other value."""
    name = "trigpoint_check_exit_code"
    return f"# HELP {name} Exit code of `check`.\n# TYPE {name} gauge\n{name} {UNUSABLE_INPUT}\n"


def unusable_as_junit(why: str) -> str:
    """One suite with one test, which ended with an error."""
    root = ElementTree.Element("testsuites", name="perflogs")
    counts = {"tests": "1", "errors": "1", "failures": "0", "skipped": "0"}
    suite = ElementTree.SubElement(root, "testsuite", {"name": "perflogs", **counts})
    case = ElementTree.SubElement(suite, "testcase", classname="perflogs", name="check")
    plain = "".join(each if each.isprintable() else " " for each in why)
    ElementTree.SubElement(case, "error", message=shortened(plain), type=_UNUSABLE)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def unusable_as_json(why: str) -> str:
    """A JSON object with `version` (1), `exit_code` and `error`."""
    return json_text({"version": 1, "exit_code": UNUSABLE_INPUT, "error": why})


def unusable_as_csv(columns: Sequence[str], kind: str) -> Callable[[str], str]:
    """Writes these columns and one row, which says in the column `kind` that the input cannot be
    used, and in `reason` why: no row at all would read as if nothing were wrong."""
    return lambda why: csv_text(columns, [{kind: _UNUSABLE, "reason": why}])
