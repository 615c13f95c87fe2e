"""Looks at an image before a case runs in it, and at what the stage said of it afterwards."""

from pathlib import Path

from reframe.core.exceptions import ReframeError

from checks.base import image_files, image_rules
from checks.base.evidence import Evidence
from checks.base.image_rules import Wanted
from checks.base.images import Image
from checks.base.records import MARK, Records
from checks.base.sanity import INPUT, JUDGEMENT, RUN, Complaint


def examine(image: Image, wanted: Wanted) -> str:
    """The digest of an image. Raises ReframeError where the manifest beside it tells that it is
    not the one that is wanted, or no longer the one that was built."""
    if not image.is_file:
        return image.named_digest

    path = Path(image.place)
    digest, manifest = image_files.digest(path), image_files.read_manifest(path)
    if manifest is None:
        return digest

    wrong = image_rules.complaint(manifest.name, manifest.commit, wanted)
    if wrong:
        raise ReframeError(wrong)

    if manifest.digest != digest:
        raise ReframeError(
            f"the image {path} has digest {digest}, its manifest says {manifest.digest}: it was "
            "changed, or copied without its manifest; build or copy it again"
        )

    return digest


def exchanged(place: str, digest: str) -> Complaint | None:
    """What is wrong with an image that is not there any more as it was before the job: the record
    would name another than ran."""
    path = Path(place)
    if not place.startswith("/") or (path.exists() and image_files.digest(path) == digest):
        return None

    return Complaint(
        INPUT,
        f"the image {place} was exchanged or removed after its digest {digest} was taken, and"
        " before the job ended: nothing says which one ran; run again",
    )


def judge(
    complaint: Complaint | None, evidence: Evidence, records: Records, wanted: Wanted
) -> Complaint | None:
    """What is wrong with a stage that ran in an image, of which `complaint` is all that is known
    without it: a wrong image comes before all that may follow from it."""
    if complaint is not None and complaint.kind not in (INPUT, RUN, JUDGEMENT):
        return complaint

    wrong = image_rules.complaint_of_records(records, wanted)
    if wrong:
        return Complaint(INPUT, wrong)

    if complaint is not None and complaint.kind == RUN and MARK not in evidence.stdout:
        started = f"the image {wanted.place} did not start {wanted.workload}"
        return Complaint(INPUT, f"{started}: {complaint.text}")

    return complaint
