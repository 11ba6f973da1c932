"""The proof: what it lets through, what it refuses, and that nothing is left behind.

Each real proof starts an interpreter that imports the framework, so the tests share them: `SHARED` lets several calls
of the real `bundler.bundle` ask one prover.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time

from tests.models.conftest import Workshop

SHARED = """
import contextlib, os, bundler.packing.bundling
from bundler.packing import remedies
from bundler.proof.client import Prover
# What the proof itself says is tested here; what is tried after it in test_adaptations.py.
remedies.remedies = lambda *what: ()
def names():
    return sorted(os.listdir("../hand_over"))
def refused(model, stage, *told, **options):
    before = names()
    try:
        # Otherwise each is tried twice.
        bundler.bundle(model, "../hand_over/refused.kbundle", whole=True, **options)
    except ProofFailed as error:
        print(error)
        assert error.stage == stage, error.stage
        for text in told:
            assert text in str(error), text
        assert error.hint
    else:
        raise AssertionError("not refused")
    assert names() == before, names()
def share(prover):
    bundler.packing.bundling.Prover = lambda **options: contextlib.nullcontext(prover)
"""
LAYERS = """
    import importlib
    import itertools
    import os
    import sys
    import keras
    import tensorflow as tf
    from keras import ops

    class Gain(keras.layers.Layer):
        def build(self, shape):
            self.gain = self.add_weight(shape=(shape[-1],))
        def call(self, x):
            return x * self.gain

    class Table(keras.layers.Layer):
        "Reads a file of the author's that the config names."
        def __init__(self, path, **options):
            super().__init__(**options)
            self.file = path
            self.factor = float(open(path).read())
        def get_config(self):
            return {**super().get_config(), "path": self.file}
        def call(self, x):
            return x * self.factor

    class Cautious(keras.layers.Layer):
        "Has another way where the file is missing."
        def __init__(self, path, **options):
            super().__init__(**options)
            self.file = path
            self.factor = float(open(path).read()) if os.path.exists(path) else 2.5
        def get_config(self):
            return {**super().get_config(), "path": self.file}
        def call(self, x):
            return x * self.factor

    class Compiled(keras.layers.Layer):
        "Reads a file of the author's in compiled code."
        def __init__(self, path, **options):
            super().__init__(**options)
            self.file = path
            self.factor = float(tf.io.read_file(path).numpy())
        def get_config(self):
            return {**super().get_config(), "path": self.file}
        def call(self, x):
            return x * self.factor

    class Borrowed(keras.layers.Layer):
        "Imports by a name that no reading of the code can know."
        def __init__(self, module, **options):
            super().__init__(**options)
            self.module = module
            self.factor = importlib.import_module(module).FACTOR
        def get_config(self):
            return {**super().get_config(), "module": self.module}
        def call(self, x):
            return x * self.factor

    class Forgetful(keras.layers.Layer):
        factor = 1.0
        def call(self, x):
            return x * getattr(self.factor, "value", self.factor)

    class Unsaved(Gain):
        def save_own_variables(self, store):
            pass
        def load_own_variables(self, store):
            pass

    class Once(keras.layers.Layer):
        made = itertools.count()
        @classmethod
        def from_config(cls, config):
            if next(cls.made) > 0:
                raise RuntimeError("only once")
            return cls(**config)
        def call(self, x):
            return x

    class Noise(keras.layers.Layer):
        def __init__(self, **options):
            super().__init__(**options)
            self.generator = keras.random.SeedGenerator(3)
        def call(self, x):
            return x + keras.random.normal(ops.shape(x), seed=self.generator)

    class Fatal(keras.layers.Layer):
        @classmethod
        def from_config(cls, config):
            print("about to end")
            sys.stdout.flush()
            os.kill(os.getpid(), 9)
        def call(self, x):
            return x

    class Two(keras.Model):
        def __init__(self, **options):
            super().__init__(**options)
            self.dense = keras.layers.Dense(2)
        def build(self, a_shape, b_shape):
            self.dense.build(a_shape)
        def call(self, a, b):
            return self.dense(a) + b
"""
OF = """
def of(*layers):
    return keras.Sequential([keras.Input((3,)), *layers])
"""


def test_proved_bundles_say_so_and_replay_elsewhere(workshop: Workshop) -> None:
    workshop.write({"layers.py": LAYERS})
    output = workshop.author(
        SHARED
        + OF
        + textwrap.dedent("""
        import quick_proof, layers
        inputs = {
            "words": keras.Input((), dtype="string", name="words"),
            "ids": keras.Input((None,), dtype="int32", name="ids"),
            "flags": keras.Input((2,), dtype="bool", name="flags"),
        }
        looked_up = keras.layers.StringLookup(vocabulary=["once"], output_mode="one_hot")(inputs["words"])
        read = keras.layers.LSTM(4)(keras.layers.Embedding(5, 3)(inputs["ids"]))
        flags = keras.layers.Dense(4)(keras.ops.cast(inputs["flags"], "float32"))
        mixed = keras.Model(inputs, {"sum": read + flags, "rest": [looked_up]})
        trained = of(layers.Gain(), keras.layers.Dropout(0.5), keras.layers.Dense(2))
        trained.compile("adam", "mse", metrics=["mae"])
        trained.fit(np.ones((8, 3)), np.ones((8, 2)), verbose=0)
        two = layers.Two()
        two(np.ones((3, 4)), np.ones((3, 2)))
        # Restored too: the state of a random model is one of its weights.
        noise = of(layers.Noise())
        state = noise.layers[0].generator.state.numpy().tolist()
        with Prover() as prover:
            share(prover)
            for name, model in {"mixed": mixed, "trained": trained, "two": two, "noise": noise}.items():
                packed = bundler.bundle(model, f"../hand_over/{name}.kbundle")
                assert packed.no_self_test is None
                assert packed.manifest.self_test.deterministic is (name != "noise")
                trained_too = ("train",) if name == "trained" else ()
                stepped = ("next_step",) if name == "trained" else ()
                checks = ("load", "state", "weights", "outputs", *stepped, "save_and_load", *trained_too)
                assert packed.manifest.proof.checks == checks
                assert packed.manifest.proof.keras_version == keras.__version__
            given = bundler.bundle(trained, "../hand_over/given.kbundle", example_inputs=np.ones((30, 3)))
            assert (given.manifest.self_test.origin, given.manifest.self_test.seed) == ("given", None)
        assert noise.layers[0].generator.state.numpy().tolist() == state
        assert prover.pid is None
        again = bundle(trained, "again.kbundle")
        assert again.manifest.proof is None and again.manifest.self_test
        """),
    ).output
    assert "Traceback" not in output
    checked = workshop.consumer("""
        import json, sys
        from bundler.cli.main import main
        for name in ("mixed", "trained", "two", "noise", "given"):
            path = f"../hand_over/{name}.kbundle"
            allow = audit_bundle(path).asked
            unbundle(path, allow=allow, self_test=True)
            words = [f"--allow={word}" for word in allow]
            assert main(["test", path, *words]) == 0
        assert main(["test", path, "--json", *words]) == 0
    """).output
    assert checked.count("passed") == 6
    assert "only shapes and dtypes were compared" in checked
    as_json = json.loads(checked[checked.index("{") :])
    assert as_json["passed"] is True
    assert as_json["deterministic"] is True
    assert as_json["largest_difference"] <= as_json["absolute_tolerance"] == 1e-5
    inspected = subprocess.run(
        [sys.executable, "-m", "bundler", "inspect", workshop.hand_over / "trained.kbundle"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "passed load, state, weights, outputs, next_step, save_and_load" in inspected
    assert "inputs made with seed" in inspected


def test_refuses_what_does_not_come_back_and_names_the_cause(workshop: Workshop) -> None:
    workshop.write({"layers.py": LAYERS, "helper_of_mine.py": "FACTOR = 3.0\n", "factor.txt": "2.5"})
    workshop.author(
        SHARED
        + OF
        + textwrap.dedent("""
        import ctypes, sys, types
        import quick_proof, layers
        with Prover() as prover:
            share(prover)
            path = os.path.abspath("../source/factor.txt")
            refused(of(layers.Table(path)), "load", path, "layers line", "did not travel", "importlib.resources")
            bundler.bundle(of(layers.Cautious(path)), "../hand_over/cautious.kbundle")
            refused(of(layers.Compiled(path)), "load", path, "layers line", "importlib.resources")
            # A name that the code makes: the module that was not found is packed then.
            bundler.bundle(of(layers.Borrowed("helper_of_mine")), "../hand_over/borrowed.kbundle")
            sys.modules["nowhere"] = types.SimpleNamespace(FACTOR=2.0)
            refused(of(layers.Borrowed("nowhere")), "load", "nowhere", "layers.py:")
            forgetful = layers.Forgetful()
            model = of(forgetful)
            # No plain value, and no object of the author's.
            forgetful.factor = ctypes.c_double(7.0)
            refused(model, "outputs", "differs by", "expected")
            model = of(layers.Unsaved())
            model.layers[0].gain.assign([1.0, 2.0, 3.0])
            refused(model, "weights", "unsaved/variable", "other numbers")
            refused(of(layers.Once()), "save_and_load", "only once")
            frozen = of(keras.layers.Dense(2), keras.layers.Dense(1))
            frozen.compile("adam", "mse")
            frozen.fit(np.ones((4, 3)), np.ones((4, 1)), verbose=0)
            frozen.layers[0].trainable = False
            bundler.bundle(frozen, "../hand_over/frozen.kbundle")
            first = prover.pid
            refused(of(layers.Fatal()), "load", "SIGKILL", "about to end")
            # One that was killed is replaced.
            bundler.bundle(of(layers.Gain()), "../hand_over/good.kbundle")
            assert prover.pid not in (None, first)
        assert names() == ["borrowed.kbundle", "cautious.kbundle", "frozen.kbundle", "good.kbundle"]
        """),
    )


def test_a_model_that_nobody_can_make_inputs_for_has_no_self_test_and_says_why(workshop: Workshop) -> None:
    workshop.write(
        {
            "picky.py": """
                import keras
                class Picky(keras.layers.Layer):
                    def call(self, x):
                        if hasattr(x, "numpy") and float(x.numpy().sum()) != 12.0:
                            raise ValueError("only twelve will do")
                        return x
            """
        }
    )
    workshop.author("""
        from picky import Picky
        told = []
        model = keras.Sequential([keras.Input((3,)), Picky()])
        packed = bundle(model, "../hand_over/m.kbundle", progress=lambda what, done, total: told.append(what))
        assert packed.manifest.self_test is None
        assert "only twelve will do" in packed.no_self_test
        assert any("only twelve will do" in line for line in told)
        assert not [name for name in open_bundle("../hand_over/m.kbundle").names if name.startswith("examples/")]
        given = bundle(model, "../hand_over/n.kbundle", example_inputs=np.ones((4, 3)))
        assert given.manifest.self_test.origin == "given"
        unbundle("../hand_over/n.kbundle", self_test=True)
        for action in (
            lambda: bundle(model, "../hand_over/o.kbundle", example_inputs=np.zeros((4, 3))),
            lambda: bundle(model, "../hand_over/o.kbundle", example_inputs=object()),
            lambda: unbundle("../hand_over/m.kbundle", self_test=True),
        ):
            try:
                action()
            except (PackError, SelfTestFailed) as error:
                print(error)
                assert error.hint
            else:
                raise AssertionError("not refused")
        import os
        assert "o.kbundle" not in os.listdir("../hand_over")
    """)


def test_example_inputs_are_taken_as_they_are(workshop: Workshop) -> None:
    workshop.author("""
        import tensorflow as tf
        from bundler.keras_io.selftest import arrays
        def kept(model, inputs):
            packed = bundle(model, "../hand_over/m.kbundle", example_inputs=inputs, overwrite=True)
            unbundle("../hand_over/m.kbundle", self_test=True)
            with open_bundle("../hand_over/m.kbundle") as reader:
                return arrays.parse(reader.read(packed.manifest.self_test.inputs), "inputs")
        one = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        x = np.arange(60.0).reshape(20, 3)
        assert kept(one, x).tolist() == x[:8].tolist()
        assert kept(one, tf.constant(x[:2], "float16")).dtype == "float16"
        assert kept(one, [[1, 2, 3]]).shape == (1, 3)
        a, b = keras.Input((3,), name="a"), keras.Input((1,), name="b")
        two = keras.Model([a, b], a + b)
        assert [item.shape for item in kept(two, [x, x[:, :1]])] == [(8, 3), (8, 1)]
        assert isinstance(kept(two, (x, x[:, :1])), tuple)
        named = kept(two, {"a": x, "b": x[:, :1]})
        assert set(named) == {"a", "b"}
        fixed = keras.Sequential([keras.Input((3,), batch_size=20), keras.layers.Dense(2)])
        assert kept(fixed, x).shape == (20, 3)
        class Sum(keras.Model):
            def call(self, a, b, training=False):
                return a + b
        from bundler.keras_io.selftest import samples
        total = Sum()
        total(x, x)
        assert isinstance(samples.given(total, {"a": x, "b": x}).inputs, arrays.Keywords)
        words = keras.Sequential([keras.Input((1,), dtype="string"), keras.layers.StringLookup(vocabulary=["ü"])])
        assert kept(words, [["ü"], ["v"]]).tolist() == [["ü".encode()], [b"v"]]
    """)


def test_inputs_are_made_for_what_a_signature_leaves_open(workshop: Workshop) -> None:
    workshop.author("""
        from bundler.keras_io.selftest import arrays, recording
        from keras import layers
        def made(*parts, **options):
            found, again = (recording.record(keras.Sequential([keras.Input(**options), *parts])) for _ in range(2))
            assert found.self_test.deterministic and found.self_test.origin == "made"
            assert found.members[0] == again.members[0]
            return arrays.parse(found.members[0].content, "inputs")
        assert made(layers.Dense(1), shape=(4,)).shape == (2, 4)
        assert made(layers.Dense(1), shape=(4,), batch_size=5).shape == (5, 4)
        assert made(layers.Embedding(2, 3), shape=(None,), dtype="int32").max() == 1
        assert made(layers.Embedding(1, 3), shape=(None,), dtype="int64").max() == 0
        big = made(layers.Conv2D(1, 9, strides=4), layers.Conv2D(1, 9), shape=(None, None, 3))
        assert big.shape == (2, 64, 64, 3), big.shape
        assert made(layers.Dense(1, dtype="bfloat16"), shape=(4,), dtype="bfloat16").dtype.name == "bfloat16"
        numbers = made(layers.Lambda(lambda x: keras.ops.log(x)), shape=(4,))
        assert numbers.min() >= 0
        import tensorflow as tf
        digits = made(layers.Lambda(tf.strings.to_number, output_shape=(1,)), shape=(1,), dtype="string")
        assert all(item.isdigit() for item in digits.ravel())
        class Late(keras.Model):
            def __init__(self):
                super().__init__()
                self.table = layers.Embedding(4, 2)
            def call(self, x):
                return self.table(x)
        late = Late()
        late(np.ones((3, 5), "int32"))
        assert arrays.parse(recording.record(late).members[0].content, "inputs").shape == (3, 5)
    """)


def test_a_changed_environment_is_told_with_the_difference(workshop: Workshop) -> None:
    workshop.write(
        {
            "moody.py": """
                import os
                import keras
                class Moody(keras.layers.Layer):
                    def call(self, x):
                        return x * float(os.environ.get("MOOD", "1"))
            """
        }
    )
    workshop.author("""
        from moody import Moody
        bundle(keras.Sequential([keras.Input((3,)), Moody()]), "../hand_over/m.kbundle", example_inputs=np.ones((1, 3)))
    """)
    output = workshop.consumer("""
        import os
        from bundler.cli.main import main
        os.environ["MOOD"] = "1.25"
        try:
            unbundle("../hand_over/m.kbundle", allow=["environment"], self_test=True)
        except SelfTestFailed as error:
            assert "differs by 0.25" in str(error) and "1e-05" in str(error), error
        else:
            raise AssertionError("not refused")
        unbundle("../hand_over/m.kbundle", allow=["environment"])
        assert main(["test", "../hand_over/m.kbundle", "--allow", "environment"]) == 1
        assert main(["test", "../hand_over/m.kbundle", "--json", "--allow", "environment"]) == 1
    """).output
    assert json.loads(output[output.index("{") :])["largest_difference"] == 0.25


def test_a_model_file_is_proved_from_the_command_line(workshop: Workshop) -> None:
    workshop.write({"layers.py": LAYERS})
    workshop.author(
        OF
        + textwrap.dedent("""
        import layers
        of(layers.Gain(), keras.layers.Dense(2)).save("../hand_over/m.keras")
        np.savez("../hand_over/x.npz", np.ones((3, 3), "float32"))
        """)
    )
    output = workshop.consumer("""
        from bundler.cli.main import main
        pack = ["pack", "../hand_over/m.keras", "--source", "../source", "-o"]
        assert main([*pack, "../hand_over/m.kbundle", "--example-inputs", "../hand_over/x.npz"]) == 0
        assert main([*pack, "../hand_over/n.kbundle", "--no-proof", "--json"]) == 0
        with open_bundle("../hand_over/m.kbundle") as first, open_bundle("../hand_over/n.kbundle") as second:
            assert first.manifest.proof and first.manifest.self_test.origin == "given"
            assert second.manifest.proof is None and second.manifest.self_test.origin == "made"
        for wrong in ("../hand_over/m.keras", "../hand_over/nowhere.npz"):
            assert main([*pack, "../hand_over/o.kbundle", "--example-inputs", wrong]) == 1
    """).output
    assert "proved; with a self-test" in output
    assert '"proved": false' in output


def test_ctrl_c_leaves_nothing(workshop: Workshop) -> None:
    workshop.author(
        SHARED
        + OF
        + textwrap.dedent("""
        import signal, tempfile
        os.mkdir("temporary")
        tempfile.tempdir = os.path.abspath("temporary")
        provers = []
        real = Prover
        def remembered(**options):
            provers.append(real(**options))
            return provers[-1]
        bundler.packing.bundling.Prover = remembered
        pids = []
        def progress(what, done, total):
            if what == "writing" and done == total:
                pids.append(provers[0].pid)
                signal.setitimer(signal.ITIMER_REAL, 0.2)
        signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            bundler.bundle(of(keras.layers.Dense(2)), "../hand_over/m.kbundle", progress=progress)
        except KeyboardInterrupt:
            pass
        else:
            raise AssertionError("not interrupted")
        assert names() == [] and os.listdir("temporary") == [], (names(), os.listdir("temporary"))
        try:
            os.kill(pids[0], 0)
        except ProcessLookupError:
            pass
        else:
            raise AssertionError("the interpreter lives on")
        """),
    )


def test_the_interpreter_ends_with_an_author_who_is_killed(workshop: Workshop) -> None:
    output = workshop.author("""
        import os, tempfile
        os.mkdir("temporary")
        tempfile.tempdir = os.path.abspath("temporary")
        from bundler.proof.client import Prover
        pid = os.fork()
        if pid == 0:
            prover = Prover().__enter__()
            open("pid", "w").write(str(prover.pid))
            os.kill(os.getpid(), 9)
        os.waitpid(pid, 0)
        print(open("pid").read())
    """).output
    pid = int(output.split()[-1])
    deadline = time.monotonic() + 60

    def left() -> list[str]:
        return [name for name in os.listdir(workshop.folder / "author/temporary") if name.startswith("kbundle-proof-")]

    # Its folder goes once it has ended.
    while (_lives(pid) or left()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not _lives(pid)
    assert left() == []


def test_takes_no_longer_than_it_may(workshop: Workshop) -> None:
    workshop.author(
        SHARED
        + OF
        + textwrap.dedent("""
        with Prover(timeout_s=0.01) as prover:
            share(prover)
            refused(of(keras.layers.Dense(2)), "load", "longer than 0.01 s")
        """),
    )


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
