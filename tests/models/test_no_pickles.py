"""The checker that runs over every bundle of the model tests finds what is planted (the hook is in conftest.py)."""

from __future__ import annotations

import base64
import io
import json
import marshal
import pickle
import py_compile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from tests.models.conftest import Workshop
from tests.pickles import is_marshal, is_pickle, pickles_in

CODE = marshal.dumps(compile("x = [name for name in dir()]", "planted", "exec"))


class Planted:
    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return print, ("planted",)


def archive(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


def hdf5(attribute: object = None, dataset: object = None) -> bytes:
    h5py = pytest.importorskip("h5py")
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file["layers/dense/vars/0"] = [[1.0, 2.0]]
        if attribute is not None:
            file["layers/dense"].attrs["metadata"] = attribute
        if dataset is not None:
            file["layers/dense/state"] = dataset
    return buffer.getvalue()


def npy(value: object) -> bytes:
    numpy = pytest.importorskip("numpy")
    buffer = io.BytesIO()
    numpy.save(buffer, numpy.asarray(value, dtype=object if isinstance(value, list) else None))
    return buffer.getvalue()


def pyc(folder: Path) -> bytes:
    (folder / "planted.py").write_text("x = 1\n")
    return Path(str(py_compile.compile(str(folder / "planted.py"), str(folder / "planted.pyc")))).read_bytes()


def planted(folder: Path) -> dict[str, dict[str, bytes]]:
    numpy = pytest.importorskip("numpy")
    config = {"config": {"layers": [{"class_name": "Lambda", "config": {"function": {}}}]}}
    function = config["config"]["layers"][0]["config"]
    bytecode = {"class_name": "__lambda__", "config": {"code": base64.b64encode(CODE).decode()}}
    members = {f"protocol {protocol}": {"code/a.txt": pickle.dumps(Planted(), protocol)} for protocol in range(6)}
    members["marshal"] = {"code/a.bin": CODE}
    members["pyc"] = {"code/a.pyc": pyc(folder)}
    members["lambda"] = {
        "model/model.keras": archive({"config.json": json.dumps({**config, "loss": bytecode}).encode()})
    }
    function["function"] = base64.encodebytes(CODE).decode()
    members["base64 bytecode"] = {"model/model.keras": archive({"config.json": json.dumps(config).encode()})}
    function["function"] = base64.b64encode(pickle.dumps(Planted())).decode()
    members["base64 pickle"] = {"model/model.keras": archive({"config.json": json.dumps(config).encode()})}
    members["object array"] = {"examples/inputs.npz": archive({"x.npy": npy([{"a": 1}, None])})}
    members["attribute"] = {
        "model/model.keras": archive({"model.weights.h5": hdf5(numpy.void(pickle.dumps(Planted())))})
    }
    members["text attribute"] = {
        "model/model.keras": archive({"model.weights.h5": hdf5(base64.b64encode(CODE).decode())})
    }
    members["dataset"] = {
        "model/model.keras": archive(
            {"model.weights.h5": hdf5(dataset=numpy.frombuffer(pickle.dumps(Planted()), numpy.uint8))}
        )
    }
    members["compressed"] = {"code/a.bin.zst": zstandard.compress(CODE)}
    members["assets"] = {"model/model.keras": archive({"assets/layer/state": pickle.dumps({"a": 1})})}
    return members


def test_finds_every_planted_pickle(tmp_path: Path) -> None:
    missed = []
    assert len(planted(tmp_path)) == 17
    for what, members in planted(tmp_path).items():
        path = tmp_path / "planted.kbundle"
        path.write_bytes(archive({"manifest.json": b'{"objects": []}', **members}))
        if not pickles_in(path):
            missed.append(what)
    assert missed == []


def test_a_declared_pickle_counts_and_only_that(tmp_path: Path) -> None:
    path = tmp_path / "opaque.kbundle"
    manifest = {"objects": [{"opaque": {"member": "code/a.pickle", "python": "3.11"}}]}
    members = {"code/a.pickle": pickle.dumps(Planted()), "code/b.pickle": pickle.dumps(Planted())}
    path.write_bytes(archive({"manifest.json": json.dumps(manifest).encode(), **members}))
    assert pickles_in(path) == ["code/b.pickle: a pickle"]


def test_takes_nothing_harmless_for_a_pickle(tmp_path: Path) -> None:
    path = tmp_path / "clean.kbundle"
    config = {"description": "The model of the shop.", "name": "c" * 60, "key": "kit>Gain", "digits": "0123456789" * 8}
    members = {
        "code/a.py": b"class C:\n    pass\n",
        "code/words.txt": b"I am.\nYou are.",
        "code/empty.txt": b"",
        "model/model.keras": archive(
            {"config.json": json.dumps(config).encode(), "model.weights.h5": hdf5("a name of a layer", [1, 2, 3])}
        ),
        "examples/inputs.npz": archive({"x.npy": npy(1.5), "y.npy": npy("text")}),
    }
    path.write_bytes(archive({"manifest.json": b"{}", **members}))
    assert pickles_in(path) == []


def test_knows_pickle_and_marshal_from_text() -> None:
    assert is_pickle(pickle.dumps([1, 2], 0))
    assert is_marshal(CODE)
    assert not is_pickle(b"some text.")
    assert not is_marshal(b"class Gain:\n" * 10)


def test_a_real_bundle_made_by_value_holds_the_declared_pickle_alone(workshop: Workshop) -> None:
    workshop.author("""
        Made = type("Made", (keras.layers.Layer,), {"call": lambda self, x: x * 3})
        bundle(keras.Sequential([keras.Input((4,)), Made()]), "../hand_over/m.kbundle", by_value=[Made])
    """)
    path = workshop.hand_over / "m.kbundle"
    assert pickles_in(path) == []
    with zipfile.ZipFile(path) as file:
        undeclared = {name: file.read(name) for name in file.namelist() if name != "manifest.json"}
    other = workshop.folder / "undeclared.zip"
    other.write_bytes(archive({"manifest.json": b"{}", **undeclared}))
    assert pickles_in(other) == ["code/__main__.Made.pickle: a pickle"]
