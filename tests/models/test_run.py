"""``kbundle run``: a file of inputs, a bundle, a file of outputs."""

from __future__ import annotations

from tests.models.conftest import Workshop

_TWO = """
    a, b = keras.Input((2,), name="wide"), keras.Input((3,), name="deep")
    both = keras.layers.Concatenate()([a, b])
    model = keras.Model([a, b], [keras.layers.Dense(2, name="left")(both), keras.layers.Dense(1, name="right")(both)])
    bundle(model, "../hand_over/m.kbundle")
    x = {"wide": np.random.rand(70, 2).astype("float32"), "deep": np.random.rand(70, 3).astype("float32")}
    np.savez("../hand_over/x.npz", **x)
    left, right = model.predict(x, verbose=0)
    np.savez("../hand_over/expected.npz", left=left, right=right)
"""
_RUN = """
    from bundler.cli.main import main
    def run(*more, code=0):
        assert main(["run", "../hand_over/m.kbundle", *more]) == code
"""


def test_run_names_the_outputs_as_the_model_does(workshop: Workshop) -> None:
    workshop.author(_TWO)
    told = workshop.consumer(f"""{_RUN}
    for size in ("7", "32", "100"):
        run("--input", "../hand_over/x.npz", "--output", "y.npz", "--overwrite", "--batch-size", size)
        with np.load("y.npz") as found, np.load("../hand_over/expected.npz") as expected:
            assert found.files == ["left", "right"]
            for name in expected.files:
                np.testing.assert_allclose(found[name], expected[name], rtol=1e-5, atol=1e-6)
                assert found[name].dtype == "float32"
    """)
    assert "y.npz: left  float32 [70, 2]" in told.output


def test_run_takes_one_array_from_an_npy_file_and_calls_one_answer_output(workshop: Workshop) -> None:
    workshop.author("""
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        bundle(model, "../hand_over/m.kbundle", payload="both")
        x = np.random.rand(5, 4)
        np.save("../hand_over/x.npy", x)
        np.save("../hand_over/y.npy", model.predict(x, verbose=0))
    """)
    workshop.consumer(f"""{_RUN}
    for more in ((), ("--fidelity", "inference")):
        run("--input", "../hand_over/x.npy", "--output", "y.npz", "--overwrite", *more)
        with np.load("y.npz") as found:
            np.testing.assert_allclose(found["output"], np.load("../hand_over/y.npy"), rtol=1e-5, atol=1e-6)
    """)


def test_run_passes_text_and_writes_small_floats_as_any_numpy_reads_them(workshop: Workshop) -> None:
    workshop.author("""
        words = keras.layers.TextVectorization(vocabulary=["red", "blue"], output_sequence_length=2)
        inputs = keras.Input((1,), dtype="string", name="words")
        outputs = keras.layers.Rescaling(0.5, dtype="bfloat16")(words(inputs))
        bundle(keras.Model(inputs, outputs), "../hand_over/m.kbundle")
        np.savez("../hand_over/x.npz", words=np.array([["red blue"], ["blue"]]))
    """)
    workshop.consumer(f"""{_RUN}
    run("--input", "../hand_over/x.npz", "--output", "y.npz")
    with np.load("y.npz", allow_pickle=False) as found:
        assert found["output"].tolist() == [[1.0, 1.5], [1.5, 0.0]] and found["output"].dtype == "float32"
    """)


def test_run_refuses_what_the_model_does_not_take_and_writes_nothing(workshop: Workshop) -> None:
    workshop.author(_TWO)
    told = workshop.consumer(f"""{_RUN}
    import os
    np.savez("wrong.npz", wide=np.zeros((2, 9)), deep=np.zeros((2, 3)))
    run("--input", "wrong.npz", "--output", "y.npz", code=1)
    open("text.npz", "w").write("text")
    run("--input", "text.npz", "--output", "y.npz", code=1)
    np.save("objects.npy", np.array([object()]), allow_pickle=True)
    run("--input", "objects.npy", "--output", "y.npz", code=1)
    assert not os.path.exists("y.npz")
    """).output
    assert "the model cannot be called with these inputs" in told
    assert "expected wide FP32 [-1, 2]; deep FP32 [-1, 3]" in told
    assert "Traceback" not in told
    assert told.count("next step:") == 3


def test_a_command_opens_the_bundle_once(workshop: Workshop) -> None:
    workshop.author(_TWO)
    workshop.consumer(f"""{_RUN}
    import bundler.archive.reader
    opened, plain = [], bundler.archive.reader.open_positioned
    bundler.archive.reader.open_positioned = lambda source: opened.append(source) or plain(source)
    run("--input", "../hand_over/x.npz", "--output", "y.npz")
    assert len(opened) == 1
    assert main(["test", "../hand_over/m.kbundle"]) == 0
    assert len(opened) == 2
    """)
