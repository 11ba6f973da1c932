"""A crafted model, and a machine without room, are one error of kbundle's own (I12)."""

from __future__ import annotations

from tests.models.conftest import Workshop

SOURCE = {
    "gain.py": """
        import keras
        NUMBER = 3
        class Gain(keras.layers.Layer):
            def call(self, x):
                return x * 2
        def make():
            return keras.Sequential([keras.Input((3,)), Gain()])
    """
}


def test_a_crafted_config_or_manifest_is_one_error(workshop: Workshop) -> None:
    workshop.write(SOURCE)
    workshop.author("""
        from gain import make
        bundle(make(), "../hand_over/plain.kbundle")
        bundle(make(), "../hand_over/built.kbundle", builder=make)
    """)
    workshop.consumer("""
        import dataclasses, io, json, zipfile
        from bundler.archive.writer import NewMember, write_bundle
        from bundler.manifest import Adaptation

        def changed(name, config=None, objects=lambda o: o, **more):
            with open_bundle(f"../hand_over/{name}.kbundle") as reader:
                manifest = reader.manifest
                content = {item.name: reader.read(item.name) for item in manifest.members}
            if config is not None:
                target = io.BytesIO()
                old = zipfile.ZipFile(io.BytesIO(content["model/model.keras"]))
                with zipfile.ZipFile(target, "w") as new:
                    for item in old.namelist():
                        new.writestr(item, config if item == "config.json" else old.read(item))
                content["model/model.keras"] = target.getvalue()
            manifest = dataclasses.replace(manifest, objects=tuple(objects(o) for o in manifest.objects), **more)
            write_bundle("crafted.kbundle", manifest, [NewMember(name=n, content=c) for n, c in content.items()],
                         overwrite=True)

        def refused():
            try:
                unbundle("crafted.kbundle")
            except BundleError as error:
                print(error)
            else:
                raise AssertionError("not refused")

        at = lambda *paths: lambda item: dataclasses.replace(item, paths=paths)
        number = lambda item: dataclasses.replace(item, qualname="NUMBER", paths=())
        for config in ('"text"', "[]", "3", "null", "[" * 900 + "]" * 900, "[" * 20000 + "]" * 20000, "{", "\\xff"):
            for name in ("plain", "built"):
                changed(name, config, objects=at(""))
                refused()
                changed(name, config, objects=at())
                refused()
        deep = '{"class_name": "Model", "module": "keras", "config": ' + "[" * 900 + "]" * 900 + "}"
        changed("plain", deep, objects=at())
        refused()
        changed("plain", objects=at("/config/layers/" + "1" * 5000))
        refused()
        changed("plain", objects=number, adaptations=(Adaptation(kind="attributes", module="gain", qualname="NUMBER"),))
        refused()
        for odd in ({"class_name": "Gain", "config": [], "module": [], "registered_name": {}}, {"module": "keras",
                    "class_name": "TFSMLayer", "config": {"filepath": []}, "registered_name": None}):
            for pointer in ((), ("",)):
                changed("plain", json.dumps(odd), objects=at(*pointer))
                refused()
    """)


def test_no_room_for_the_files_of_a_model_is_one_error(workshop: Workshop) -> None:
    workshop.write(SOURCE)
    workshop.author("""
        from gain import make
        bundle(make(), "../hand_over/full.kbundle")
        bundle(make(), "../hand_over/graph.kbundle", payload="inference")
    """)
    workshop.consumer("""
        import os, resource, tempfile
        for name in ("full", "graph"):
            before = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (40, before[1]))
            try:
                unbundle(f"../hand_over/{name}.kbundle")
            except RebuildFailed as error:
                told = error
            else:
                raise AssertionError("not refused")
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, before)
            print(told)
            assert tempfile.gettempdir() in told.place and "TMPDIR" in told.hint, told
        tempfile.tempdir = os.path.abspath("gone")
        for name in ("full", "graph"):
            try:
                unbundle(f"../hand_over/{name}.kbundle")
            except RebuildFailed as error:
                assert "TMPDIR" in error.hint
            else:
                raise AssertionError("not refused")
    """)
