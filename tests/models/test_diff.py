"""``diff_bundles`` of models that Keras saved and trained."""

from __future__ import annotations

from tests.models.conftest import Workshop

_MODEL = """
    from gain import Gain
    from bundler.diff.change import Difference

    def make(middle=False):
        inputs = x = keras.Input((4,), name="x")
        x = Gain(name="gain")(keras.layers.Dense(8, name="embed")(x))
        if middle:
            x = keras.layers.Dense(8, name="middle")(x)
        model = keras.Model(inputs, keras.layers.Dense(1)(x))
        model.compile("adam", "mse")
        return model
"""
_GAIN = """
    import keras

    class Gain(keras.layers.Layer):
        def build(self, input_shape):
            self.gain = self.add_weight(shape=(input_shape[-1],), initializer="ones")

        def call(self, inputs):
            return inputs * self.gain
"""


def test_tells_which_layer_was_trained_and_which_is_new(workshop: Workshop) -> None:
    workshop.write({"gain.py": _GAIN})
    workshop.author(f"""{_MODEL}
    before = make()
    bundle(before, "a.kbundle")
    bundle(before, "again.kbundle")
    assert diff_bundles("a.kbundle", "again.kbundle").same

    before.get_layer("embed").kernel.assign_add(np.ones((4, 8)))
    bundle(before, "b.kbundle")
    found = diff_bundles("a.kbundle", "b.kbundle")
    assert (found.modules, found.config, found.objects, found.lock, found.notes) == ((), (), (), (), ())
    assert [(item.layer, item.changed, item.tensors) for item in found.tensors.layers] == [("embed", 1, 2)]
    assert found.optimizer.changes == ()

    # The same weights in a model with a layer more, whose last layer has another name by Keras's count.
    after = make(middle=True)
    for layer in ("embed", "gain"):
        after.get_layer(layer).set_weights(before.get_layer(layer).get_weights())
    after.layers[-1].set_weights(before.layers[-1].get_weights())
    bundle(after, "c.kbundle")
    found = diff_bundles("b.kbundle", "c.kbundle")
    assert {{item.layer for item in found.tensors.layers}} == {{"middle"}}
    assert [item.kind for item in found.config if item.kind in ("added", "removed", "renamed")] == ["renamed", "added"]
    assert found.notes == ()
    """)


def test_a_saved_model_is_compared_by_digest_and_beside_a_keras_payload_not_at_all(workshop: Workshop) -> None:
    workshop.write({"gain.py": _GAIN})
    workshop.author(f"""{_MODEL}
    model = make()
    for name in ("a", "b"):
        bundle(model, f"{{name}}.kbundle", payload="inference")
        model.get_layer("embed").kernel.assign_add(np.ones((4, 8)))
    found = diff_bundles("a.kbundle", "b.kbundle")
    assert found.tensors is None
    assert "SavedModel" in found.notes[0]
    assert any(item.name.startswith("model/saved_model/variables/") for item in found.members)
    """)
