"""A network that code reads and that is not part of the packed model travels as the calls that make it."""

from __future__ import annotations

from tests.models.conftest import Workshop

TEACHER = """
    import quick_proof
    from keras import layers
    pixels = keras.Input((4, 4, 2), name="pixels")
    shared = layers.Conv2D(2, 3, padding="same", activation="relu")
    deep = shared(shared(pixels))
    deep = layers.BatchNormalization()(deep, training=False)
    deep = layers.Concatenate()([deep, pixels])
    inner = keras.Sequential([keras.Input((4, 4, 4)), layers.Conv2D(3, 1), layers.Dropout(0.5)], name="inner")
    sequence, *states = layers.LSTM(2, return_sequences=True, return_state=True)(layers.Reshape((16, 3))(inner(deep)))
    scaled = layers.Normalization(mean=None)
    scaled.adapt(np.arange(32.0).reshape(16, 2))
    teacher = keras.Model(pixels, {"deep": scaled(sequence), "state": layers.Dense(2)(states[1])})
    teacher.trainable = False
    plain = keras.Sequential([layers.Dense(3, kernel_regularizer="l2")])
    plain.build((None, 2))
"""


def test_a_loss_that_compares_features_of_a_network_travels(workshop: Workshop) -> None:
    workshop.author(
        TEACHER
        + """
    def features(wanted, got):
        wanted, got = teacher(wanted), teacher(got)
        parts = [keras.ops.mean(keras.ops.square(wanted[name] - got[name])) for name in wanted]
        return sum(parts) + keras.ops.mean(plain(got["state"]))
    model = keras.Sequential([keras.Input((4, 4, 2)), keras.layers.Conv2D(2, 3, padding="same")])
    model.compile("sgd", features)
    x = np.random.default_rng(0).random((4, 4, 4, 2)).astype("float32")
    model.fit(x, x, verbose=0)
    packed = bundler.bundle(model, "../hand_over/m.kbundle", offline=True)
    assert packed.manifest.proof.allow == (), packed.manifest.proof
    loss = model.train_on_batch(x, x)
    np.savez("../hand_over/expected.npz", x=x, loss=loss, y=model.predict(x, verbose=0))
    """
    )
    workshop.consumer(
        """
        expected = np.load("../hand_over/expected.npz")
        x = expected["x"]
        model = unbundle("../hand_over/m.kbundle")
        loss = model.train_on_batch(x, x)
        np.testing.assert_allclose(loss, expected["loss"], rtol=1e-5)
        np.testing.assert_allclose(model.predict(x, verbose=0), expected["y"], rtol=1e-5, atol=1e-6)
        """
    )


def test_refuses_a_captured_model_that_shares_weights_with_the_packed_one(workshop: Workshop) -> None:
    workshop.author(
        """
        body = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3)])
        model = keras.Sequential([body, keras.layers.Dense(3)])
        model.compile("sgd", lambda y, p: keras.ops.mean(body(y) - p))
        try:
            bundle(model, "../hand_over/m.kbundle", offline=True)
        except SourceError as error:
            assert "shares weights with the packed model" in str(error), error
            assert "'body'" in str(error), error
        else:
            raise AssertionError("not refused")
        """
    )


def test_refuses_a_part_of_the_model_that_its_class_closes_over(workshop: Workshop) -> None:
    workshop.author(
        """
        def scaled(units):
            inner = keras.layers.Dense(units)
            class Scaled(keras.layers.Layer):
                def build(self, shape):
                    inner.build(shape)
                    self.inner = inner
                def call(self, x):
                    return self.inner(x)
            return Scaled()
        model = keras.Sequential([keras.Input((3,)), scaled(4)])
        try:
            bundle(model, "../hand_over/m.kbundle", offline=True)
        except SourceError as error:
            assert "'inner'" in str(error) and "shares weights with the packed model" in str(error), error
        else:
            raise AssertionError("not refused")
        """
    )


def test_a_layer_that_a_loss_closes_over_keeps_its_weights(workshop: Workshop) -> None:
    workshop.author(
        """
        import quick_proof
        still = keras.layers.Dense(2)
        still.build((None, 2))
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        model.compile("sgd", lambda y, p: keras.ops.mean(keras.ops.square(still(y) - still(p))))
        x = np.ones((4, 3), "float32")
        packed = bundler.bundle(model, "../hand_over/m.kbundle", offline=True)
        assert packed.audit.asked == packed.manifest.proof.allow == ()
        np.save("../hand_over/loss.npy", model.train_on_batch(x, x[:, :2]))
    """
    )
    workshop.consumer(
        """
        x = np.ones((4, 3), "float32")
        model = unbundle("../hand_over/m.kbundle")
        np.testing.assert_allclose(model.train_on_batch(x, x[:, :2]), np.load("../hand_over/loss.npy"), rtol=1e-5)
        """
    )


def test_a_variable_that_a_loss_closes_over_travels_and_one_of_the_model_is_refused(workshop: Workshop) -> None:
    workshop.author(
        """
        import quick_proof
        import tensorflow as tf
        def weighed(weight, reduce=tf.reduce_mean):
            calls = []
            def loss(y, p):
                calls.append(1)
                return weight * reduce(keras.ops.square(y - p))
            loss.calls = calls
            return loss
        x = np.ones((4, 3), "float32")
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3)])
        for weight in (tf.Variable(0.5, trainable=False), keras.Variable(0.25)):
            model.compile("sgd", weighed(weight))
            model.fit(x, x, verbose=0)
            weight.assign(weight + 1.0)
            packed = bundler.bundle(model, f"../hand_over/{float(weight)}.kbundle", offline=True)
            assert packed.audit.asked == packed.manifest.proof.allow == ()
            np.save(f"../hand_over/{float(weight)}.npy", model.train_on_batch(x, x))
        for weight in (model.weights[1], model.optimizer.iterations, model.weights[1].value):
            model.compile(model.optimizer, weighed(weight))
            try:
                bundle(model, "../hand_over/m.kbundle", offline=True)
            except SourceError as error:
                assert "a variable of the packed model" in str(error), error
            else:
                raise AssertionError("not refused")
    """
    )
    workshop.consumer(
        """
        x = np.ones((4, 3), "float32")
        for weight in (1.5, 1.25):
            model = unbundle(f"../hand_over/{weight}.kbundle")
            np.testing.assert_allclose(model.train_on_batch(x, x), np.load(f"../hand_over/{weight}.npy"), rtol=1e-5)
        """
    )
