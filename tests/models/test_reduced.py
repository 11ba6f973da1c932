"""Only what the model needs travels, and the whole module where that is not enough."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.models.conftest import Workshop

PACKAGE = {
    "mynet/__init__.py": "from .train import main\nfrom .layers import Gain\n",
    "mynet/layers.py": """
        # Copyright: somebody.
        import keras
        import sklearn.datasets
        from keras import ops
        from . import tables
        from .tables import POWER, plot

        #: How loud.
        GAIN = 2.0

        def load_data():
            return sklearn.datasets.load_iris()

        class Gain(keras.layers.Layer):
            def call(self, x):
                if ops.ndim(x) > 2:
                    raise ValueError("too deep")
                return ops.power(x, POWER) * GAIN * tables.FACTORS["last"]

        if __name__ == "__main__":
            load_data()
    """,
    "mynet/tables.py": """
        import scipy.stats
        POWER = 2.0
        FACTORS = {"first": 1.0}
        def plot():
            return scipy.stats.norm
        FACTORS["last"] = 3.0
    """,
    "mynet/train.py": "import sklearn\ndef main():\n    sklearn.show_versions()\n",
    "starred/__init__.py": "from .parts import *\nfrom .parts import Twice\n",
    "starred/parts.py": """
        import keras
        __all__ = ["Twice", "FACTOR"]
        FACTOR = 2.0
        class Twice(keras.layers.Layer):
            def call(self, x):
                return x * FACTOR
    """,
    "listed/__init__.py": "from .registry import registration\nfrom .one import One\nfrom .other import Other\n",
    "listed/registry.py": """
        class Registry:
            def __init__(self):
                self.entries = {}
            def register(self, name):
                def note(cls):
                    self.entries[name] = {"cls": cls, "name": name}
                    return cls
                return note
        registration = Registry()
    """,
    "listed/one.py": """
        import keras
        from .registry import registration
        @registration.register("one")
        class One(keras.layers.Layer):
            def call(self, x):
                return x * float("one" in registration.entries)
    """,
    "listed/other.py": """
        import keras
        import scipy.stats
        from .registry import registration
        @registration.register("other")
        class Other(keras.layers.Layer):
            def call(self, x):
                return x
    """,
    "listed/extra.py": """
        import keras
        from .registry import registration
        @registration.register("extra")
        class Extra(keras.layers.Layer):
            pass
    """,
    "filled.py": """
        import operator
        from string import Template
        import keras
        LEFT = 1
        # No plain value, so that it can only be seen in the outputs.
        HELD = [Template("1")]
        # No text tells that this changes it.
        done = operator.setitem(HELD, 0, Template("3"))
        class Added(keras.layers.Layer):
            def call(self, x):
                return x + float(HELD[0].template)
    """,
}


def test_packs_what_the_model_needs_and_says_what_stays_behind(workshop: Workshop) -> None:
    workshop.write(PACKAGE)
    workshop.author("""
        import quick_proof
        import hashlib, pathlib
        import mynet
        model = keras.Sequential([keras.Input((3,)), mynet.Gain(), keras.layers.Dense(2)])
        x = np.ones((2, 3), "float32")
        np.save("../hand_over/y.npy", model.predict(x, verbose=0))
        packed = bundler.bundle(model, "../hand_over/m.kbundle")
        assert [module.name for module in packed.manifest.modules] == ["mynet", "mynet.layers", "mynet.tables"]
        names = {item.name for item in packed.manifest.requirements.distributions}
        assert not names & {"scikit-learn", "scipy"}, names
        assert packed.source[0].startswith("source: 3 modules, ")
        assert "tensorflow" not in packed.source[1]
        for word in ("mynet.train", "scikit-learn", "scipy"):
            assert word in packed.source[1], packed.source
        with open_bundle("../hand_over/m.kbundle") as reader:
            for module in reader.manifest.modules:
                path = pathlib.Path("../source") / module.member.removeprefix("code/")
                whole, text = path.read_bytes(), reader.read(module.member)
                assert module.reduced.sha256 == hashlib.sha256(whole).hexdigest()
                old, new = whole.decode().splitlines(), text.decode().splitlines()
                assert len(old) == len(new)
                gone = sum(a != b for a, b in zip(old, new))
                assert module.reduced.lines <= gone
                assert all(b in (a, "") or "left out by kbundle" in b for a, b in zip(old, new))
        packed = bundle(model, "../hand_over/whole.kbundle", whole=True)
        assert all(module.reduced is None for module in packed.manifest.modules)
        assert {item.name for item in packed.manifest.requirements.distributions} >= {"scikit-learn", "scipy"}
        packed = bundle(model, "../hand_over/part.kbundle", whole=["mynet.tab*"])
        assert [module.name for module in packed.manifest.modules if module.reduced is None] == ["mynet.tables"]
        # What came out of a bundle goes on as it is.
        again = bundle(unbundle("../hand_over/m.kbundle"), "../hand_over/again.kbundle").manifest
        assert [module.name for module in again.modules] == ["mynet", "mynet.layers", "mynet.tables"]

        import filled
        told = []
        model = keras.Sequential([keras.Input((3,)), filled.Added()])
        packed = bundler.bundle(model, "../hand_over/filled.kbundle", progress=lambda what, *_: told.append(what))
        assert "trying again: with whole modules" in told, told
        assert packed.manifest.modules[0].reduced is None
        assert any(note.startswith("modules travel whole, since reduced ones failed: ") for note in packed.notes)

        # The package had FACTOR by the star import that stays behind.
        import starred
        model = keras.Sequential([keras.Input((3,)), starred.Twice()])
        packed = bundler.bundle(model, "../hand_over/starred.kbundle", offline=True)
        assert packed.manifest.modules[0].reduced is not None
        assert packed.manifest.adaptations == (), packed.notes

        # Of two more entries of the registry one travels, since an import of the package makes it.
        import listed, listed.extra
        told = []
        model = keras.Sequential([keras.Input((3,)), listed.One()])
        packed = bundler.bundle(
            model, "../hand_over/listed.kbundle", offline=True, progress=lambda what, *_: told.append(what)
        )
        assert [module.name for module in packed.manifest.modules] == [
            "listed", "listed.one", "listed.other", "listed.registry"
        ], told
        assert packed.manifest.adaptations == (), packed.notes
    """)
    workshop.consumer("""
        import traceback
        model = unbundle("../hand_over/m.kbundle")
        np.testing.assert_allclose(model.predict(np.ones((2, 3), "float32"), verbose=0), np.load("../hand_over/y.npy"))
        try:
            model.layers[0](np.ones((1, 2, 3)))
        except ValueError as error:
            line = traceback.extract_tb(error.__traceback__)[-1]
            assert (line.lineno, line.line) == (18, 'raise ValueError("too deep")'), line
        else:
            raise AssertionError("not raised")
        unbundle("../hand_over/filled.kbundle", self_test=True)
    """)
    shown = subprocess.run(
        [sys.executable, "-m", "bundler", "inspect", workshop.hand_over / "m.kbundle"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "reduced: " in shown
    audited = subprocess.run(
        [sys.executable, "-m", "bundler", "audit", "--json", workshop.hand_over / "m.kbundle"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    assert "consistency.reduced-source" in {finding["rule"] for finding in json.loads(audited)["findings"]}
