"""From the author who packs code that opens files to the consumer who is asked for it, and the code that wants more."""

from __future__ import annotations

from tests.models.conftest import Workshop

NOTES = {
    "notes.py": """
        import keras


        class Notes(keras.layers.Layer):
            def build(self, shape):
                self.factor = 3.0
                self.built = True

            def remember(self, path):
                with open(path, "w") as file:
                    file.write("3")

            def call(self, x):
                return x * self.factor
    """
}
PACK = """
    from notes import Notes
    model = keras.Sequential([keras.Input((4,)), Notes()])
    said = []
    packed = bundler.bundle(model, "../hand_over/m.kbundle", progress=lambda what, *_: said.append(what))
    assert packed.audit.asked == ("filesystem",), packed.audit.findings
    assert [f.place for f in packed.audit.findings if f.capability] == ["code/notes.py:11"]
    assert packed.audit.digest == packed.digest
    assert packed.manifest.proof.allow == ("filesystem",)
    assert any("asked to accept filesystem: code/notes.py:11" in line for line in said), said
    open("../hand_over/digest", "w").write(packed.digest)
"""


def test_the_author_is_told_what_the_consumer_is_asked_for(workshop: Workshop) -> None:
    workshop.write(NOTES)
    workshop.author(PACK)
    workshop.consumer("""
        import sys
        path, digest = "../hand_over/m.kbundle", open("../hand_over/digest").read()
        for options in ({}, {"allow": ["network"]}, {"policy": Policy(allow=frozenset({"network"}))}):
            try:
                unbundle(path, **options)
            except ConsentRequired as error:
                assert error.words == ("filesystem",) and "code/notes.py:11" in str(error)
                assert digest in str(error) and error.findings[0].line == 11
            else:
                raise AssertionError(options)
        try:
            unbundle(path, digest=digest, policy=Policy(deny=frozenset({"filesystem"})))
        except AuditRefused as error:
            assert "code/notes.py:11" in str(error)
        else:
            raise AssertionError("a policy holds against a digest")
        assert not any(name.startswith("_kbundle_") for name in sys.modules)
        for options in (
            {"allow": ["filesystem"]}, {"digest": digest}, {"policy": Policy(allow=frozenset({"filesystem"}))}
        ):
            model = unbundle(path, **options)
            assert model(np.ones((1, 4)))[0, 0] == 3.0
        model.layers[0].remember("remembered")
        assert open("remembered").read() == "3"
    """)


def test_the_inference_graph_needs_no_consent_to_code_that_does_not_run(workshop: Workshop) -> None:
    workshop.write(NOTES)
    workshop.author("""
        from notes import Notes
        model = keras.Sequential([keras.Input((4,)), Notes()])
        bundle(model, "../hand_over/m.kbundle", payload="both")
    """)
    workshop.consumer("""
        import sys
        model = unbundle("../hand_over/m.kbundle", fidelity="inference")
        assert model(np.ones((1, 4), "float32"))[0, 0] == 3.0
        assert not any(name.startswith("_kbundle_") for name in sys.modules)
    """)


def test_running_code_that_wants_more_than_was_accepted_is_stopped(workshop: Workshop) -> None:
    workshop.write(NOTES)
    workshop.author("""
        from notes import Notes
        bundle(keras.Sequential([keras.Input((4,)), Notes()]), "../hand_over/m.kbundle")
    """)
    workshop.consumer("""
        import sys
        model = unbundle("../hand_over/m.kbundle", allow=["filesystem"])
        module = sys.modules[type(model.layers[0]).__module__]
        try:
            exec(compile("import socket", "x", "exec"), vars(module))
        except ConsentRequired as error:
            assert error.words == ("network",) and "socket" in str(error)
        else:
            raise AssertionError("imported")
    """)
