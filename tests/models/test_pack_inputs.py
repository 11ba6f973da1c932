"""What `bundle` accepts, what it writes, and what it says when it refuses."""

from __future__ import annotations

import hashlib

from tests.models.conftest import Workshop

GAIN = """
    import keras
    class Gain(keras.layers.Layer):
        def call(self, x):
            return x * 2
"""
SAVE = """
    from parts.gain import Gain
    from parts.acts import soft
    model = keras.Sequential([keras.Input((3,)), Gain(), keras.layers.Dense(2, activation=soft)])
    model.save("../hand_over/m.keras")
    np.save("../hand_over/y.npy", model.predict(np.ones((4, 3)), verbose=0))
"""
PARTS = {"parts/gain.py": GAIN, "parts/acts.py": "from keras import ops\ndef soft(x):\n    return ops.softplus(x)\n"}


def test_a_keras_file_is_stored_byte_for_byte(workshop: Workshop) -> None:
    workshop.write(PARTS)
    workshop.author(SAVE)
    workshop.consumer("""
        packed = bundle("../hand_over/m.keras", "../hand_over/m.kbundle", sources=["../source"])
        assert {(item.kind, item.module, item.qualname) for item in packed.manifest.objects} == {
            ("layer", "parts.gain", "Gain"), ("function", "parts.acts", "soft")}
        assert packed.manifest.payload.outputs[0].shape == (-1, 2)
        with open_bundle("../hand_over/m.kbundle") as reader:
            assert reader.read("model/model.keras") == open("../hand_over/m.keras", "rb").read()
    """)
    workshop.consumer("""
        lifecycle(unbundle("../hand_over/m.kbundle"), np.ones((4, 3)), np.load("../hand_over/y.npy"))
    """)


def test_a_keras_file_without_its_source_lists_every_object(workshop: Workshop) -> None:
    workshop.write(PARTS)
    workshop.author(SAVE)
    output = workshop.consumer("""
        try:
            bundle("../hand_over/m.keras", "../hand_over/m.kbundle")
        except SourceError as error:
            print(error)
            assert len(error.problems) == 2
            assert "Gain" in str(error) and "'soft'" in str(error) and "/config/layers/1" in str(error)
            assert "sources=" in error.hint and "--source" in error.hint and "bundle(model, path)" in error.hint
            # Neither helps with a file whose source is missing.
            assert "by_value" not in error.hint and "fallback" not in error.hint
        else:
            raise AssertionError("not refused")
        import os
        assert not os.path.exists("../hand_over/m.kbundle")
    """).output
    assert "next step" in output


def test_a_function_defined_twice_in_the_sources_is_refused(workshop: Workshop) -> None:
    workshop.write({**PARTS, "parts/more.py": "def soft(x):\n    return x\n"})
    workshop.author(SAVE)
    workshop.consumer("""
        try:
            bundle("../hand_over/m.keras", "../hand_over/m.kbundle", sources=["../source"])
        except SourceError as error:
            assert "parts.acts line 2" in str(error) and "parts.more line 1" in str(error)
        else:
            raise AssertionError("not refused")
    """)


def test_a_missing_import_shows_the_chain(workshop: Workshop) -> None:
    workshop.write(
        {
            "top.py": GAIN + "    try:\n        import middle\n    except ImportError:\n        pass\n",
            "middle.py": "import not_there_at_all\n",
            "strict_top.py": GAIN,
            "chain/__init__.py": "",
            "chain/a.py": GAIN + "    from chain import b\n",
            "chain/b.py": "X = 1\n",
        }
    )
    workshop.author("""
        from top import Gain
        packed = bundle(keras.Sequential([keras.Input((3,)), Gain()]), "../hand_over/m.kbundle", whole=True)
        assert [item.module for item in packed.manifest.unresolved] == ["not_there_at_all"]
        from chain.a import Gain
        model = keras.Sequential([keras.Input((3,)), Gain()])
        open("../source/chain/b.py", "a").write("import gone_module\\n")
        try:
            bundle(model, "../hand_over/n.kbundle", whole=True)
        except SourceError as error:
            text = str(error)
            print(text)
            assert "gone_module" in text and "chain.a" in text and "chain.b" in text
        else:
            raise AssertionError("not refused")
    """)


def test_two_packs_of_one_model_give_the_same_bytes(workshop: Workshop) -> None:
    workshop.write(PARTS)
    script = """
        from parts.gain import Gain
        from parts.acts import soft
        shared = keras.initializers.GlorotUniform(seed=1)
        dense = [keras.layers.Dense(2, activation=soft, kernel_initializer=shared) for _ in range(2)]
        model = keras.Sequential([keras.Input((3,)), Gain(), *dense])
        model.compile("adam", "mse")
        model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
        bundle(model, "../hand_over/NAME.kbundle")
    """
    digests = set()
    for name in ("first", "second"):
        workshop.author(script.replace("NAME", name))
        digests.add(hashlib.sha256((workshop.hand_over / f"{name}.kbundle").read_bytes()).hexdigest())
    assert len(digests) == 1


def test_an_existing_file_is_kept_unless_overwrite(workshop: Workshop) -> None:
    workshop.author("""
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        open("../hand_over/m.kbundle", "w").write("precious")
        try:
            bundle(model, "../hand_over/m.kbundle")
        except TargetExists as error:
            assert "overwrite=True" in str(error)
        else:
            raise AssertionError("not refused")
        assert open("../hand_over/m.kbundle").read() == "precious"
        bundle(model, "../hand_over/m.kbundle", overwrite=True)
        unbundle("../hand_over/m.kbundle")
    """)


def test_what_is_no_model_is_refused(workshop: Workshop) -> None:
    workshop.author("""
        unbuilt = keras.Sequential([keras.layers.Dense(2)])
        for wrong in (42, unbuilt, "nothing.keras", "../hand_over"):
            try:
                bundle(wrong, "../hand_over/m.kbundle")
            except PackError as error:
                print(error)
                assert error.hint
            else:
                raise AssertionError(f"{wrong} not refused")
        import os
        assert os.listdir("../hand_over") == []
    """)


def test_an_object_that_the_bundle_lacks_is_named_with_its_place(workshop: Workshop) -> None:
    workshop.write(PARTS)
    workshop.author(SAVE)
    workshop.consumer("""
        import dataclasses
        from bundler.archive.writer import NewMember, write_bundle
        bundle("../hand_over/m.keras", "../hand_over/m.kbundle", sources=["../source"])
        with open_bundle("../hand_over/m.kbundle") as reader:
            manifest = reader.manifest
            members = [NewMember(name=item.name, content=reader.read(item.name)) for item in manifest.members]
        less = dataclasses.replace(manifest, objects=tuple(o for o in manifest.objects if o.qualname != "Gain"))
        write_bundle("less.kbundle", less, members)

        @keras.saving.register_keras_serializable(package="Custom", name="Gain")
        class Gain(keras.layers.Layer):
            pass
        keras.saving.get_custom_objects()["Gain"] = Gain
        try:
            unbundle("less.kbundle")
        except MissingObject as error:
            print(error)
            assert "Gain" in str(error) and "/config/layers/1" in str(error) and error.offered == ("soft",)
        else:
            raise AssertionError("the host's class was taken in silence")
        model = unbundle("less.kbundle", custom_objects={"Gain": Gain})
        assert type(model.layers[0]) is Gain
    """)


def test_another_bundle_than_the_pinned_one_is_refused(workshop: Workshop) -> None:
    workshop.author("""
        packed = bundle(keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]), "../hand_over/m.kbundle")
        unbundle("../hand_over/m.kbundle", digest=packed.digest)
        unbundle(open("../hand_over/m.kbundle", "rb"), digest=packed.digest)
        try:
            unbundle("../hand_over/m.kbundle", digest="sha256:" + "0" * 64)
        except DigestMismatch as error:
            assert packed.digest in str(error)
        else:
            raise AssertionError("not refused")
    """)


def test_code_that_raises_on_load_is_one_error_with_its_line(workshop: Workshop) -> None:
    workshop.write(
        {"moody.py": GAIN + "    import os\n    if os.environ.get('MOODY'):\n        raise OSError('not today')\n"}
    )
    workshop.author("""
        from moody import Gain
        bundle(keras.Sequential([keras.Input((3,)), Gain()]), "../hand_over/m.kbundle", whole=True)
    """)
    workshop.consumer("""
        import os
        os.environ["MOODY"] = "1"
        before = dict(keras.saving.get_custom_objects())
        try:
            unbundle("../hand_over/m.kbundle", allow=["environment"])
        except RebuildFailed as error:
            print(error)
            assert "not today" in str(error) and "moody, line 8" in str(error)
        else:
            raise AssertionError("no error")
        assert keras.saving.get_custom_objects() == before
        del os.environ["MOODY"]
        unbundle("../hand_over/m.kbundle", allow=["environment"])
    """)


def test_a_file_may_use_nested_classes_and_what_factories_made(workshop: Workshop) -> None:
    workshop.write(
        {
            "made/__init__.py": "",
            "made/base.py": """
                import keras
                def layer_of(name, factor):
                    return type(name, (keras.layers.Layer,), {"call": lambda self, x: x * factor})
                class Holder:
                    class Inside(keras.layers.Layer):
                        def call(self, x):
                            return x + 1
            """,
            "made/parts.py": """
                import keras
                from made.base import layer_of
                Twice = layer_of("Twice", 2)
                @keras.saving.register_keras_serializable(package=__name__, name="sq")
                def square(x):
                    return x * x
            """,
        }
    )
    workshop.author("""
        from made.base import Holder
        from made.parts import Twice, square
        model = keras.Sequential(
            [keras.Input((3,)), Twice(), Holder.Inside(), keras.layers.Dense(2, activation=square)]
        )
        model.save("../hand_over/m.keras")
        np.save("../hand_over/y.npy", model.predict(np.ones((4, 3)), verbose=0))
    """)
    workshop.consumer("""
        packed = bundle("../hand_over/m.keras", "../hand_over/m.kbundle", sources=["../source"])
        assert {(item.module, item.qualname) for item in packed.manifest.objects} == {
            ("made.parts", "Twice"), ("made.base", "Holder.Inside"), ("made.parts", "square")}
    """)
    workshop.consumer("""
        allowed = ["dynamic-code"]
        lifecycle(unbundle("../hand_over/m.kbundle", allow=allowed), np.ones((4, 3)), np.load("../hand_over/y.npy"))
    """)


def test_a_namesake_from_another_module_is_not_taken(workshop: Workshop) -> None:
    workshop.write(PARTS)
    workshop.author(SAVE)
    workshop.write({"renamed/gain.py": GAIN, "parts/acts.py": PARTS["parts/acts.py"]}, folder="moved")
    workshop.consumer("""
        for wrong, told in (("../moved", "renamed.gain line 3"), ("../source/parts", "not the package's own")):
            try:
                bundle("../hand_over/m.keras", "../hand_over/m.kbundle", sources=[wrong])
            except SourceError as error:
                print(error)
                assert told in str(error)
            else:
                raise AssertionError("taken in silence")
    """)


def test_a_file_saved_from_a_loaded_model_is_refused_with_the_way_out(workshop: Workshop) -> None:
    workshop.write(PARTS)
    workshop.author(SAVE + "    bundle(model, '../hand_over/m.kbundle')\n")
    workshop.consumer("""
        unbundle("../hand_over/m.kbundle").save("saved.keras")
        try:
            bundle("saved.keras", "../hand_over/n.kbundle", sources=["../source"])
        except PackError as error:
            assert "came out of a bundle" in str(error) and "bundle(unbundle(path), new_path)" in str(error)
        else:
            raise AssertionError("not refused")
    """)


def test_a_module_that_nothing_imports_can_be_named(workshop: Workshop) -> None:
    workshop.write(
        {
            "host.py": """
                import keras
                TABLE = {}
                class Apply(keras.layers.Layer):
                    def call(self, x):
                        return TABLE["triple"](x)
            """,
            "plugin.py": "import host\n\nhost.TABLE['triple'] = lambda x: x * 3\n",
        }
    )
    workshop.author("""
        import plugin
        from host import Apply
        model = keras.Sequential([keras.Input((3,)), Apply()])
        model.save("../hand_over/m.keras")
        bundle(model, "../hand_over/live.kbundle", modules=["plugin"])
    """)
    workshop.consumer("""
        x = np.ones((4, 3), "float32")
        check_same(unbundle("../hand_over/live.kbundle"), x, x * 3, "live")
        bundle("../hand_over/m.keras", "file.kbundle", sources="../source", modules="plugin")
        check_same(unbundle("file.kbundle"), x, x * 3, "file")
        try:
            bundle("../hand_over/m.keras", "none.kbundle", sources="../source")
        except RebuildFailed as error:
            print(error)
            assert "triple" in str(error) and "host, line 6" in str(error)
        else:
            raise AssertionError
    """)


def test_the_names_of_outputs_do_not_depend_on_what_the_process_did_before(workshop: Workshop) -> None:
    workshop.author("""
        def packed(path):
            keras.utils.clear_session()
            model = keras.Sequential([keras.Input((3,), name="x"), keras.layers.Dense(2, name="y")], name="m")
            return bundle(model, path).manifest.payload
        first = packed("../hand_over/a.kbundle")
        for _ in range(3):
            keras.layers.Dense(1)(keras.Input((2,)))
        second = packed("../hand_over/b.kbundle")
        assert first.outputs == second.outputs and first.outputs[0].name == "y"
    """)


def test_a_keras_file_of_classes_that_keras_does_not_bring_back_is_adapted(workshop: Workshop) -> None:
    workshop.write(
        {
            "odd.py": """
                import keras
                class Plain(keras.layers.Layer):
                    def __init__(self, factor=2.0):
                        super().__init__()
                        self.factor = factor
                    def call(self, x):
                        return x * self.factor
                class Around(keras.layers.Layer):
                    def __init__(self, inner, **kwargs):
                        super().__init__(**kwargs)
                        self.inner = inner
                    def call(self, x):
                        return self.inner(x)
                    def get_config(self):
                        return {**super().get_config(), "inner": self.inner}
            """
        }
    )
    workshop.author("""
        from odd import Around, Plain
        model = keras.Sequential([keras.Input((3,)), Plain(3.0), Around(keras.layers.Dense(2))])
        model.save("../hand_over/m.keras")
        np.save("../hand_over/y.npy", model.predict(np.ones((4, 3)), verbose=0))
    """)
    workshop.consumer("""
        import quick_proof
        packed = bundler.bundle("../hand_over/m.keras", "../hand_over/m.kbundle", sources=["../source"])
        assert {(item.kind, item.qualname, item.arguments) for item in packed.manifest.adaptations} == {
            ("surplus_arguments", "Plain", ("trainable", "dtype")), ("restored_values", "Around", ("inner",))}
        with open_bundle("../hand_over/m.kbundle") as reader:
            assert reader.read("model/model.keras") == open("../hand_over/m.keras", "rb").read()
    """)
    workshop.consumer("""
        check_same(unbundle("../hand_over/m.kbundle"), np.ones((4, 3)), np.load("../hand_over/y.npy"), "adapted")
    """)


def test_arguments_that_change_nothing_are_refused_before_any_work(workshop: Workshop) -> None:
    workshop.author("""
        import os
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        model.save("m.keras")
        model.export("exported", verbose=False)
        bundle(model, "graph.kbundle", payload="inference")
        graph = unbundle("graph.kbundle")
        make = lambda: model
        for what, options in (
            (model, {"signature": "serve"}),
            ("m.keras", {"signature": "serve"}),
            (model, {"custom_objects": {"Dense": keras.layers.Dense}}),
            (graph, {"custom_objects": {"Dense": keras.layers.Dense}}),
            ("exported", {"custom_objects": {"Dense": keras.layers.Dense}}),
            ("m.keras", {"custom_objects": {"Dense": keras.layers.Dense}, "builder": make}),
            ("exported", {"payload": "both"}),
            ("exported", {"payload": "both", "fallback": "inference"}),
            (graph, {"payload": "both"}),
        ):
            told = []
            try:
                bundle(what, "../hand_over/m.kbundle", progress=lambda word, *_: told.append(word), **options)
            except PackError as error:
                print(error)
                assert error.place in options and error.hint, error
                assert told == ["importing Keras"], told
            else:
                raise AssertionError(f"{options} not refused")
        assert os.listdir("../hand_over") == []
        bundle("exported", "../hand_over/a.kbundle", signature="serve", payload="inference")
        bundle(graph, "../hand_over/b.kbundle", payload="inference")
    """)
