"""What the image says of itself that this code runs from, if it runs from one."""

import json
from pathlib import Path
from typing import NamedTuple

from workloads.common.errors import UnusableInput

#: The folder of the code: a checkout, or where an image of the suite has it.
CHECKOUT = Path(__file__).parents[2]
# An image has it there from its build; no variable of the host says what it is.
_IDENTITY = "image.json"


class ImageIdentity(NamedTuple):
    """The name of an image, and the commit of the suite that it was built from."""

    name: str
    commit: str


def image_identity(folder: Path) -> ImageIdentity | None:
    """Of the image whose code lies in `folder`; None for a checkout.

    Raises UnusableInput where an image says it in a way that cannot be read.
    """
    path = folder / _IDENTITY
    try:
        said = json.loads(path.read_text())
        return ImageIdentity(str(said["name"]), str(said["suite_commit"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnusableInput(f"{path} does not say what the image is: {error!r}") from None
