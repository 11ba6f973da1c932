"""What the proof sees of the code's powers: which it needs, which it does without, and that consumers find the same."""

from __future__ import annotations

import json
import textwrap

from tests.models.conftest import Workshop

FILES = {
    "scale.py": """
        import os
        SCALE = float(os.environ["KERAS_SCALE"])
    """,
    "at_import.py": """
        import keras
        from scale import SCALE

        class Scaled(keras.layers.Layer):
            def call(self, x):
                return x * SCALE
    """,
    "swallows.py": """
        import keras

        try:
            with open("/etc/passwd") as file:
                SHIFT = 0.0 * len(file.read())
        except Exception:
            SHIFT = 0.0

        class Shifted(keras.layers.Layer):
            def call(self, x):
                return x + SHIFT
    """,
    "trains.py": """
        import os
        import keras

        @keras.saving.register_keras_serializable()
        class Logged(keras.Sequential):
            def train_step(self, data):
                with open("log-of-training", "a") as file:
                    file.write("step")
                return super().train_step(data)
    """,
    "computes.py": """
        import keras

        class Doubled(keras.layers.Layer):
            def call(self, x):
                return x * 2
    """,
}
PRELUDE = textwrap.dedent("""
    import os
    os.environ["KERAS_SCALE"] = "2"
    import quick_proof
    said = []
    proofs = []
    from bundler.proof.client import Prover
    class Counted(Prover):
        def check(self, path, expectation):
            proofs.append(path)
            return super().check(path, expectation)
    bundler.packing.bundling.Prover = Counted
    def pack(model, name="m", **options):
        said.clear(), proofs.clear()
        path = f"../hand_over/{name}.kbundle"
        return bundler.bundle(model, path, progress=lambda what, *_: said.append(what), **options)
    def of(*layers):
        return keras.Sequential([keras.Input((3,)), *layers])
""")


def test_a_word_that_the_code_needs_is_recorded_and_the_author_is_told_the_way_around_it(workshop: Workshop) -> None:
    workshop.write(FILES)
    workshop.author(
        PRELUDE
        + textwrap.dedent("""
        from at_import import Scaled
        model = of(Scaled())
        packed = pack(model)
        proof = packed.manifest.proof
        assert packed.audit.asked == () and proof.allow == ("environment",), proof
        (use,) = proof.uses.load
        assert (use.capability, use.module, use.line) == ("environment", "scale", 3), use
        assert not (proof.uses.outputs or proof.uses.train or proof.uses.save_and_load)
        note = next(line for line in packed.notes if line.startswith("scale.py:3 "))
        assert "when imported; move it into the function" in note and "allow=['environment']" in note, note
        assert note in said
        # The file that has its name is the one that was proved, and says what was found.
        assert len(proofs) == 2
        given = pack(model, "given", allow=["environment"])
        assert len(proofs) == 2 and given.manifest.proof == proof
        assert not any("scale.py" in line for line in given.notes), given.notes
        assert given.digest == packed.digest
    """)
    )
    tested = workshop.consumer("""
        import os
        from bundler.cli.main import main
        os.environ["KERAS_SCALE"] = "2"
        assert main(["test", "../hand_over/m.kbundle", "--json", "--allow", "environment"]) == 0
    """).output
    (used,) = json.loads(tested[tested.index("{") :])["used"]
    assert (used["capability"], used["module"], used["line"]) == ("environment", "scale", 3)
    refused = workshop.consumer("""
        import os
        from bundler.cli.main import main
        os.environ["KERAS_SCALE"] = "2"
        assert main(["test", "../hand_over/m.kbundle"]) == 1
    """).output
    assert "scale:3" in refused
    assert "--allow environment" in refused


def test_a_refusal_that_the_code_swallows_needs_no_word_and_fails_the_test_of_a_consumer(workshop: Workshop) -> None:
    workshop.write(FILES)
    workshop.author(
        PRELUDE
        + textwrap.dedent("""
        from swallows import Shifted
        packed = pack(of(Shifted()))
        assert packed.manifest.proof.allow == () and not list(packed.manifest.proof.uses.stages())
        assert len(proofs) == 1
        (note,) = [line for line in packed.notes if "swallows.py" in line]
        assert note.startswith("swallows.py:5 ") and note.endswith("the code goes on without it") and note in said, note
    """)
    )
    output = workshop.consumer("""
        from bundler.cli.main import main
        assert main(["test", "../hand_over/m.kbundle"]) == 1
        assert main(["test", "../hand_over/m.kbundle", "--json"]) == 1
    """).output
    assert "swallows:5" in output
    assert "--allow filesystem" in output
    facts = json.loads(output[output.index("{") :])
    assert facts["passed"] is False
    assert facts["problem"] is None
    (refused,) = facts["refused"]
    assert (refused["capability"], refused["module"], refused["line"]) == ("filesystem", "swallows", 5)
    allowed = workshop.consumer("""
        from bundler.cli.main import main
        assert main(["test", "../hand_over/m.kbundle", "--allow", "filesystem"]) == 0
    """).output
    assert "passed" in allowed


def test_what_only_training_does_is_found_in_one_step_of_it(workshop: Workshop) -> None:
    workshop.write(FILES)
    workshop.author(
        PRELUDE
        + textwrap.dedent("""
        from trains import Logged
        model = Logged([keras.Input((3,)), keras.layers.Dense(4, activation="softmax")])
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        packed = pack(model)
        proof = packed.manifest.proof
        assert proof.checks == ("load", "state", "weights", "outputs", "next_step", "save_and_load", "train")
        assert proof.allow == ("filesystem",), proof
        assert [(use.capability, use.module, use.line) for use in proof.uses.train] == [("filesystem", "trains", 8)]
        assert [name for name, _ in proof.uses.stages()] == ["train"]
        assert any(line.startswith("trains.py:8 ") and "when the model is trained" in line for line in packed.notes)
        # The author's own model makes the step that the other one is compared with; what it writes, it writes.
        assert open("log-of-training").read().replace("step", "") == ""
    """)
    )
    # Who only predicts needs no word.
    workshop.consumer("""
        from bundler.cli.main import main
        assert main(["test", "../hand_over/m.kbundle"]) == 0
    """)


def test_a_refused_guess_of_targets_does_not_spoil_the_next(workshop: Workshop) -> None:
    workshop.consumer("""
        from bundler.keras_io.selftest.training import train_once
        taken = []
        def by_number(wanted, given):
            if len(wanted.shape) != 1:
                raise ValueError("not the number of a class")
            taken.append(wanted.dtype)
            return keras.losses.sparse_categorical_crossentropy(wanted, given)
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, activation="softmax")])
        model.compile("adam", by_number, metrics=["accuracy"])
        train_once(model, np.ones((2, 3), "float32"), np.ones((2, 4), "float32"))
        assert taken
    """)


def test_code_that_only_computes_is_proved_once_and_says_that_it_used_nothing(workshop: Workshop) -> None:
    workshop.write(FILES)
    workshop.author(
        PRELUDE
        + textwrap.dedent("""
        from bundler.manifest import RecordedUses
        from computes import Doubled
        for number, loss in enumerate(("mse", "categorical_crossentropy", "sparse_categorical_crossentropy", "hinge")):
            model = of(keras.layers.Dense(2), Doubled())
            model.compile("sgd", loss)
            packed = pack(model, f"m{number}")
            proof = packed.manifest.proof
            assert proof.checks[-1] == "train" and proof.allow == () and proof.uses == RecordedUses(), proof
            assert len(proofs) == 1 and len(packed.notes) == 1 and "offline" in packed.notes[0], packed.notes
            assert not model.optimizer.built or model.optimizer.iterations == 0
        plain = pack(of(Doubled()), "plain", allow=["network"])
        assert "train" not in plain.manifest.proof.checks
        # What the author accepts is accepted, needed or not.
        assert plain.manifest.proof.allow == ("network",)
        assert any("network" in line and "not" in line for line in plain.notes), plain.notes
        try:
            pack(of(Doubled()), "wrong", allow=["everything"])
        except BundleError as error:
            assert error.place == "allow" and not os.path.exists("../hand_over/wrong.kbundle")
        else:
            raise AssertionError("not refused")
    """)
    )


def test_a_step_that_nobody_can_guess_the_targets_of_is_not_taken_and_the_bundle_says_so(workshop: Workshop) -> None:
    workshop.write(
        {
            "picky.py": """
                import keras

                @keras.saving.register_keras_serializable()
                def only_threes(expected, answer):
                    if expected.shape[-1] != 3:
                        raise ValueError("three columns, please")
                    return keras.ops.sum(expected) - keras.ops.sum(answer)
            """
        }
    )
    workshop.author(
        PRELUDE
        + textwrap.dedent("""
        import picky
        model = of(keras.layers.Dense(2))
        model.compile("sgd", picky.only_threes)
        packed = pack(model)
        assert packed.manifest.proof.checks == ("load", "state", "weights", "outputs", "save_and_load")
        assert len(proofs) == 2
        assert any("made no step of training" in line and "three columns, please" in line for line in packed.notes)
    """)
    )


def test_a_refusal_that_changes_what_comes_out_needs_its_word(workshop: Workshop) -> None:
    workshop.write(
        {
            "moody.py": """
                import os
                import keras
                import tensorflow as tf

                MOOD = float(os.environ.get("KERAS_SCALE", "1"))

                class Moody(keras.layers.Layer):
                    def call(self, x):
                        return x * MOOD

                def make():
                    return keras.Sequential([keras.Input((3,)), Moody()])
            """,
            "counted.py": """
                import keras
                import tensorflow as tf

                def lines():
                    with open("/etc/passwd") as file:
                        return 1.0 * bool(file.read())

                class Counted(keras.layers.Layer):
                    def call(self, x):
                        return x * tf.py_function(lines, [], "float32")

                    def compute_output_shape(self, shape):
                        return shape
            """,
            "absent.py": """
                import keras

                class Absent(keras.layers.Layer):
                    @classmethod
                    def from_config(cls, config):
                        with open("/etc/passwd") as file:
                            raise RuntimeError(f"never comes back, {bool(file.read())}")

                    def call(self, x):
                        return x
            """,
        }
    )
    workshop.author(
        PRELUDE
        + textwrap.dedent("""
        import moody, counted, absent
        from bundler.packing import remedies
        remedies.remedies = lambda *what: ()
        # A builder: the model that is saved again is packed again, and needs the word once more.
        for name, options in {"plain": {}, "built": {"builder": moody.make}}.items():
            packed = pack(moody.make(), name, **options)
            assert packed.manifest.proof.allow == ("environment",), packed.manifest.proof
            assert [use.line for use in packed.manifest.proof.uses.load] == [6]
            assert len(list(packed.manifest.proof.uses.stages())) == 1, packed.manifest.proof
        # TensorFlow raises what its threads raise as an error of its own.
        packed = pack(of(counted.Counted()), "counted")
        proof = packed.manifest.proof
        assert proof.allow == ("filesystem",), proof
        assert [(use.module, use.line) for use in proof.uses.outputs] == [("counted", 6)], proof
        assert any("counted.py:6 " in line and "when the model is called" in line for line in packed.notes)
        try:
            pack(of(absent.Absent()), "absent")
        except ProofFailed as error:
            assert error.stage == "load" and "never comes back, True" in str(error), error
        else:
            raise AssertionError("not refused")
        assert any(line.startswith("absent.py:7 ") and "allow=['filesystem']" in line for line in said), said
        assert not os.path.exists("../hand_over/absent.kbundle")
        """)
    )


def test_the_command_accepts_words_and_prints_what_the_proof_saw(workshop: Workshop) -> None:
    workshop.write(FILES)
    output = workshop.author(
        PRELUDE
        + textwrap.dedent("""
        from at_import import Scaled
        from swallows import Shifted
        from bundler.cli.main import main
        of(Scaled(), Shifted()).save("../hand_over/m.keras")
        pack = ["pack", "../hand_over/m.keras", "--source", "../source", "--overwrite", "-o", "../hand_over/m.kbundle"]
        assert main(pack) == 0
        print("with the word")
        assert main([*pack, "--allow", "environment", "--json"]) == 0
        assert main([*pack, "--allow", "all"]) == 1
        """)
    ).output
    first, _, second = output.partition("with the word")
    assert "proved with: environment" in first
    assert "used in the proof (load):" in first
    assert "environment: scale:3: " in first
    assert "note: scale.py:3 " in first
    assert "note: swallows.py:5 " in first
    facts = json.JSONDecoder().raw_decode(second[second.index("{") :])[0]
    assert facts["allow"] == ["environment"]
    assert [use["module"] for use in facts["uses"]["load"]] == ["scale"]
    assert not any("scale.py" in note for note in facts["notes"])
