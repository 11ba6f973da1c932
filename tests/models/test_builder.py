"""A model that only a function of the author's can make travels with that function."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from bundler.cli.main import main
from tests.models.conftest import Workshop

SOURCE = {
    "makers/__init__.py": "",
    "makers/nets.py": """
        import keras
        from keras import layers, ops

        class Odd(keras.Model):
            def __init__(self, size, power):
                super().__init__()
                self.parts = [layers.Dense(size ** power), layers.Dense(2)]
            def call(self, x):
                for part in self.parts:
                    x = part(x)
                return x

        def my_loss(y, p):
            return ops.mean(ops.square(y - p), axis=-1) * 3

        def make_model(size, power=2, scale=None):
            return Odd(size, power)

        def make_compiled(size):
            model = Odd(size, 2)
            model.compile("sgd", "mae")
            model(ops.zeros((1, 4)))
            return model

        def make_other(size):
            return keras.Sequential([keras.Input((4,)), layers.Dense(size)])

        def make_nothing():
            return 3

        def maker():
            def inner():
                return 1
            return inner

        def make_changed(layers_of):
            return make_compiled(layers_of.pop())

        def fails():
            raise RuntimeError("no such file: corpus")
    """,
    "makers/broken.py": """
        import keras
        make = keras.no_such_thing
    """,
}
AUTHOR = """
    import keras, numpy as np
    from adapting import *
    from makers import nets
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    model = nets.make_model(2)
    model.compile("adam", nets.my_loss)
    model.fit(x, np.zeros((5, 2)), verbose=0)
"""


def test_the_loader_calls_the_builder_and_restores_weights_compile_and_optimizer_state(workshop: Workshop) -> None:
    workshop.write(SOURCE)
    workshop.author(
        AUTHOR
        + """
    packed = hand_over(model, x, builder=nets.make_model, builder_kwargs={"size": 2, "scale": [1, {"a": None}]})
    builder = packed.manifest.builder
    assert (builder.module, builder.qualname) == ("makers.nets", "make_model")
    assert builder.arguments == {"size": 2, "scale": [1, {"a": None}]}
    assert not packed.manifest.adaptations
    (FOLDER / "state.txt").write_text(repr(float(sum(abs(v.numpy()).sum() for v in model.optimizer.variables))))
    """
    )
    workshop.consumer(
        """
        from adapting import *
        model, x = receive(again=False)
        assert type(model).__name__ == "Odd"
        assert model.optimizer.name == "adam"
        assert model.loss.__name__ == "my_loss"
        state = float(sum(abs(v.numpy()).sum() for v in model.optimizer.variables))
        assert abs(state - float((FOLDER / "state.txt").read_text())) < 1e-4
        train(model, x)
        """
    )


def test_the_saved_compile_state_wins_over_the_builders(workshop: Workshop) -> None:
    workshop.write(SOURCE)
    workshop.author(AUTHOR + '\n    hand_over(model, x, builder=nets.make_compiled, builder_kwargs={"size": 2})\n')
    workshop.consumer(
        """
        from adapting import *
        model, x = receive(again=False)
        assert model.optimizer.name == "adam"
        """
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("builder=lambda: 1", ["plain function", "a lambda"]),
        ("builder=nets.maker()", ["plain function", "a function that maker makes when it runs"]),
        ("builder='makers.nets'", ["package.module:function", "for example"]),
        ("builder='makers.nets:absent', sources=['../source']", ["no function 'absent'", "top level"]),
        ("builder='makers.broken:make', sources=['../source']", ["cannot be imported: AttributeError", "--source"]),
        ("builder=nets.make_nothing", ["returns no model", "int"]),
        ("builder=nets.fails", ["no such file: corpus"]),
        ("builder=nets.make_other, builder_kwargs={'size': 3}", ["makers.nets.make_other", "weights"]),
        ("builder=nets.make_model, builder_kwargs={'size': 2, 'scale': {1, 2}}", ["'scale'", "JSON", "set"]),
        ("builder=nets.make_model, builder_kwargs={'size': (2,)}", ["'size'", "JSON", "tuple"]),
        ("builder_kwargs={'size': 2}", ["builder"]),
    ],
)
def test_refuses_a_builder_that_does_not_give_the_model(workshop: Workshop, options: str, words: list[str]) -> None:
    workshop.write(SOURCE)
    finished = workshop.author(
        AUTHOR
        + f"""
    try:
        bundle(model, "m.kbundle", {options})
    except BundleError as error:
        print("REFUSED", error)
    """
    )
    assert "REFUSED" in finished.output
    for word in words:
        assert word in finished.output.split("REFUSED")[1], finished.output


def test_packs_a_file_of_weights(workshop: Workshop) -> None:
    workshop.write(SOURCE)
    workshop.author(
        """
        from adapting import *
        from makers import nets
        x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
        model = nets.make_compiled(2)
        model.save_weights("../hand_over/trained.weights.h5")
        hand_over(model, x, builder=nets.make_compiled, builder_kwargs={"size": 2})
        (FOLDER / "model.kbundle").unlink()
        """
    )
    (workshop.source / "run.txt").write_text("")
    workshop.consumer(
        f"""
        from bundler.cli.main import main
        code = main(["pack", "../hand_over/trained.weights.h5", "-o", "../hand_over/model.kbundle", "--builder",
                     "makers.nets:make_compiled", "--builder-arg", "size=2", "--source", {str(workshop.source)!r}])
        assert code == 0
        import sys
        assert "makers" not in sys.modules
        """
    )
    workshop.consumer("from adapting import *\nmodel, x = receive(again=False)\ntrain(model, x)\n")


def test_weights_that_do_not_fit_are_refused(workshop: Workshop) -> None:
    workshop.write(SOURCE)
    finished = workshop.author(
        """
        from makers import nets
        nets.make_compiled(3).save_weights("m.weights.h5")
        for options in (
            {"builder": nets.make_compiled, "builder_kwargs": {"size": 2}},
            {"builder": nets.make_model, "builder_kwargs": {"size": 3}},
        ):
            try:
                bundle("m.weights.h5", "m.kbundle", **options)
            except PackError as error:
                print("REFUSED", error)
        try:
            bundle("absent.weights.h5", "m.kbundle", builder=nets.make_compiled, builder_kwargs={"size": 2})
        except PackError as error:
            print("REFUSED", error)
        """
    )
    first, second, third = finished.output.split("REFUSED")[1:]
    assert "do not fit" in first
    assert "no weights yet" in second
    assert "no weights file" in third


def test_a_builder_may_change_what_it_is_given(workshop: Workshop) -> None:
    workshop.write(SOURCE)
    workshop.author(
        """
        from makers import nets
        given = {"layers_of": [2]}
        packed = bundle(None, "../hand_over/m.kbundle", builder=nets.make_changed, builder_kwargs=given)
        assert packed.manifest.builder.arguments == {"layers_of": [2]} == given
        """
    )
    workshop.consumer("""
        for _ in range(2):
            unbundle("../hand_over/m.kbundle")
    """)


def test_a_distribution_that_a_named_builder_brings_along_is_recorded(workshop: Workshop) -> None:
    workshop.write(
        {
            "site/dist/__init__.py": """
                import keras
                def make():
                    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
            """,
            "site/dist-3.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: dist\nVersion: 3.0\n",
            "site/dist-3.0.dist-info/RECORD": "dist/__init__.py,,\ndist-3.0.dist-info/METADATA,,\n",
        }
    )
    workshop.author("""
        import sys
        sys.path.append("../source/site")
        packed = bundle(None, "../hand_over/m.kbundle", builder="dist:make", include=["dist"])
        assert [(item.name, item.version) for item in packed.manifest.requirements.packed] == [("dist", "3.0")]
    """)


@pytest.mark.parametrize("argument", ["units", "=3", "units=three", "2x=3"])
def test_the_command_refuses_a_malformed_argument(
    argument: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "m.kbundle")
    assert main(["pack", "-o", out, "--builder", "a.b:c", "--builder-arg", argument]) != 0
    assert "NAME=JSON" in textwrap.dedent(capsys.readouterr().err)


def test_what_the_author_wants_beside_a_builder_counts(workshop: Workshop) -> None:
    workshop.write(
        {
            "made.py": """
                import keras

                def make(units):
                    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(units)])
            """
        }
    )
    workshop.author("""
        import quick_proof
        from made import make
        model = make(3)
        options = {"builder": make, "builder_kwargs": {"units": 3}}
        graph = bundler.bundle(model, "../hand_over/i.kbundle", payload="inference", **options).manifest
        assert graph.payload.fidelity == "inference" and graph.builder is None
        both = bundler.bundle(model, "../hand_over/b.kbundle", payload="both", **options).manifest
        assert both.builder is not None and both.inference is not None
        # This builder does not give the author's model back; the graph does.
        wrong = {"builder": make, "builder_kwargs": {"units": 5}, "fallback": "inference"}
        assert bundler.bundle(model, "../hand_over/w.kbundle", **wrong).manifest.payload.fidelity == "inference"
    """)


def test_what_a_module_raises_when_it_is_asked_for_the_builder_is_told(workshop: Workshop) -> None:
    workshop.consumer("""
        from bundler.keras_io.loading import find_function
        from bundler.manifest import Builder
        import types

        module = types.ModuleType("lazy")
        def fail(name):
            raise ImportError(f"no {name} here")
        module.__getattr__ = fail
        namespace = types.SimpleNamespace(load=lambda name: module, prefix="_kbundle_0", original=str)
        try:
            find_function(Builder(module="lazy", qualname="make", arguments={}), namespace)
        except RebuildFailed as error:
            assert "no make here" in str(error), error
        else:
            raise AssertionError("not refused")
    """)
