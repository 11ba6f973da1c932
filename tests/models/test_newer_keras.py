"""A layer that a later Keras exports travels with the word for it, and loads where Keras really has it."""

from __future__ import annotations

from tests.models.conftest import Workshop

PACK = """
    import newer_keras
    newer_keras.pretend()
    import quick_proof
    x = np.ones((2, 4), "float32")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Swell(3.0), keras.layers.Dense(2)])
    steps = []
    packed = bundler.bundle(model, "../hand_over/m.kbundle", progress=lambda step, *_: steps.append(step))
    assert packed.audit.asked == packed.manifest.proof.allow == ("newer-keras",)
    (told,) = [step for step in steps if "newer-keras" in step]
    assert "will be asked to accept" in told and "keras.layers.Swell, of Keras 3.99.0" in told, told
    np.save("../hand_over/y.npy", model.predict(x, verbose=0))
"""


def test_a_layer_of_a_later_keras_loads_with_the_word_and_is_refused_without(workshop: Workshop) -> None:
    workshop.author(PACK)
    workshop.consumer("""
        import newer_keras
        newer_keras.pretend()
        path = "../hand_over/m.kbundle"
        audit = audit_bundle(path)
        assert audit.asked == ("newer-keras",) and audit.verdict == "consent"
        (finding,) = [item for item in audit.findings if item.capability]
        assert finding.rule.id == "config.newer-keras" and "newer" in finding.rule.title
        for options in ({}, {"allow": ["filesystem"]}):
            try:
                unbundle(path, **options)
            except ConsentRequired as error:
                assert error.words == ("newer-keras",) and "of Keras 3.99.0; this kbundle knows" in str(error)
            else:
                raise AssertionError(options)
        try:
            unbundle(path, allow=["newer-keras"], policy=Policy(deny=frozenset({"newer-keras"})))
        except AuditRefused:
            pass
        else:
            raise AssertionError("a policy denies it")
        for options in ({"allow": ["newer-keras"]}, {"digest": audit.digest}):
            model = unbundle(path, **options)
            assert type(model.layers[0]).__name__ == "Swell"
            check_same(model, np.ones((2, 4), "float32"), np.load("../hand_over/y.npy"), "loaded")
    """)


def test_the_word_makes_nothing_of_what_the_installed_keras_does_not_export_as_that_kind(workshop: Workshop) -> None:
    workshop.author(PACK)
    workshop.consumer("""
        import newer_keras
        newer_keras.pretend(exports=False)

        def refused(found):
            try:
                unbundle("../hand_over/m.kbundle", allow=["newer-keras"])
            except RebuildFailed as error:
                assert "keras.layers.Swell" in str(error) and found in str(error), error
            else:
                raise AssertionError(found)

        refused("nothing, in Keras 3.99.0")
        made = []
        keras.layers.Swell = lambda **config: made.append(config)
        refused("function")
        newer_keras.export(type("Swell", (), {"from_config": made.append}), "keras.layers.Swell")
        refused("class")
        assert not made
    """)
