"""From the author whose code could open files to the consumer who loads it with no word, and is asked where it does."""

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
    packed = bundle(model, "../hand_over/m.kbundle")
    assert packed.audit.asked == () and packed.audit.could == ("filesystem",), packed.audit.findings
    assert [f.place for f in packed.audit.findings if f.capability] == ["code/notes.py:11"]
    open("../hand_over/digest", "w").write(packed.digest)
"""


def test_code_that_could_loads_and_is_stopped_where_it_does(workshop: Workshop) -> None:
    workshop.write(NOTES)
    workshop.author(PACK)
    workshop.consumer("""
        import os
        heard = []
        model = unbundle("../hand_over/m.kbundle", on_refused=heard.append)
        assert model(np.ones((1, 4)))[0, 0] == 3.0 and not heard
        try:
            model.layers[0].remember("remembered")
        except ConsentRequired as error:
            assert error.words == ("filesystem",) and "notes:11" in str(error) and "'remembered'" in str(error)
            assert error.uses[0].line == 11
        else:
            raise AssertionError("it wrote")
        assert not os.path.exists("remembered")
        assert [use.line for use in record_of(model).refused] == [11] and heard == list(record_of(model).refused)
        assert model(np.ones((1, 4)))[0, 0] == 3.0  # and it is usable afterwards
        unbundle("../hand_over/m.kbundle", allow=["filesystem"])  # the same tree: it opens for both
        model.layers[0].remember("remembered")
        assert open("remembered").read() == "3"
        assert [use.capability for use in record_of(model).used] == ["filesystem"]
    """)


def test_the_strict_gate_refuses_at_load_what_code_could_do(workshop: Workshop) -> None:
    workshop.write(NOTES)
    workshop.author(PACK)
    workshop.consumer("""
        import sys
        path, digest = "../hand_over/m.kbundle", open("../hand_over/digest").read()
        for options in ({}, {"allow": ["network"]}):
            try:
                unbundle(path, policy=Policy(gate="strict"), **options)
            except ConsentRequired as error:
                assert error.words == ("filesystem",) and "code/notes.py:11" in str(error)
                assert digest in str(error) and error.findings[0].line == 11
            else:
                raise AssertionError(options)
        try:
            unbundle(path, digest=digest, policy=Policy(gate="strict", deny=frozenset({"filesystem"})))
        except AuditRefused as error:
            assert "code/notes.py:11" in str(error)
        else:
            raise AssertionError("a policy holds against a digest")
        assert not any(name.startswith("_kbundle_") for name in sys.modules)
        for options in ({"allow": ["filesystem"]}, {"digest": digest}):
            model = unbundle(path, policy=Policy(gate="strict"), **options)
            assert model(np.ones((1, 4)))[0, 0] == 3.0
    """)


def test_what_a_policy_denies_is_closed_for_good_while_code_runs(workshop: Workshop) -> None:
    workshop.write(NOTES)
    workshop.author(PACK)
    workshop.consumer("""
        digest = open("../hand_over/digest").read()
        model = unbundle("../hand_over/m.kbundle", digest=digest, policy=Policy(deny=frozenset({"filesystem"})))
        try:
            model.layers[0].remember("remembered")
        except AuditRefused as error:
            assert "notes:11" in str(error) and "policy" in str(error)
        else:
            raise AssertionError("it wrote")
    """)


def test_a_refusal_that_code_swallows_while_it_loads_is_told_once(workshop: Workshop) -> None:
    workshop.write(
        {
            "quiet.py": """
                import keras

                try:
                    WORDS = open("/etc/hostname").read()
                except Exception:
                    WORDS = ""


                class Quiet(keras.layers.Layer):
                    def call(self, x):
                        return x
            """
        }
    )
    workshop.author("""
        from quiet import Quiet
        bundle(keras.Sequential([keras.Input((4,)), Quiet()]), "../hand_over/m.kbundle", whole=True)
    """)
    workshop.consumer("""
        import warnings
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model = unbundle("../hand_over/m.kbundle")
        told = [str(item.message) for item in caught if item.category is RefusalWarning]
        assert len(told) == 1 and "quiet:5" in told[0] and "allow=['filesystem']" in told[0], told
        assert caught[-1].filename.endswith(".py") and "bundler" not in caught[-1].filename, caught[-1].filename
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
            exec(compile("import socket\\nsocket.create_connection(('127.0.0.1', 9))", "x", "exec"), vars(module))
        except ConsentRequired as error:
            assert error.words == ("network",) and "127.0.0.1" in str(error)
        else:
            raise AssertionError("connected")
    """)


def test_a_refusal_while_a_module_is_imported_reaches_the_caller_as_it_is(workshop: Workshop) -> None:
    workshop.write(
        {
            "loud.py": """
                import keras

                WORDS = open("/etc/hostname").read()


                class Loud(keras.layers.Layer):
                    def call(self, x):
                        return x
            """
        }
    )
    workshop.author("""
        from loud import Loud
        bundle(keras.Sequential([keras.Input((4,)), Loud()]), "../hand_over/m.kbundle", whole=True)
    """)
    workshop.consumer("""
        try:
            unbundle("../hand_over/m.kbundle")
        except ConsentRequired as error:
            assert error.words == ("filesystem",) and "loud:4" in str(error) and "allow=['filesystem']" in str(error)
        else:
            raise AssertionError("it read")
        unbundle("../hand_over/m.kbundle", allow=["filesystem"])
    """)
