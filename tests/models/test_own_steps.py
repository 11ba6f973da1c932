"""`predict` and `evaluate` are compared where the author wrote their steps: they may read what a call never sees."""

from __future__ import annotations

import pytest

from tests.models.conftest import Workshop

NETS = """
    import threading
    import keras
    import tensorflow as tf

    # In a bundle it asks before it writes to a file; it is the same function all the same.
    told = tf.print
    TEACHER = None
    LOGGER = None
    TABLE = {"scale": 1.0, "lock": threading.Lock()}

    class Log:
        def __init__(self, handle):
            self.handle = handle
    def logged():
        return LOGGER

    class Student(keras.Model):
        def __init__(self, **options):
            super().__init__(**options)
            self.head = keras.layers.Dense(2)
        def build(self, shape):
            self.head.build(shape)
        def call(self, x):
            return self.head(x)
        def predict_step(self, data):
            return self(data) - (TEACHER if TEACHER is not None else self)(data)

    class Asking(Student):
        def predict_step(self, data):
            return self(data) - LOGGER[0](data)

    class Kept(Student):
        def predict_step(self, data):
            return self(data) - self.teacher(data)

    class Scaled(Student):
        predict_step = keras.Model.predict_step
        def test_step(self, data):
            logged() and told("logged")
            x, y = data[:2]
            return {"error": keras.ops.mean(y - TABLE["scale"] * self(x))}
"""
START = """
    import quick_proof, threading, nets
    def packed(model):
        model.build((None, 3))
        return bundler.bundle(model, "../hand_over/m.kbundle", offline=True, overwrite=True)
    teacher = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
"""


def refused(workshop: Workshop, lines: str) -> str:
    done = workshop.author(
        f"{START}\n    try:\n        {lines}\n    except BundleError as error:\n        print(error)"
    )
    return done.output


def test_names_the_object_that_a_module_had_for_predict(workshop: Workshop) -> None:
    workshop.write({"nets.py": NETS})
    told = refused(workshop, "nets.TEACHER = teacher; packed(nets.Student())")
    assert "predict_step gives other results than in the author's process: the output" in told
    assert "nets: TEACHER is a Sequential and comes back as None" in told
    assert "keep the object in an attribute of the model" in told
    # One that fails says so, and where.
    told = refused(workshop, "nets.LOGGER = [teacher]; packed(nets.Asking())")
    assert "nets.py:" in told
    assert "predict_step fails: TypeError" in told
    assert "rebuilt" not in told
    # The advice, followed.
    workshop.author(f"{START}\n    model = nets.Kept()\n    model.teacher = teacher\n    packed(model)")


def test_names_the_number_beside_an_object_that_evaluate_reads(workshop: Workshop) -> None:
    workshop.write({"nets.py": NETS})
    told = refused(workshop, "nets.TABLE['scale'] = 2.0; packed(nets.Scaled())")
    assert "test_step gives other results than in the author's process: the output 'error'" in told
    assert "nets: TABLE is {'lock': a lock, 'scale': 2.0} and comes back as {'lock': a lock, 'scale': 1.0}" in told


@pytest.mark.parametrize("lines", ["", "nets.LOGGER = nets.Log(threading.Lock())", "nets.LOGGER = threading.Lock()"])
def test_leaves_an_object_behind_that_changes_nothing(lines: str, workshop: Workshop) -> None:
    workshop.write({"nets.py": NETS})
    done = workshop.author(f"{START}\n    {lines}\n    print(packed(nets.Scaled()).notes)")
    assert ("left as the code sets it" in done.output) == bool(lines)
