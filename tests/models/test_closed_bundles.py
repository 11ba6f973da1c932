"""A bundle with a function that nothing would hold loads with no word, and the function asks where it is called."""

from __future__ import annotations

from tests.models.conftest import Workshop

NOTES = {
    "notes.py": """
        import keras


        def shown(template, layer):
            '''Show it.'''
            return template.format(layer)


        class Notes(keras.layers.Layer):
            def build(self, shape):
                self.factor = 3.0
                self.built = True

            def call(self, x):
                return x * self.factor

            def shown(self, template):
                try:
                    return shown(template, self)
                except ValueError:
                    return ''
    """
}
PACK = """
    from notes import Notes
    model = keras.Sequential([keras.Input((4,)), Notes()])
    packed = bundle(model, "../hand_over/m.kbundle")
    assert packed.audit.asked == () and packed.audit.could == ("reflection",), packed.audit.findings
    assert [f.place for f in packed.audit.findings if f.capability] == ["code/notes.py:7"]
"""


def test_a_closed_function_asks_where_it_is_called_and_nowhere_else(workshop: Workshop) -> None:
    workshop.write(NOTES)
    workshop.author(PACK)
    workshop.consumer("""
        import inspect, pickle, tensorflow as tf
        model = unbundle("../hand_over/m.kbundle")
        assert model(np.ones((1, 4)))[0, 0] == 3.0
        layer = model.layers[0]
        converted = tf.autograph.to_graph(type(layer).shown)
        for call in (layer.shown, lambda text: converted(layer, text)):
            try:
                call("{0.__init__.__globals__}")
            except ConsentRequired as error:
                assert error.words == ("reflection",) and "calls shown()" in str(error), error
            else:
                raise AssertionError("it was called")
        # What is read back is what runs.
        text = inspect.getsource(inspect.getmodule(type(layer)))
        assert "raise __closed__('reflection'" in text and "template.format" not in text and "'''Show it.'''" in text
        assert {use.line for use in record_of(model).refused} == {7, None}
        bundle(model, "../hand_over/again.kbundle")
        open("../hand_over/pickled", "wb").write(pickle.dumps(model))
    """)
    workshop.consumer("""
        import pickle
        model = pickle.load(open("../hand_over/pickled", "rb"))
        assert model(np.ones((1, 4)))[0, 0] == 3.0
        try:
            model.layers[0].shown("{0}")
        except ConsentRequired as error:
            assert error.words == ("reflection",)
        else:
            raise AssertionError("it was called")
    """)
    workshop.consumer("""
        # The author's text travels on, not the closed one.
        model = unbundle("../hand_over/again.kbundle", allow=["reflection"])
        assert "Notes" in model.layers[0].shown("{0}")
    """)
    workshop.consumer("""
        # Who accepts it later gets a model whose function is open; the first one stays as it was accepted.
        import copy
        model = unbundle("../hand_over/m.kbundle")
        opened = unbundle("../hand_over/m.kbundle", allow=["reflection"])
        assert "Notes" in opened.layers[0].shown("{0}") and "Notes" in copy.deepcopy(opened).layers[0].shown("{0}")
        for closed in (model, copy.deepcopy(model)):
            try:
                closed.layers[0].shown("{0}")
            except ConsentRequired as error:
                assert error.words == ("reflection",)
            else:
                raise AssertionError("it was called")
    """)


def test_the_strict_gate_refuses_a_function_that_nothing_would_hold(workshop: Workshop) -> None:
    workshop.write(NOTES)
    workshop.author(PACK)
    workshop.consumer("""
        try:
            unbundle("../hand_over/m.kbundle", policy=Policy(gate="strict"))
        except ConsentRequired as error:
            assert error.words == ("reflection",)
        else:
            raise AssertionError("it loaded")
    """)


RECORDED = {
    "recorded.py": """
        import keras


        def record(cls):
            init = cls.__init__

            def kept(self, factor, **kwargs):
                init(self, factor, **kwargs)
                self.given = (factor,)

            def get_config(self):
                return {**keras.layers.Layer.get_config(self), "factor": self.given[0]}

            cls.__init__ = kept
            cls.get_config = get_config
            return cls


        @record
        class Scale(keras.layers.Layer):
            def __init__(self, factor, **kwargs):
                super().__init__(**kwargs)
                self.factor = factor

            def call(self, x):
                return x * self.factor


        def make_anew(thing, *args):
            thing.__init__(*args)


        def change(thing, name):
            if name == "call":
                thing.call = record
            else:
                thing.get_config = record
    """
}


def test_a_decorator_keeps_the_constructor_of_the_bundles_classes_and_of_no_others(workshop: Workshop) -> None:
    workshop.write(RECORDED)
    workshop.author("""
        import quick_proof
        from recorded import Scale
        model = keras.Sequential([keras.Input((4,)), Scale(3.0)])
        packed = bundler.bundle(model, "../hand_over/m.kbundle", whole=True)
        assert packed.audit.asked == () and packed.manifest.proof.allow == ()
    """)
    workshop.consumer("""
        import inspect, sys
        model = unbundle("../hand_over/m.kbundle")
        assert model(np.ones((1, 4)))[0, 0] == 3.0
        module = inspect.getmodule(type(model.layers[0]))
        words = {"call": "side-effects", "get_config": "unsafe-deserialization"}
        dense = keras.layers.Dense(2)
        before = vars(keras.layers.Dense)["get_config"], vars(keras.layers.Dense)["call"]
        for thing in (dense, keras.layers.Dense, model.layers[0], type(model)):
            for name, word in words.items():
                try:
                    module.change(thing, name)
                except ConsentRequired as error:
                    assert error.words == (word,) or thing in (keras.layers.Dense, type(model)), error
                else:
                    raise AssertionError((thing, name))
        for thing in (dense, keras.layers.StringLookup(vocabulary=["a"])):
            try:
                module.make_anew(thing, 3)
            except ConsentRequired as error:
                assert error.words == ("reflection",), error
            else:
                raise AssertionError(thing)
        assert before == (vars(keras.layers.Dense)["get_config"], vars(keras.layers.Dense)["call"])
    """)
