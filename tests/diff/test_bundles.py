"""Each kind of change between two bundles is told as what it is."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import time

import numpy as np
import pytest

from bundler import BundleError, IntegrityError, InvalidBundle, diff_bundles
from bundler.diff import bounds
from bundler.diff.change import FieldChange
from bundler.manifest import CustomObject, DirectSource, ObjectSource, PinnedDistribution, Proof, Provenance
from tests.archive import builders
from tests.diff.pairs import bundle, compared, functional, keras_file, layer, models_compared


def told(fields: tuple[FieldChange, ...]) -> list[tuple[str, str, str | None, str | None]]:
    return [(item.path, item.kind, item.before, item.after) for item in fields]


def test_the_same_file_has_no_difference() -> None:
    found = compared(builders.good(), builders.good())
    assert found.same
    assert found == dataclasses.replace(found, modules=(), config=(), lock=(), members=(), statement=(), notes=())


def test_signatures_differ_beside_the_same_bundle() -> None:
    before, after = (bundle(more={"signatures/author.json": content}) for content in (b"{}", b"[]"))
    found = compared(before, after)
    assert not found.same
    assert found.before.digest == found.after.digest
    assert [(item.name, item.kind) for item in found.members] == [("signatures/author.json", "changed")]


def test_refuses_a_bundle_whose_bytes_are_not_what_it_lists() -> None:
    changed = builders.with_other_content("code/scale.py", b"def scale(x):\n    return 9 * x\n", fix_checksum=True)
    with pytest.raises(IntegrityError, match=r"code/scale\.py"):
        compared(builders.good(), changed)
    with pytest.raises(InvalidBundle):
        compared(b"no bundle", builders.good())


def test_shows_the_lines_of_a_changed_module() -> None:
    (change,) = compared(bundle({"m": "a = 1\nb = 2\n"}), bundle({"m": "a = 1\nb = 3\nc = 4\n"})).modules
    assert (change.name, change.kind, change.lines_added, change.lines_removed) == ("m", "changed", 2, 1)
    (hunk,) = change.hunks
    assert hunk.lines == (" a = 1", "-b = 2", "+b = 3", "+c = 4")


def test_tells_added_removed_and_renamed_modules() -> None:
    text = "def f():\n    return 1\n\n\ndef g():\n    return 2\n"
    before = bundle({"same": "1\n", "gone": "x\n", "old": text, "moved": "exactly\n"})
    after = bundle({"same": "1\n", "new": "y\n", "renamed": text + "h = 3\n", "there": "exactly\n"})
    found = [(item.kind, item.before_name, item.name, len(item.hunks)) for item in compared(before, after).modules]
    assert found == [
        ("removed", None, "gone", 1),
        ("added", None, "new", 1),
        ("renamed", "old", "renamed", 1),
        ("renamed", "moved", "there", 0),
    ]


def test_tells_what_the_manifest_says_otherwise_about_a_module() -> None:
    (change,) = compared(bundle({"m": "1\n"}), bundle({"m": "1\n"}, module_facts={"entry": True})).modules
    assert told(change.fields) == [("entry", "changed", "false", "true")]
    assert change.hunks == ()


def test_a_large_module_is_named_and_not_shown() -> None:
    (change,) = compared(bundle({"m": "x\n"}), bundle({"m": "#" * (bounds.MODULE + 1)})).modules
    assert (change.kind, change.hunks, change.lines_added) == ("changed", (), None)
    assert "too large to show" in change.note


def test_lines_of_all_modules_together_are_bounded() -> None:
    many = {f"m{number:02}": "".join(f"{number} {line}\n" for line in range(3_000)) for number in range(15)}
    found = compared(bundle(), bundle(many)).modules
    assert sum(len(hunk.lines) for item in found for hunk in item.hunks) <= bounds.ALL_LINES
    assert all("more lines than" in item.note for item in found)
    assert [item.lines_added for item in found] == [3_000] * 15


def test_aligns_layers_by_name() -> None:
    before = functional(layer("a", units=1), layer("b", after="a", units=2))
    after = functional(layer("new"), layer("a", after="new", units=1), layer("b", after="a", units=3))
    found = models_compared(keras_file(before), keras_file(after)).config
    assert [(item.kind, item.layer, item.pointer) for item in found] == [
        ("added", "new", "/config/layers/0"),
        ("added", "a", "/config/layers/1/inbound_nodes/0"),
        ("changed", "b", "/config/layers/2/config/units"),
    ]
    assert (found[2].before, found[2].after) == ("2", "3")


def test_tells_a_removed_layer_with_its_pointer_before() -> None:
    before = functional(layer("a"), layer("b"), layer("c"))
    found = models_compared(keras_file(before), keras_file(functional(layer("a"), layer("c")))).config
    assert [(item.kind, item.layer, item.pointer, item.after) for item in found] == [
        ("removed", "b", "/config/layers/1", None)
    ]


def test_a_renamed_layer_is_one_change_and_not_one_for_each_reference() -> None:
    before = functional(layer("dense", units=1), layer("dense_1", after="dense", units=2))
    after = functional(layer("dense_2", units=1), layer("dense_3", after="dense_2", units=2))
    found = models_compared(keras_file(before), keras_file(after)).config
    assert [(item.kind, item.before, item.after) for item in found] == [
        ("renamed", '"dense"', '"dense_2"'),
        ("renamed", '"dense_1"', '"dense_3"'),
    ]


def test_tells_another_order_of_layers() -> None:
    first, second = layer("a"), layer("b")
    before = {"class_name": "Sequential", "config": {"layers": [first, second]}}
    after = {"class_name": "Sequential", "config": {"layers": [second, first]}}
    (change,) = models_compared(keras_file(before), keras_file(after)).config
    assert (change.kind, change.before, change.after) == ("reordered", '["a", "b"]', '["b", "a"]')


def test_memory_addresses_in_a_config_are_no_change() -> None:
    before, after = (
        functional(layer("a", policy={"shared_object_id": number}), layer("b", policy={"shared_object_id": number}))
        for number in (140_000, 150_000)
    )
    found = models_compared(keras_file(before), keras_file(after))
    assert found.config == ()
    other = functional(layer("a", policy={"shared_object_id": 1}), layer("b", policy={"shared_object_id": 2}))
    assert len(models_compared(keras_file(before), keras_file(other)).config) == 1


@pytest.mark.parametrize(("before", "after"), [(1, True), (1, 1.0), (0, False), ([1], [True]), ([1], [1, 1])])
def test_tells_numbers_and_booleans_apart(before: object, after: object) -> None:
    old, new = (keras_file(functional(layer("a", value=value))) for value in (before, after))
    (change,) = models_compared(old, new).config
    assert (change.before, change.after) == (json.dumps(before), json.dumps(after))


def test_tells_which_layers_weights_changed() -> None:
    config = functional(layer("first"), layer("second"))
    arrays = {"layers/dense/vars/0": np.ones((2, 3), "float32"), "layers/dense_1/vars/0": np.ones(3, "float32")}
    trained = {**arrays, "layers/dense_1/vars/0": np.zeros(3, "float32")}
    found = models_compared(keras_file(config, arrays), keras_file(config, trained))
    assert found.config == ()
    assert found.tensors is not None
    assert (found.tensors.before, found.tensors.after, found.tensors.same) == (2, 2, 1)
    assert [(item.layer, item.tensors, item.changed) for item in found.tensors.layers] == [("second", 1, 1)]
    (change,) = found.tensors.changes
    assert (change.path, change.kind, change.before) == ("layers/dense_1/vars/0", "values", "float32 [3]")


def test_tells_shape_dtype_added_removed_and_moved_tensors() -> None:
    before = {
        "v/vars/0": np.ones(2, "float32"),
        "w/vars/0": np.ones(2, "float32"),
        "x/vars/0": np.full(2, 7, "int32"),
        "y/vars/0": np.full(3, 8, "int32"),
    }
    after = {
        "v/vars/0": np.ones(4, "float32"),
        "w/vars/0": np.ones(2, "float16"),
        "u/vars/0": np.full(2, 7, "int32"),
        "z/vars/0": np.full(3, 9, "int32"),
    }
    tensors = models_compared(keras_file(arrays=before), keras_file(arrays=after)).tensors
    assert tensors is not None
    assert [(item.kind, item.before_path, item.path) for item in tensors.changes] == [
        ("moved", "x/vars/0", "u/vars/0"),
        ("shape", None, "v/vars/0"),
        ("dtype", None, "w/vars/0"),
        ("removed", None, "y/vars/0"),
        ("added", None, "z/vars/0"),
    ]


def test_weights_of_a_layer_are_found_by_its_name_where_another_came_before_it() -> None:
    before = keras_file(functional(layer("head")), {"layers/dense/vars/0": np.ones(2)})
    after = keras_file(
        functional(layer("new"), layer("head")),
        {"layers/dense/vars/0": np.zeros(2), "layers/dense_1/vars/0": np.ones(2)},
    )
    tensors = models_compared(before, after).tensors
    assert tensors is not None
    assert tensors.same == 1
    assert [(item.kind, item.layer) for item in tensors.changes] == [("added", "new")]


def test_weights_of_a_renamed_layer_are_the_same() -> None:
    before = keras_file(functional(layer("dense"), layer("x", units=2)), {"layers/dense/vars/0": np.ones(2)})
    after = keras_file(functional(layer("x", units=2), layer("dense_9")), {"layers/dense_1/vars/0": np.ones(2)})
    tensors = models_compared(before, after).tensors
    assert tensors is not None
    assert (tensors.same, tensors.changes) == (1, ())


def test_variables_of_the_optimizer_are_counted_apart() -> None:
    old, new = (keras_file(arrays={"optimizer/vars/0": np.full(1, value), "a/vars/0": np.ones(1)}) for value in (1, 2))
    found = models_compared(old, new)
    assert found.tensors is not None
    assert found.optimizer is not None
    assert (found.tensors.changes, len(found.optimizer.changes)) == ((), 1)


def test_files_and_metadata_of_the_payload() -> None:
    old = keras_file(assets={"words.txt": b"one"}, metadata={"keras_version": "3.14.0"})
    found = models_compared(old, keras_file(assets={"words.txt": b"two"}))
    assert [(item.name, item.kind) for item in found.payload_files] == [("assets/words.txt", "changed")]
    assert told(found.metadata) == [("keras_version", "changed", '"3.14.0"', '"3.15.1"')]


@pytest.mark.parametrize(
    ("payload", "note", "file"),
    [
        (b"no zip", "this is not a .keras file", None),
        (keras_file(config_text=b"{"), "config.json: not compared", "config.json"),
        (keras_file(config_text=b"[" * 100 + b"]" * 100), "nested too deep", "config.json"),
        (keras_file(weights_file=b"no hdf5"), "weights: not compared", "model.weights.h5"),
        (keras_file(weights_file=keras_file()), "weights: not compared", "model.weights.h5"),
    ],
)
def test_names_what_cannot_be_compared_and_compares_its_digest(payload: bytes, note: str, file: str | None) -> None:
    for pair in ((payload, keras_file()), (keras_file(), payload)):
        found = models_compared(*pair)
        assert note in "; ".join(found.notes)
        assert [item.name for item in found.payload_files] == ([] if file is None else [file])
        assert [item.name for item in found.members] == ["model/model.keras"]


def test_weights_of_a_saved_model_are_compared_by_digest_and_the_note_says_so() -> None:
    payload = dataclasses.replace(builders.manifest().payload, kind="saved_model")
    found = compared(bundle(payload=b"1", said_payload=payload), bundle(payload=b"2", said_payload=payload))
    assert "SavedModel" in found.notes[0]
    assert [item.name for item in found.members] == ["model/model.keras"]


def gain(**changes: object) -> CustomObject:
    item = CustomObject(
        kind="layer", key="shop>Gain", module="m", qualname="Gain", source=ObjectSource(member="code/m.py", line=1)
    )
    return dataclasses.replace(item, **changes)  # type: ignore[arg-type]


def test_tells_added_removed_changed_and_moved_objects() -> None:
    modules = {"m": "1\n", "n": "1\n"}
    before = bundle(modules, objects=(gain(), gain(qualname="B", key="b"), gain(qualname="C", key="c")))
    after = bundle(
        modules,
        objects=(
            gain(source=ObjectSource(member="code/m.py", line=9)),
            gain(module="n", qualname="B", key="b", source=ObjectSource(member="code/n.py", line=1)),
            gain(qualname="D", key="d"),
        ),
    )
    found = compared(before, after).objects
    assert [(item.kind, item.module, item.qualname) for item in found] == [
        ("removed", "m", "C"),
        ("added", "m", "D"),
        ("moved", "n", "B"),
    ]
    assert ("module", "changed", '"m"', '"n"') in told(found[2].fields)
    (change,) = compared(bundle(modules, objects=(gain(),)), bundle(modules, objects=(gain(kind="loss"),))).objects
    assert (change.kind, told(change.fields)) == ("changed", [("kind", "changed", '"layer"', '"loss"')])


def pin(name: str, version: str, **more: object) -> PinnedDistribution:
    return PinnedDistribution(name=name, version=version, **more)  # type: ignore[arg-type]


def test_tells_versions_roles_and_sources_of_distributions() -> None:
    source = DirectSource(kind="archive", url="https://example.org/x.zip")
    before = bundle(
        requirements={
            "distributions": (pin("keras", "3.14"), pin("gone", "1"), pin("x", "1")),
            "transitive": (pin("numpy", "2"),),
        }
    )
    after = bundle(
        requirements={
            "distributions": (pin("keras", "3.15"), pin("numpy", "2"), pin("x", "1", source=source)),
            "packed": (pin("new", "1"),),
        }
    )
    found = compared(before, after).lock
    assert [(item.name, item.kind, item.role, item.before, item.after) for item in found] == [
        ("gone", "removed", "direct", "1", None),
        ("keras", "version", "direct", "3.14", "3.15"),
        ("new", "added", "packed", None, "1"),
        ("numpy", "changed", "direct", "2", "2"),
        ("x", "changed", "direct", "1", "1"),
    ]
    assert told(found[3].fields) == [("role", "changed", '"transitive"', '"direct"')]
    assert [item.path for item in found[4].fields] == ["source"]


LOCK = """
lock-version = "1.0"
[[packages]]
name = "keras"
version = "3.15"
index = "https://{index}/simple"
wheels = [{{ name = "{file}", url = "https://x/{file}", hashes = {{ sha256 = "{digest}" }} }}]
"""


def locked(index: str = "pypi.org", file: str = "keras-3.15-py3-none-any.whl", digest: str = "00") -> bytes:
    needs = {"distributions": (pin("keras", "3.15"),)}
    return bundle(lock=LOCK.format(index=index, file=file, digest=digest), requirements=needs)


def test_another_hash_for_the_same_file_is_its_own_kind() -> None:
    (change,) = compared(locked(), locked(digest="11")).lock
    assert change.kind == "hashes"
    assert told(change.fields) == [("files.keras-3.15-py3-none-any.whl", "changed", '"sha256:00"', '"sha256:11"')]


def test_tells_other_files_and_another_index_of_one_version() -> None:
    (change,) = compared(locked(), locked(file="keras-3.15.tar.gz", index="evil.example")).lock
    assert change.kind == "changed"
    assert [(item.path, item.kind) for item in change.fields] == [
        ("index", "changed"),
        ("files.keras-3.15.tar.gz", "added"),
        ("files.keras-3.15-py3-none-any.whl", "removed"),
    ]


@pytest.mark.parametrize("text", ["no = toml = ", "packages = 1", "a = " + "[" * 5_000, '[[packages]]\nname = "keras"'])
def test_a_broken_lock_is_no_error(text: str) -> None:
    broken = bundle(lock=text, requirements={"distributions": (pin("keras", "3.15"),)})
    found = compared(locked(), broken)
    assert [item.name for item in found.members] == ["requirements/pylock.toml"]
    assert found.notes == () or "hashes: not compared" in found.notes[0]


def test_tells_data_files_and_other_members_by_digest() -> None:
    before = bundle(data={"words.txt": b"1", "gone.bin": b"2"}, more={"README.md": b"hello"})
    after = bundle(data={"words.txt": b"22", "new.bin": b"3"}, more={"LICENSE": b"MIT"})
    found = compared(before, after)
    assert [(item.name, item.kind, item.before_size, item.after_size) for item in found.data] == [
        ("gone.bin", "removed", 1, None),
        ("new.bin", "added", None, 1),
        ("words.txt", "changed", 1, 2),
    ]
    assert [(item.name, item.kind) for item in found.members] == [("LICENSE", "added"), ("README.md", "removed")]


def test_tells_proof_provenance_and_unknown_fields() -> None:
    proof = Proof(python="3.12", keras_version="3.15.1", tensorflow_version="2.21.0", checks=("load",))
    before = bundle(provenance=Provenance(name="a", metadata={"score": 0.5}), extra={"later": [1, {"deep": 2}]})
    after = bundle(
        provenance=Provenance(name="b", metadata={"score": 0.5}), extra={"later": [1, {"deep": 3}]}, proof=proof
    )
    assert [(item.path, item.kind) for item in compared(before, after).statement] == [
        ("later[1].deep", "changed"),
        ("provenance.name", "changed"),
        ("proof", "added"),
    ]


def test_progress_tells_bytes_and_may_stop_the_work() -> None:
    seen: list[str] = []

    def progress(what: str, done: int, total: int) -> None:
        assert done <= total
        seen.append(what)

    arrays = {"a/vars/0": np.ones(1_000)}
    before, after = bundle(payload=keras_file(arrays=arrays)), bundle(payload=keras_file())
    diff_bundles(io.BytesIO(before), io.BytesIO(after), progress=progress)
    assert {"verifying", "comparing weights"} <= set(seen)


@pytest.mark.slow
def test_no_foreign_error_for_a_payload_with_any_byte_changed() -> None:
    payload = keras_file(functional(layer("a")), {"a/vars/0": np.ones(3)})
    other = bundle(payload=keras_file(functional(layer("b"))))
    for position in range(0, len(payload), 7):
        broken = bytearray(payload)
        broken[position] ^= 0x55
        # Most are compared in part; what cannot be read at all is an error of ours.
        with contextlib.suppress(BundleError):
            compared(bundle(payload=bytes(broken)), other)


@pytest.mark.slow
def test_hostile_bundles_take_bounded_time_and_say_what_is_left_out() -> None:
    names = [f"m{number:03}" for number in range(60)]
    lines = [f"{line * 7919 % 3001} {line % 3}\n" for line in range(9_000)]
    layers = [layer(f"l{number}", **{"x" * 900: {"y" * 900: list(range(30))}}) for number in range(400)]
    before = bundle(
        {name: "".join(lines) for name in names} | {f"old{name}": "x\n" * 9_000 for name in names},
        payload=keras_file(functional(*layers)),
    )
    after = bundle(
        {name: "".join(sorted(lines)) for name in names} | {f"new{name}": "y\n" * 9_000 for name in names},
        payload=keras_file(functional(*reversed(layers), values=[{"a": number} for number in range(15_000)])),
    )
    start = time.process_time()
    found = compared(before, after)
    assert time.process_time() - start < 20
    assert sum(len(hunk.lines) for item in found.modules for hunk in item.hunks) <= bounds.ALL_LINES
    assert all(item.note for item in found.modules)
    assert len(found.config) <= bounds.CHANGES


def test_a_long_list_of_changes_is_cut_and_a_note_says_so() -> None:
    before, after = (
        keras_file(functional(layer("a"), **{f"k{key}": number for key in range(bounds.CHANGES + 5)}))
        for number in (1, 2)
    )
    found = models_compared(before, after)
    assert len(found.config) == bounds.CHANGES
    assert found.notes == (f"config: there are more than the {bounds.CHANGES} changes that are told",)
