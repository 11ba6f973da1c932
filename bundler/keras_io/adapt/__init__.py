"""What kbundle does for a class that Keras alone does not save or bring back, one word a thing.

An adaptation is recorded in the manifest (`bundler.manifest.Adaptation`), and the loader does what is recorded and
nothing else. Neither side changes a class: while a model is saved, the objects that need it have a ``get_config`` of
their own; while it is loaded, an adapter stands in the class's place (`adapters`).
"""

from __future__ import annotations

from collections.abc import Iterable

from bundler.errors import UnsupportedVersion
from bundler.manifest import Adaptation

#: ``__init__`` does not take these entries of the config (``name``, ``trainable``, ``dtype``, ...); they are set on
#: the object after it was made.
SURPLUS_ARGUMENTS = "surplus_arguments"

#: ``get_config`` does not give these arguments of ``__init__``; they were read back from the live object.
CONSTRUCTOR_ARGUMENTS = "constructor_arguments"

#: Arguments of ``__init__`` that cannot be read back: these attributes are set on an object of the class without
#: running its ``__init__``.
ATTRIBUTES = "attributes"

#: ``get_config`` gives these as Python objects that JSON turns into something else (a tuple into a list, an array or
#: a layer into a dict); they are what they were when the class sees them.
RESTORED_VALUES = "restored_values"

#: ``build`` of the class takes a list of numbers for the shapes of several inputs, and JSON makes lists of all shapes:
#: those in the build config are tuples again when it sees them.
RESTORED_SHAPES = "restored_shapes"

#: A functional model whose class has a constructor of its own: its graph is rebuilt first, and its inputs and outputs
#: go to the constructor under the names that are recorded.
FUNCTIONAL_GRAPH = "functional_graph"

#: The model has layers that only a call builds: it is called once, on zeros, before its weights are read.
BUILT_BY_CALL = "built_by_call"

#: Keras's file does not hold every weight, or has it where something else looks for it: the root holds them by number.
EVERY_WEIGHT = "every_weight"

#: Layers were put in the place of others after the model was made; the root holds them with their places.
REPLACED_PARTS = "replaced_parts"

#: A layer has several places in the config; it is made once.
SHARED_LAYERS = "shared_layers"

#: `compile` of the model is its own; these are the arguments that it was called with, read back from the model.
COMPILE_ARGUMENTS = "compile_arguments"

#: These names of a module of the bundle were set after its import; so they are set after its import.
MODULE_VALUES = "module_values"

#: The same for attributes of a class.
CLASS_VALUES = "class_values"

#: These attributes of an object below the model were set after it was made; they are set when the model is whole.
OBJECT_VALUES = "object_values"

KINDS = (
    SURPLUS_ARGUMENTS,
    CONSTRUCTOR_ARGUMENTS,
    ATTRIBUTES,
    RESTORED_VALUES,
    RESTORED_SHAPES,
    FUNCTIONAL_GRAPH,
    BUILT_BY_CALL,
    EVERY_WEIGHT,
    REPLACED_PARTS,
    SHARED_LAYERS,
    COMPILE_ARGUMENTS,
    MODULE_VALUES,
    CLASS_VALUES,
    OBJECT_VALUES,
)


def check_kinds(adaptations: Iterable[Adaptation]) -> None:
    """Refuse what this version does not know how to do.

    Raises:
        UnsupportedVersion: a kind is none of `KINDS`.
    """
    for index, item in enumerate(adaptations):
        if item.kind not in KINDS:
            raise UnsupportedVersion(
                "this kbundle does not know how to bring this class back",
                place=f"manifest.json: adaptations[{index}].kind",
                expected=f"one of {', '.join(KINDS)}",
                found=item.kind,
                hint="pip install --upgrade kbundle",
            )
