"""Every published advisory on loading a Keras model, as a bundle: refused without Keras, by audit and by load."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest

import bundler
from tests.audit.bundles import DENSE, function, keras_file, model, node, weights, write

Case = Callable[[Path], Path]

_BYTECODE = {"class_name": "__lambda__", "config": {"code": "4wEAAAAA\n", "defaults": None, "closure": None}}


def _config(*layers: object, **more: object) -> Case:
    return lambda path: write(path, keras_file(model(DENSE, *layers, **more)))


def _weights(change: Callable[[h5py.File], None]) -> Case:
    return lambda path: write(path, keras_file(model(DENSE), weights(change)))


def _code(text: str) -> Case:
    return lambda path: write(path, code={"zoo": text})


def _lambda(function_node: object) -> object:
    return node("keras.layers", "Lambda", {"name": "lambda", "trainable": True, "function": function_node})


def _archive_in_assets(path: Path) -> Path:
    text = (
        "import keras\n\n\ndef load():\n    return keras.utils.get_file('a.tar', 'file:///tmp/a.tar', extract=True)\n"
    )
    return write(path, keras_file(model(DENSE), more={"assets/a.tar": b"\0" * 1024}), code={"zoo": text})


def _legacy_h5(path: Path) -> Path:
    target = io.BytesIO()
    with h5py.File(target, "w") as file:
        file.attrs["model_config"] = json.dumps(model(_lambda(_BYTECODE)))
        file.create_group("model_weights")
    return write(path, target.getvalue())


def _shape_bomb(file: h5py.File) -> None:
    # Chunks that were never written take no room in the file, and all of it in memory.
    file.create_dataset("layers/bomb/vars/0", shape=(1 << 36,), dtype="float32", chunks=(1 << 16,))


def _external_storage(file: h5py.File) -> None:
    file.create_dataset("layers/x/vars/0", (4,), "float32", external=[("/etc/passwd", 0, 16)])


def _virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout(shape=(4,), dtype="float32")
    layout[:] = h5py.VirtualSource("/tmp/other.h5", "secret", shape=(4,))
    file.create_virtual_dataset("layers/x/vars/0", layout)


def _external_link(file: h5py.File) -> None:
    file["layers/x/vars/0"] = h5py.ExternalLink("/tmp/other.h5", "/secret")


def _soft_link(file: h5py.File) -> None:
    file["layers/x/vars/0"] = h5py.SoftLink("/layers/dense/vars/0")


def _external_link_on_the_way(file: h5py.File) -> None:
    file["layers/x"] = h5py.ExternalLink("/tmp/other.h5", "/layers")


def _member(name: str | zipfile.ZipInfo, content: bytes = b"x") -> Case:
    return lambda path: write(path, keras_file(model(DENSE), more={name: content}))


def _symlink() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("assets/link")
    info.create_system, info.external_attr = 3, 0o120777 << 16
    return info


_TORCH = node("keras.layers", "TorchModuleWrapper", {"module": "gASVAAAA", "name": "torch"})
_TFSM = node("keras.layers", "TFSMLayer", {"filepath": "/tmp/model", "call_endpoint": "serve", "name": "tfsm"})
_STOLEN = node("keras.layers", "StringLookup", {"name": "lookup", "vocabulary": "/etc/passwd", "max_tokens": None})

ADVISORIES: dict[str, Case] = {
    "CVE-2024-3660": _config(_lambda(_BYTECODE)),
    "CVE-2024-55459": _archive_in_assets,
    "CVE-2025-1550": _config(node("os", "system", {"command": "id"})),
    "CVE-2025-8747": _config(_lambda(function("get_file", "keras.utils"))),
    "CVE-2025-9906": _config(_lambda(function("enable_unsafe_deserialization", "keras.config"))),
    "CVE-2025-9905": _legacy_h5,
    "CVE-2025-49655": _config(_TORCH),
    "CVE-2025-12058": _config(_STOLEN),
    "CVE-2025-12060": _code("import keras\nkeras.utils.get_file(fname='a', origin='http://x/a.tar', extract=True)\n"),
    "CVE-2026-0897": _weights(_shape_bomb),
    "CVE-2026-1669": _weights(_external_storage),
    "CVE-2026-1462": _config(_TFSM),
    "CVE-2026-11816": _member("assets/../../../x"),
    "CVE-2026-12479": _config({**DENSE, "config": {**DENSE["config"], "name": "../../x"}}),
    "CVE-2026-12480": _weights(_virtual),
    "CVE-2026-12481": _config(node("keras.layers", "TimeDistributed", {"name": "t", "layer": _lambda(_BYTECODE)})),
    "CVE-2026-12482": _member(_symlink(), b"/etc/passwd"),
    "CVE-2026-12484": _config(node("keras.layers", "Bidirectional", {"name": "b", "layer": _TORCH})),
    "CVE-2026-9335": _weights(_external_link),
    "CVE-2026-9335-soft": _weights(_soft_link),
    "CVE-2026-9335-editor": _config(_lambda(function("KerasFileEditor", "keras.saving"))),
    "keras-23168": _weights(_external_link_on_the_way),
    "keras-23654": _config(
        node("keras.layers", "TimeDistributed", {"name": "t", "layer": function("TFSMLayer", "keras.layers")})
    ),
    "tf-keras-910": _config(
        node("tf_keras.src.layers.core.lambda_layer", "Lambda", {"function": ["4wEA", None, None]})
    ),
}

_WITHOUT_KERAS = """
import json, sys
from bundler import AuditRefused, ConsentRequired, MissingObject, Policy, audit_bundle, unbundle
answers = {}
for name, path in json.load(sys.stdin).items():
    # By the gate that decides before anything runs: there is nothing here that could.
    audit = audit_bundle(path, strict=True)
    try:
        unbundle(path, requirements="ignore", policy=Policy(gate="strict"))
    except (AuditRefused, ConsentRequired, MissingObject) as error:
        load = type(error).__name__
    except Exception as error:
        load = f"{type(error).__name__}: {error}"
    found = [item.rule.id for item in audit.findings if item.severity in ("refused", "consent")]
    answers[name] = [audit.verdict, load, found, audit_bundle(path).could]
import importlib.util
assert not any(importlib.util.find_spec(name) for name in ("tensorflow", "keras", "numpy", "h5py"))
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[object]]:
    """Return (verdict, error of the load, rules, held at use) for every case, from a process that has no Keras."""
    folder = tmp_path_factory.mktemp("advisories")
    cases = {**ADVISORIES, "ordinary": _config()}
    paths = {name: str(case(folder / f"{name}.kbundle")) for name, case in cases.items()}
    # An interpreter without site-packages, and beside kbundle only what kbundle itself depends on.
    site = folder / "site"
    site.mkdir()
    for name in ("packaging", "zstandard"):
        (site / name).symlink_to(Path(importlib.util.find_spec(name).origin).parent)  # type: ignore[union-attr,arg-type]
    environment = {"PYTHONPATH": os.pathsep.join([str(Path(bundler.__file__).parents[1]), str(site)])}
    done = subprocess.run(
        [sys.executable, "-S", "-c", _WITHOUT_KERAS],
        env=environment,
        input=json.dumps(paths),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[object]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", ADVISORIES)
def test_refuses_the_bundle_of_an_advisory_without_keras(name: str, answers: dict[str, list[object]]) -> None:
    verdict, load, rules, _ = answers[name]
    assert verdict in ("refused", "consent"), rules
    expected = "AuditRefused" if verdict == "refused" else "ConsentRequired"
    # An object that nobody knows may be one that the caller has; the error asks for it.
    assert load == ("MissingObject" if set(rules) == {"config.unknown-object"} else expected)  # type: ignore[call-overload]


def test_accepts_the_ordinary_bundle_that_they_were_made_from(answers: dict[str, list[object]]) -> None:
    verdict, load, rules, _ = answers["ordinary"]
    assert verdict == "accepted", rules
    # The load goes on to the framework, which this process does not have.
    assert "MissingDependency" in str(load)


@pytest.mark.parametrize("name", ADVISORIES)
def test_what_the_code_of_an_advisory_does_is_held_where_it_does_it(
    name: str, answers: dict[str, list[object]]
) -> None:
    *_, rules, could = answers[name]
    assert could == (["network"] if rules == ["source.network"] else [])
