"""Where versions differ, the self-test is replayed, and what it gives decides: load, warn or refuse."""

from __future__ import annotations

import pytest

from tests.models.conftest import Workshop

#: What depends on the version, in one line of `call`; Keras is 3.15.2 for the author and 3.15.1 for the consumer.
CODE = """
    import keras

    NEW = keras.__version__ == "3.15.2"


    def LIVE(x):  # and not the symbol that a functional model is made of
        return hasattr(x, "numpy")


    class Gain(keras.layers.Layer):
        def call(self, x):
            {line}
            return x * factor
"""
PACK = """
    import newer_keras
    newer_keras.pretend("3.15.2", exports=False)
    from gain import Gain
    model = keras.Sequential([keras.Input((4,)), Gain()])
    packed = bundle(model, "../hand_over/m.kbundle", example_inputs=np.ones((3, 4), "float32"))
    assert packed.manifest.payload.keras_version == "3.15.2"
"""
LOAD = """
    import logging, warnings
    lines = []
    log = logging.getLogger("bundler")
    log.setLevel(logging.INFO)
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    log.addHandler(handler)

    def load(**options):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model = unbundle("../hand_over/m.kbundle", **options)
        return model, [str(item.message) for item in caught if item.category is RequirementsWarning]

    def refused(error, **options):
        try:
            load(**options)
        except error as raised:
            return str(raised)
        raise AssertionError(options)
"""


def packed(workshop: Workshop, line: str) -> None:
    workshop.write({"gain.py": CODE.format(line=line)})
    workshop.author(PACK)


def test_the_same_outputs_are_told_in_the_log_and_warn_of_nothing(workshop: Workshop) -> None:
    packed(workshop, "factor = 2.0")
    workshop.consumer(
        LOAD
        + """
    for options in ({}, {}, {"self_test": True}):
        model, warned = load(**options)
        assert model.layers[0](np.ones((1, 4), "float32"))[0, 0] == 2.0 and not warned, warned
    assert lines == ["keras 3.15.1 for 3.15.2: outputs differ by 0 on the self-test"], lines
    assert "does not have the locked versions" in refused(RequirementsNotMet, requirements="strict")
    """
    )


def test_the_self_test_that_was_asked_for_is_the_evidence(workshop: Workshop) -> None:
    packed(workshop, "factor = 2.0")
    workshop.consumer(
        LOAD
        + """
    from bundler.keras_io.selftest import recording
    replay, calls = recording.replay, []
    recording.replay = lambda *given, **named: calls.append(1) or replay(*given, **named)
    assert load(self_test=True)[1] == [] and calls == [1]
    assert lines == ["keras 3.15.1 for 3.15.2: outputs differ by 0 on the self-test"], lines
    """
    )


def test_outputs_that_are_rounded_otherwise_warn_once(workshop: Workshop) -> None:
    packed(workshop, "factor = 2.0 if NEW else 2.0002")
    workshop.consumer(
        LOAD
        + """
    (warned,) = load()[1]
    assert warned.startswith("keras 3.15.1 for 3.15.2: outputs differ by 0.0002 on the self-test, more than"), warned
    assert load()[1] == [] and lines == []
    """
    )


@pytest.mark.parametrize(
    ("line", "measured"),
    [
        ("factor = 2.0 if NEW else 3.0", "outputs differ by 1 on the self-test: the output"),
        ("factor = 2.0 if NEW else x[:1]", "outputs differ by"),
        ("factor = 2.0 / (NEW or not LIVE(x))", "the model fails on the inputs of its self-test: ZeroDivisionError"),
    ],
)
def test_other_outputs_refuse_and_name_what_to_install(workshop: Workshop, line: str, measured: str) -> None:
    packed(workshop, line)
    workshop.consumer(
        LOAD
        + f"""
    for _ in range(2):
        text = refused(RequirementsNotMet)
        assert {measured!r} in text and "keras 3.15.1 for 3.15.2" in text and "pip install keras==3.15.2" in text, text
    refused(SelfTestFailed, self_test=True)
    model, warned = load(requirements="ignore")
    assert warned == [] and len(lines) == 1 and "requirements ignored" in lines[0]
    """
    )


@pytest.mark.parametrize(
    ("line", "options", "why"),
    [
        ("factor = keras.random.normal((1,)) if NEW else 9.0", "{}", "the model is random"),
        ("factor = float(open('x').read()) if LIVE(x) and not NEW else 1.0", "{}", "code was stopped that asks for"),
        (
            "factor = 1.0 if NEW else 9.0",
            "{'custom_objects': {'Other': keras.layers.Dense}}",
            "custom_objects= may change",
        ),
    ],
)
def test_what_cannot_be_measured_is_warned_of_by_rule(workshop: Workshop, line: str, options: str, why: str) -> None:
    packed(workshop, line)
    workshop.consumer(
        LOAD
        + f"""
    (warned,) = load(**{options})[1]
    assert "keras 3.15.2: may differ, 3.15.1 is here" in warned and {"not measured: " + why!r} in warned, warned
    """
    )


def test_a_graph_is_measured_by_how_near_it_came_to_its_model(workshop: Workshop) -> None:
    workshop.write({"gain.py": CODE.format(line="factor = 2.0")})
    workshop.author(PACK.replace('m.kbundle",', 'm.kbundle", payload="both",'))
    workshop.consumer(
        LOAD
        + """
    model, warned = load(fidelity="inference")
    assert warned == [] and lines == ["keras 3.15.1 for 3.15.2: outputs differ by 0 on the self-test"], (warned, lines)
    """
    )


def test_a_pickle_is_warned_of_by_rule_where_its_bundle_was_not_measured(workshop: Workshop) -> None:
    packed(workshop, "factor = 2.0")
    workshop.consumer(
        LOAD
        + """
    import pickle
    from bundler.unpacking import evidence
    state = pickle.dumps(load()[0])
    assert load()[1] == []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pickle.loads(state)
        assert [item for item in caught if item.category is RequirementsWarning] == []
        evidence._settled.clear()  # as in a process that never loaded the bundle
        pickle.loads(state)
    (warned,) = [str(item.message) for item in caught if item.category is RequirementsWarning]
    assert "not measured: a pickle has no self-test" in warned, warned
    """
    )
