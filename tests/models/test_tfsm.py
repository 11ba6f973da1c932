"""A `TFSMLayer` travels with the SavedModel folder that it names."""

from __future__ import annotations

from tests.models.conftest import Workshop

MAKE = """
    inner = keras.Sequential([keras.Input((3,), name="x"), keras.layers.Dense(2)])
    inner.export("exported", verbose=False)
    x = np.ones((4, 3), "float32")
    i = keras.Input((3,))
    first = keras.layers.TFSMLayer("exported", call_endpoint="serve")(i)
    second = keras.layers.TFSMLayer("exported", call_endpoint="serve", name="again")(i)
    model = keras.Model(i, keras.layers.Dense(2)(keras.layers.Add()([first, second])))
    np.save("../hand_over/y.npy", model.predict(x, verbose=0))
"""
CONSUME = """
    import os
    x, y = np.ones((4, 3), "float32"), np.load("../hand_over/y.npy")
    model = unbundle("../hand_over/m.kbundle")
    check_same(model, x, y, "predict")
    assert type(model.layers[1]) is keras.layers.TFSMLayer
    model.compile("sgd", "mse")
    model.fit(x, y, verbose=0)
    fresh = unbundle("../hand_over/m.kbundle")
    bundle(fresh, "again.kbundle")
    check_same(unbundle("again.kbundle"), x, y, "packed again")
"""


def test_the_folder_of_a_live_model_is_embedded(workshop: Workshop) -> None:
    workshop.author(
        MAKE
        + """
    packed = bundle(model, "../hand_over/m.kbundle")
    names = [item.name for item in packed.manifest.members]
    assert "model/tfsm/1/saved_model.pb" in names and not [name for name in names if name.startswith("model/tfsm/2")]
    with open_bundle("../hand_over/m.kbundle") as reader:
        content = reader.read("model/model.keras")
    import os
    assert os.getcwd().encode() not in content and b"model/tfsm/1" in content
    import shutil
    shutil.rmtree("exported")
    """
    )
    workshop.consumer(CONSUME)


def test_the_folder_of_a_keras_file_is_embedded(workshop: Workshop) -> None:
    workshop.author(
        MAKE
        + """
    model.save("m.keras")
    before = open("m.keras", "rb").read()
    bundle("m.keras", "../hand_over/m.kbundle")
    assert open("m.keras", "rb").read() == before
    import shutil
    shutil.rmtree("exported")
    """
    )
    workshop.consumer(CONSUME)


def test_safe_mode_stays_on_for_a_layer_whose_folder_is_not_in_the_bundle(workshop: Workshop) -> None:
    workshop.author(MAKE + '\n    bundle(model, "../hand_over/m.kbundle")\n')
    workshop.consumer("""
        import io, json, zipfile
        from bundler.archive.writer import NewMember, write_bundle
        with open_bundle("../hand_over/m.kbundle") as reader:
            manifest = reader.manifest
            members = {item.name: reader.read(item.name) for item in manifest.members}
        source = zipfile.ZipFile(io.BytesIO(members["model/model.keras"]))
        changed = io.BytesIO()
        with zipfile.ZipFile(changed, "w") as target:
            for name in source.namelist():
                data = source.read(name)
                if name == "config.json":
                    data = data.replace(b"model/tfsm/1", b"../author/exported")
                target.writestr(name, data)
        members["model/model.keras"] = changed.getvalue()
        write_bundle("bad.kbundle", manifest, [NewMember(name=name, content=data) for name, data in members.items()])
        import os
        assert os.path.isdir("../author/exported")
        try:
            unbundle("bad.kbundle")
        except AuditRefused as error:
            print(error)
            assert "TFSMLayer" in str(error)
        else:
            raise AssertionError("not refused")
    """)


def test_refuses_a_layer_whose_folder_is_gone_or_calls_python(workshop: Workshop) -> None:
    workshop.author(
        MAKE
        + """
    import shutil
    import tensorflow as tf
    class Bad(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, 2], name="x")])
        def serve(self, x):
            y = tf.numpy_function(lambda a: a, [x], tf.float32)
            return tf.ensure_shape(y, [None, 2])
    bad = Bad()
    tf.saved_model.save(bad, "bad", signatures={"serving_default": bad.serve})
    model = keras.Model(i, keras.layers.TFSMLayer("bad", call_endpoint="serve")(model(i)))
    shutil.rmtree("exported")
    try:
        bundle(model, "../hand_over/m.kbundle")
    except SourceError as error:
        print(error)
        assert len(error.problems) == 2 and "'exported'" in str(error) and "PyFunc" in str(error)
    else:
        raise AssertionError("not refused")
    """
    )


def test_refuses_a_folder_outside_the_bundle_by_every_name_of_the_layer(workshop: Workshop) -> None:
    workshop.consumer("""
        from bundler.keras_io.files import tfsm

        for named in [{"module": "keras.layers", "class_name": "TFSMLayer"}, {"class_name": "TFSMLayer"},
                      {"module": "keras", "class_name": "layers.TFSMLayer"}]:
            config = {"config": {"layers": [{**named, "config": {"filepath": "/elsewhere"}}]}}
            try:
                tfsm.let_in(config, {}, "key", safe_mode=True)
            except RebuildFailed as error:
                assert "outside the bundle" in str(error)
            else:
                raise AssertionError(named)
    """)
