"""The product's manifest: an XFDU document that lists every file with its size and checksum."""

import hashlib
from collections.abc import Mapping
from xml.etree import ElementTree

MANIFEST_FILE = "xfdumanifest.xml"
_XFDU = "urn:ccsds:schema:xfdu:1"
_SAFE = "http://www.esa.int/safe/sentinel/1.1"


def manifest_xml(start: str, stop: str, files: Mapping[str, bytes]) -> bytes:
    """The manifest of a product between two times, ISO 8601, that consists of `files`."""
    ElementTree.register_namespace("xfdu", _XFDU)
    ElementTree.register_namespace("sentinel-safe", _SAFE)
    root = ElementTree.Element(f"{{{_XFDU}}}XFDU", {"version": "esa/safe/sentinel/sentinel-3/1.0"})
    package = ElementTree.SubElement(root, "informationPackageMap")
    unit = ElementTree.SubElement(
        package, f"{{{_XFDU}}}contentUnit", {"unitType": "Information Package"}
    )
    metadata = ElementTree.SubElement(root, "metadataSection")
    _add_period(metadata, start, stop)
    objects = ElementTree.SubElement(root, "dataObjectSection")
    for name, content in files.items():
        identity = f"{name.removesuffix('.nc')}Data"
        part = ElementTree.SubElement(unit, f"{{{_XFDU}}}contentUnit", {"ID": f"{identity}Unit"})
        ElementTree.SubElement(part, "dataObjectPointer", {"dataObjectID": identity})
        _add_object(objects, identity, name, content)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True)


def _add_period(metadata: ElementTree.Element, start: str, stop: str) -> None:
    about = ElementTree.SubElement(
        metadata, "metadataObject", {"ID": "acquisitionPeriod", "classification": "DESCRIPTION"}
    )
    wrap = ElementTree.SubElement(about, "metadataWrap", {"mimeType": "text/xml"})
    data = ElementTree.SubElement(wrap, "xmlData")
    period = ElementTree.SubElement(data, f"{{{_SAFE}}}acquisitionPeriod")
    ElementTree.SubElement(period, f"{{{_SAFE}}}startTime").text = start
    ElementTree.SubElement(period, f"{{{_SAFE}}}stopTime").text = stop


def _add_object(objects: ElementTree.Element, identity: str, name: str, content: bytes) -> None:
    entry = ElementTree.SubElement(objects, "dataObject", {"ID": identity})
    stream = ElementTree.SubElement(
        entry, "byteStream", {"mimeType": "application/x-netcdf", "size": str(len(content))}
    )
    ElementTree.SubElement(stream, "fileLocation", {"locatorType": "URL", "href": name})
    checksum = ElementTree.SubElement(stream, "checksum", {"checksumName": "MD5"})
    # The format asks for MD5; it guards against damage, not against malice.
    checksum.text = hashlib.md5(content, usedforsecurity=False).hexdigest()
