"""What the config of an adapted class may name: declared objects and the vocabulary of models, nothing else."""

from __future__ import annotations

from tests.models.conftest import Workshop


def test_a_config_gets_at_nothing_outside_the_vocabulary_of_models(workshop: Workshop) -> None:
    workshop.author("""
        from bundler.errors import InvalidBundle
        from bundler.keras_io.adapt.decoding import decode
        from bundler.keras_io.adapt.sharing import TAG

        def refused(value):
            try:
                decode(value, {}.__getitem__)
            except InvalidBundle as error:
                return "config.json" in str(error)
            return False

        for module, name in [
            ("tensorflow", "load_library"), ("tensorflow", "py_function"), ("tensorflow", "io"), ("numpy", "load"),
            ("numpy", "fromfile"), ("keras.models", "load_model"), ("keras.utils", "get_file"), ("builtins", "eval"),
            ("os", "system"), ("tensorflow.io", "write_file"), ("keras.layers", "__loader__"), ("numpy", "ctypeslib"),
            ("numpy", "memmap"), ("keras.layers", "TFSMLayer"), ("keras.layers", "deserialize"),
        ]:
            assert refused({TAG: "public", "module": module, "name": name}), (module, name)
            partial = {TAG: "partial", "items": [], "keywords": {}}
            assert refused({**partial, "function": {TAG: "public", "module": module, "name": name}})

        # A function that Keras gives when it is asked by a node may be called all the same: as a partial function.
        for module, name in [("keras.datasets.mnist", "load_data"), ("keras.config", "set_backend"),
                             ("keras.layers", "deserialize"), ("keras", "name_scope")]:
            node = {"module": module, "class_name": "function", "config": name, "registered_name": name}
            assert refused(node) and refused({TAG: "partial", "function": node, "items": [], "keywords": {}}), name
        relu = {"module": "builtins", "class_name": "function", "config": "relu", "registered_name": "relu"}
        assert decode(relu, {}.__getitem__) is keras.activations.relu

        # A node that comes of decoding alone was held against no manifest.
        import base64
        text = {TAG: "scalar", "dtype": "<U8", "shape": [], "data": base64.b64encode("function".encode("utf-32-le"))}
        assert refused({"module": "os", "class_name": {**text, "data": text["data"].decode()}, "config": "system"})
        hidden = [["module", "os"], ["class_name", "function"], ["config", "system"]]
        assert refused({TAG: "dict", "items": hidden})
        assert refused({TAG: "tuple", "items": [{TAG: "dict", "items": hidden}]})
        plain = {"class_name": "Dense", "config": {"units": 1}, "module": "keras.layers"}
        assert decode({TAG: "dict", "items": list(plain.items())}, {}.__getitem__) == plain

        dense = {TAG: "public", "module": "keras.layers", "name": "Dense"}
        assert decode({TAG: "class", "of": dense}, {}.__getitem__) is keras.layers.Dense
        for kind, more in [("instance", {"keywords": {"units": 1}}), ("state", {"items": []}),
                           ("enum", {"name": "x"}), ("named_tuple", {"items": []})]:
            assert refused({TAG: kind, "of": dense, **more}), kind
        assert refused({TAG: "unknown"})
    """)


def test_what_is_written_of_the_framework_can_be_read(workshop: Workshop) -> None:
    workshop.author("""
        import tensorflow as tf
        from bundler.keras_io.adapt.decoding import decode
        from bundler.keras_io.adapt.value_encoding import encode

        for value in [tf.nn.relu, tf.math.tanh, tf.reshape, np.tanh, np.float32, keras.ops.softmax, keras.losses.hinge,
                      keras.layers.Dense, keras.optimizers.schedules.CosineDecay, keras.Model, int]:
            assert decode(encode(value, lambda _: None), {}.__getitem__) is value, value
    """)


def test_an_adaptation_calls_nothing_but_classes_of_the_bundle(workshop: Workshop) -> None:
    workshop.author("""
        bundle(keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]), "../hand_over/m.kbundle")
    """)
    workshop.consumer("""
        import dataclasses, json, os, subprocess, zipfile
        from bundler.archive.writer import NewMember, write_bundle
        from bundler.manifest import Adaptation, CustomObject

        with open_bundle("../hand_over/m.kbundle") as reader:
            manifest = reader.manifest
            content = {item.name: reader.read(item.name) for item in manifest.members}

        def planted(name, adaptation, objects=(), config=None):
            open("model.keras", "wb").write(content["model/model.keras"])
            if config is not None:
                with zipfile.ZipFile("model.keras") as old, zipfile.ZipFile("new.keras", "w") as new:
                    for entry in old.namelist():
                        new.writestr(entry, json.dumps(config) if entry == "config.json" else old.read(entry))
                os.replace("new.keras", "model.keras")
            members = [NewMember(name=n, content=c) for n, c in content.items() if n != "model/model.keras"]
            members.append(NewMember(name="model/model.keras", content=open("model.keras", "rb").read()))
            said = dataclasses.replace(manifest, adaptations=(adaptation,) if adaptation else (), objects=objects)
            write_bundle(name, said, members, overwrite=True)
            return name

        def refused(path):
            try:
                unbundle(path)
            except (AuditRefused, ConsentRequired) as error:
                print(error)
                return True
            return False

        for module, qualname in [
            ("keras.utils", "get_file"), ("keras.models", "load_model"),
            ("keras.config", "enable_unsafe_deserialization"), ("keras.nope", "nope"),
            ("keras", "Nope"), ("keras", "Layer"), ("subprocess", "Popen"),
        ]:
            adaptation = Adaptation(kind="constructor_arguments", module=module, qualname=qualname)
            assert refused(planted("p.kbundle", adaptation)), (module, qualname)

        # Declared, as of an installed distribution: it is not called either.
        run = CustomObject(kind="object", key="Popen", module="subprocess", qualname="Popen",
                           distribution="x", paths=("/config/layers/1",))
        adaptation = Adaptation(kind="constructor_arguments", module="subprocess", qualname="Popen")
        assert refused(planted("q.kbundle", adaptation, (run,)))

        # What the config makes must be a model.
        relu = {"module": "keras.layers", "class_name": "ReLU", "registered_name": None, "config": {"name": "relu"}}
        for config in (relu, {"module": "builtins", "class_name": "function", "config": "relu"}):
            try:
                unbundle(planted("t.kbundle", None, (), config))
            except BundleError as error:
                assert config is not relu or "expected a keras.Model, found keras." in str(error), error
            else:
                raise AssertionError("it loads")

        # A class of Keras's own is not adapted, whatever it is declared as: one of them loads any folder.
        graph = dataclasses.replace(run, kind="layer", key="x", module="keras.layers", qualname="TFSMLayer")
        adaptation = Adaptation(kind="constructor_arguments", module="keras.layers", qualname="TFSMLayer")
        assert refused(planted("r.kbundle", adaptation, (graph,)))

        # And a function of an installed distribution gets no arguments from a config.
        node = {"module": "cProfile", "class_name": "function", "config": "run", "registered_name": "run"}
        partial = {"__kbundle__": "partial", "function": node, "items": ["open('ran', 'w')"], "keywords": {}}
        config = {"module": "keras", "class_name": "Sequential", "registered_name": None,
                  "config": {"layers": [], "trainable": partial, "name": "m"}}
        run = CustomObject(kind="function", key="run", module="cProfile", qualname="run", distribution="x",
                           paths=("/config/trainable/function",))
        adaptation = Adaptation(kind="constructor_arguments", module="keras", qualname="Sequential",
                                arguments=("layers", "trainable", "name"))
        try:
            unbundle(planted("s.kbundle", adaptation, (run,), config))
        except BundleError as error:
            assert "cProfile.run" in str(error), error
        else:
            raise AssertionError("it loads")
        assert not os.path.exists("ran")
    """)
