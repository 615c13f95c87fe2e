"""Documents that say that there is no verdict: a file of yesterday would say that all is well."""

from xml.etree import ElementTree

from perflogs.documents import json_text
from perflogs.words import shortened

UNUSABLE_INPUT = 2


def unusable_as_prometheus() -> str:
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
    ElementTree.SubElement(case, "error", message=shortened(plain), type="unusable input")
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def unusable_as_json(why: str) -> str:
    """A JSON object with `version` (1), `exit_code` and `error`."""
    return json_text({"version": 1, "exit_code": UNUSABLE_INPUT, "error": why})
