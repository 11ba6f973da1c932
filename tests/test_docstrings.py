"""The examples in the docstrings of the public names run as written, in the folder that `bundler` describes."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import bundler
from tests.requirements import wheels
from tests.zygote import Zygote

#: Errors tell by their class; the base has the example.
NAMES = [
    name
    for name in bundler.__all__
    if callable(value := getattr(bundler, name))
    and not (inspect.isclass(value) and issubclass(value, Exception) and value is not bundler.BundleError)
]
FUNCTIONS = [name for name in NAMES if inspect.isfunction(getattr(bundler, name))]
#: What imports the framework, and what asks an installer; all others run where there is neither.
LOADING = ("PackedBundle", "Record", "Use", "bundle", "record_of", "unbundle")
INSTALLING = ("Environment", "environment")

GAIN = """\
import keras


class Gain(keras.layers.Layer):
    def build(self, input_shape):
        self.gain = self.add_weight(shape=(input_shape[-1],), initializer="ones")

    def call(self, inputs):
        return inputs * self.gain
"""
AUTHOR = """
import keras
from bundler import bundle
from gain import Gain

model = keras.Sequential([keras.Input((4,)), Gain(name="gain"), keras.layers.Dense(1)])
bundle(model, "bundles/model.kbundle", prove=False)
model.layers[0].gain.assign([2.0, 3.0, 4.0, 5.0])
bundle(model, "bundles/retrained.kbundle", prove=False)
"""
RUN = """
import doctest, os, shutil
import bundler

for name in {names!r}:
    shutil.copytree({bundles!r}, name)
    os.chdir(name)
    test = doctest.DocTestParser().get_doctest(getattr(bundler, name).__doc__, {{"bundler": bundler}}, name, None, 0)
    result = doctest.DocTestRunner().run(test)
    assert result.attempted and not result.failed, name
    os.chdir("..")
"""
WITHOUT_FRAMEWORK = """
import sys

for name in ("tensorflow", "keras", "numpy", "h5py"):
    sys.modules[name] = None
"""


@pytest.fixture(scope="module")
def bundles(zygote: Zygote, tmp_path_factory: pytest.TempPathFactory) -> Path:
    author = tmp_path_factory.mktemp("author")
    (author / "bundles").mkdir()
    (author / "gain.py").write_text(GAIN)
    zygote.run(AUTHOR, author, path=(author,))
    return author / "bundles"


def run_alone(script: str, folder: Path) -> None:
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", LOADING)
def test_example_that_loads_or_packs_is_true(name: str, bundles: Path, tmp_path: Path, zygote: Zygote) -> None:
    zygote.run(RUN.format(names=[name], bundles=str(bundles)), tmp_path)


def test_examples_that_only_look_are_true_without_the_framework(bundles: Path, tmp_path: Path) -> None:
    names = [name for name in NAMES if name not in (*LOADING, *INSTALLING)]
    assert len(names) == len(NAMES) - len(LOADING) - len(INSTALLING)
    run_alone(WITHOUT_FRAMEWORK + RUN.format(names=names, bundles=str(bundles)), tmp_path)


def test_examples_that_install_are_true(tmp_path: Path, own: list[str], offline_index: Path) -> None:
    (tmp_path / "bundles").mkdir()
    wheels.write_locked_bundle(tmp_path / "bundles" / "model.kbundle", wheels.lock(*own))
    run_alone(RUN.format(names=INSTALLING, bundles=str(tmp_path / "bundles")), tmp_path)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_public_function_says_what_it_takes_returns_and_raises(name: str) -> None:
    function = getattr(bundler, name)
    text = inspect.getdoc(function) or ""
    said = [*(f"\n    {word}: " for word in inspect.signature(function).parameters), "Returns:", "Raises:", "Example:"]
    assert [item for item in said if item not in text] == []
