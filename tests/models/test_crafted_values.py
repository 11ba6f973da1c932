"""Values, settings and seeds of a crafted manifest: one error of kbundle's own, numbers for numbers."""

from __future__ import annotations

from tests.models.conftest import Workshop

SOURCE = {
    "gain.py": """
        import keras
        NUMBER = 3
        def power(x):
            return x * NUMBER
        class Gain(keras.layers.Layer):
            factor = 1.0
            def call(self, x):
                return x * self.factor
        def make():
            dropout, dense = keras.layers.Dropout(0.5), keras.layers.Dense(2)
            model = keras.Sequential([keras.Input((3,)), Gain(name="gain"), dropout, dense])
            model.compile("sgd", "mse")
            return model
    """
}


def test_crafted_values_settings_and_seeds_are_refused(workshop: Workshop) -> None:
    workshop.write(SOURCE)
    workshop.author("""
        from gain import make
        bundle(make(), "../hand_over/plain.kbundle", whole=True)
    """)
    workshop.consumer("""
        import dataclasses
        from bundler.archive.writer import NewMember, write_bundle
        from bundler.manifest import Adaptation, Seed

        with open_bundle("../hand_over/plain.kbundle") as reader:
            manifest = reader.manifest
            content = {item.name: reader.read(item.name) for item in manifest.members}

        def crafted(**more):
            members = [NewMember(name=name, content=data) for name, data in content.items()]
            write_bundle("crafted.kbundle", dataclasses.replace(manifest, **more), members, overwrite=True)
            return unbundle("crafted.kbundle")

        def refused(**more):
            try:
                crafted(**more)
            except BundleError as error:
                print(error)
            else:
                raise AssertionError(f"not refused: {more}")

        def module(values, name="gain"):
            return {"adaptations": (Adaptation(kind="module_values", module=name, qualname="", values=values),)}
        def of_class(values, qualname="Gain"):
            return {"adaptations": (Adaptation(kind="class_values", module="gain", qualname=qualname, values=values),)}
        def on_object(values, place="_layers/2", qualname="Dropout"):
            item = Adaptation(kind="object_values", module="", qualname=qualname, place=place, values=values)
            return {"adaptations": (item,)}
        tag = "__kbundle__"

        # What is meant works.
        assert crafted(**of_class({"factor": 2.0})).get_layer("gain").factor == 2.0
        assert crafted(**on_object({"rate": 0.25})).layers[1].rate == 0.25
        own = {tag: "own", "name": "gain:power"}
        assert crafted(**on_object({"extra": own}, "_layers/1", "Gain")).get_layer("gain").extra(2) == 6
        assert crafted(**on_object({"mark": "mine"})).layers[1].mark == "mine"
        # A place that the model does not have is the host's doing, or nobody's.
        crafted(**on_object({"rate": 0.25}, "_layers/9/inner"))

        for name in ("os", "keras", "bundler", "gain.inner", ""):
            refused(**module({"NUMBER": 4}, name))
        for name in ("__builtins__", "__class__", "NUMBER.__class__", "keras.layers", "a b", "", "power.__code__"):
            refused(**module({name: 4}))
            refused(**of_class({name: 4}))
        for qualname in ("power", "NUMBER", "keras", "keras.layers.Layer", "Missing"):
            refused(**of_class({"factor": 4.0}, qualname))
        node = {"module": "keras.layers", "class_name": "Lambda", "config": {}, "registered_name": None}
        for value in (node, [node], {tag: "node", "of": node}, {tag: "class", "of": {tag: "public"}}, {tag: "instance"},
                      {tag: "public", "module": "os", "name": "system"}, {tag: "public", "module": "tensorflow.io",
                      "name": "read_file"}, {tag: "own", "name": "os:system"}, {tag: "own", "name": "gain:keras"},
                      {tag: "own"}, {tag: "nonsense"}, {tag: 3}):
            refused(**module({"NUMBER": value}))
            refused(**on_object({"extra": value}, "_layers/1", "Gain"))
        for value in ("text", "/etc/passwd", {"a": 1}, {tag: "bytes", "data": ""}, {tag: "own", "name": "gain:power"}):
            refused(**on_object({"rate": value}))
        for name in ("call", "name", "__dict__", "_lock.x", "seed_generator.state"):
            refused(**on_object({name: 1}))
        for flags in ("1", 3, None):
            refused(**on_object({"weights.trainable": flags}, "", "Sequential"))
        for policy in ("nonsense", 4, ["float32"]):
            refused(**on_object({"dtype_policy": policy}))
        for told in (3, {"weights": [99], "names": None}, {"weights": []}, {"names": "["}):
            refused(**on_object({"exclude_from_weight_decay": told}, "optimizer", "SGD"))
        for more in ({"dtype_policy": "nonsense"}, {"floatx": "int8"}, {"image_data_format": "sideways"}):
            before = keras.config.floatx(), keras.config.dtype_policy().name
            refused(settings=dataclasses.replace(manifest.settings, **more))
            assert (keras.config.floatx(), keras.config.dtype_policy().name) == before
        (seed,) = manifest.seeds
        for state in ((), (1,), (1, 2, 3)):
            refused(seeds=(dataclasses.replace(seed, state=state),))
        crafted(seeds=tuple(dataclasses.replace(seed, place=place) for place in ("_layers/0/nothing", "optimizer")))
        # A bundle of before there were any.
        crafted(seeds=(), settings=None)
    """)
