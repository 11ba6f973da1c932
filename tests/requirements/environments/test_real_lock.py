"""The whole way with a real index: a lock by uv, a machine without TensorFlow, two predictions at once."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bundler.archive.reader import open_bundle
from bundler.archive.writer import NewMember, write_bundle
from tests.models.conftest import Workshop
from tests.zygote import Zygote

ROOT = Path(__file__).parents[3]
_NEEDS = "tensorflow-cpu\nkeras\ncloudpickle\npackaging>=26.1\nrich\nzstandard\n"


@pytest.fixture(scope="module")
def uv() -> str:
    found = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if found is None:
        pytest.skip("uv is not installed")
    return found


@pytest.fixture(scope="module")
def real_lock(uv: str, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return a lock of TensorFlow and Keras as an index has them now."""
    folder = tmp_path_factory.mktemp("lock")
    (folder / "needs.in").write_text(_NEEDS)
    version = f"3.{sys.version_info.minor}"
    command = [uv, "pip", "compile", "--format", "pylock.toml", "--universal", "--python-version", version]
    done = subprocess.run(
        [*command, "needs.in", "-o", "pylock.toml"], cwd=folder, capture_output=True, text=True, timeout=120
    )
    if done.returncode:
        pytest.skip(f"no package index can be reached: {done.stderr.strip().splitlines()[-1:]}")
    return (folder / "pylock.toml").read_bytes()


@pytest.fixture
def bundle(real_lock: bytes, zygote: Zygote, tmp_path: Path) -> Path:
    """Return a bundle with a custom layer and the lock, and beside it inputs and the outputs to expect."""
    shop = Workshop(zygote, tmp_path / "shop")
    shop.write(
        {
            "gains.py": "import keras\n@keras.saving.register_keras_serializable()\n"
            "class Gain(keras.layers.Layer):\n    def call(self, x):\n        return 3.0 * x\n"
        }
    )
    shop.author("""
        from gains import Gain
        model = keras.Sequential([keras.Input((4,)), Gain(), keras.layers.Dense(2)])
        bundle(model, "../hand_over/plain.kbundle")
        x = np.random.rand(5, 4).astype("float32")
        np.savez("../hand_over/x.npz", x=x)
        np.save("../hand_over/expected.npy", model.predict(x, verbose=0))
    """)
    with open_bundle(shop.hand_over / "plain.kbundle") as reader:
        manifest = reader.manifest
        members = [
            NewMember(name=item.name, content=reader.read(item.name))
            for item in manifest.members
            if item.name not in (manifest.requirements.lock,)
        ]
    requirements = dataclasses.replace(
        manifest.requirements,
        hashes="all",
        lock="requirements/pylock.toml",
        packed_under=f"3.{sys.version_info.minor}",
    )
    members.append(NewMember(name="requirements/pylock.toml", content=real_lock))
    path = shop.hand_over / "m.kbundle"
    write_bundle(path, dataclasses.replace(manifest, requirements=requirements), members)
    return path


def test_a_machine_without_tensorflow_predicts_twice_at_once_from_an_empty_cache(
    bundle: Path, uv: str, tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, bare], check=True)
    python = bare / "bin" / "python"
    subprocess.run([uv, "pip", "install", "--quiet", "--python", python, "packaging>=26.1", "rich"], check=True)
    environment = {
        **os.environ,
        "KBUNDLE_CACHE": str(tmp_path / "cache"),
        "PYTHONPATH": str(ROOT),
        "PATH": f"{Path(uv).parent}{os.pathsep}{os.environ['PATH']}",
    }

    def kbundle(*arguments: object) -> subprocess.Popen[str]:
        command = [python, "-m", "bundler", *map(str, arguments)]
        return subprocess.Popen(
            command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    here = bundle.parent
    alone = kbundle("run", bundle, "--input", here / "x.npz", "--output", "no.npz")
    _, said = alone.communicate(timeout=60)
    assert alone.returncode == 1
    assert "--environment locked" in said
    both = [
        kbundle("run", bundle, "--input", here / "x.npz", "--output", f"y{n}.npz", "--environment", "locked", "--json")
        for n in range(2)
    ]
    for process in both:
        output, errors = process.communicate(timeout=580)
        assert process.returncode == 0, errors
        assert json.loads(output)["arrays"] == {"output": {"shape": [5, 2], "dtype": "float32"}}
    import numpy as np

    for n in range(2):
        with np.load(tmp_path / f"y{n}.npz") as found:
            np.testing.assert_allclose(found["output"], np.load(here / "expected.npy"), rtol=1e-5, atol=1e-6)
    assert len(list((tmp_path / "cache" / "environments").glob("*/kbundle-environment.json"))) == 1
