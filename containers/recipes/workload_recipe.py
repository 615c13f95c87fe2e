"""The recipe of a workload's image: all blocks, one on the other."""

import hpccm

from containers.bases import Base
from containers.catalogue import WorkloadImage
from containers.recipes import gpu
from containers.recipes.formats import Format, render
from containers.recipes.framework import build_framework, take_framework
from containers.recipes.operating_system import BUILD_STAGE, FINAL_STAGE, python, start
from containers.recipes.workload import add_workload


def workload_recipe(
    image: WorkloadImage, base: Base, commit: str, kind: Format, march: str | None = None
) -> str:
    """The text of the recipe; with `march`, TensorFlow is built from source for it.

    Two stages: what only building needs, compilers and pip among it, stays in the first.
    """
    definition = kind is Format.DEFINITION

    def stages() -> list[hpccm.Stage]:
        building = start(base, BUILD_STAGE, definition=definition)
        build_framework(building, base, march, definition=definition)

        final = start(base, FINAL_STAGE, definition=definition)
        final += python(base)
        for block in (gpu.without_compilers(base), gpu.runtime(base)):
            if block is not None:
                final += block
        take_framework(final)
        add_workload(final, image, base, commit)
        return [building, final]

    return render(stages, kind)
