"""Invariant V1 for TensorFlow, Keras and NumPy: a power that the lists know is reached through a stub or a tag.

That native code raises an event where a tagged function ends in it, `test_native_effects` shows.
"""

from __future__ import annotations

from pathlib import Path

from tests.zygote import Zygote

_START = """\
import random
import keras, tensorflow
from bundler.audit.source.lookup import look
from bundler.keras_io.native.array_kinds import array_stand_ins
from tests.namespace.powers import handed_out_raw, powers, reach_of

known = list(powers(frameworks=True))
"""


def test_no_power_of_the_framework_is_handed_out_as_it_is(zygote: Zygote, tmp_path: Path) -> None:
    script = "print(len(known) > 400, handed_out_raw(reach_of(more=array_stand_ins), known))"
    assert zygote.run(_START + script, tmp_path, path=(_ROOT,)).output == "True []\n"


def test_notices_a_power_of_the_framework_that_falls_out_of_the_lists(zygote: Zygote, tmp_path: Path) -> None:
    script = """
reach = reach_of(more=array_stand_ins)
listed = [item for item in known if look(f"{item[1]}.{item[2]}").path not in reach._stand_ins]
missed = []
for item in random.Random(11).sample(listed, 20):
    lost = f"{item[1]}.{item[2]}"
    if lost not in handed_out_raw(reach_of(lost, array_stand_ins), [item]):
        missed.append(lost)
print(missed)
"""
    assert zygote.run(_START + script, tmp_path, path=(_ROOT,)).output == "[]\n"


_ROOT = Path(__file__).parents[2]
