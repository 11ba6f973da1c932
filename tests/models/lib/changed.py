"""Imported by scripts of tests: pack a model, change one thing in its bundle, and ask the same prover again."""

import dataclasses
import io
import json
import zipfile

import h5py
import numpy as np
import quick_proof  # noqa: F401 - first, while the process is as good as new

import bundler
from bundler.archive.reader import open_bundle
from bundler.archive.writer import NewMember, write_bundle, write_stored_zip
from bundler.errors import ProofFailed
from bundler.packing import bundling

_provers = []


class _Kept(bundling.Prover):
    def __enter__(self):
        _provers.append(self)
        return super().__enter__()

    def __exit__(self, *_):
        """Stay, to be asked again."""

    def check(self, path, expectation):
        self.expectation = expectation
        return super().check(path, expectation)


def refusal(model, *, manifest=None, config=None, weights=None, source=None, **options):
    """Return the stage and the words by which the proof refuses a changed bundle of `model`; fail where it does not.

    Args:
        model: an honest model: its own bundle is proved first.
        manifest: given the manifest, returns another one.
        config: given the config of the model, changes it.
        weights: given the open file of weights, changes it.
        source: what to replace in the packed modules, and by what.
        options: of `bundle`.
    """
    bundling.Prover = _Kept
    bundler.bundle(model, "honest.kbundle", offline=True, overwrite=True, **options)
    with open_bundle("honest.kbundle") as reader:
        told = reader.manifest
        members = {member.name: reader.read(member.name) for member in told.members}
    with zipfile.ZipFile(io.BytesIO(members[told.payload.member])) as file:
        files = {name: file.read(name) for name in file.namelist()}
    if config is not None:
        tree = json.loads(files["config.json"])
        config(tree)
        files["config.json"] = json.dumps(tree).encode()
    if weights is not None:
        content = io.BytesIO(files["model.weights.h5"])
        with h5py.File(content, "r+") as file:
            weights(file)
        files["model.weights.h5"] = content.getvalue()
    payload = io.BytesIO()
    write_stored_zip(payload, [NewMember(name=name, content=item) for name, item in files.items()])
    members[told.payload.member] = payload.getvalue()
    for module in told.modules if source else ():
        members[module.member] = members[module.member].replace(source[0].encode(), source[1].encode())
    told = dataclasses.replace(told if manifest is None else manifest(told), members=())
    content = [NewMember(name=name, content=item) for name, item in members.items()]
    write_bundle("changed.kbundle", told, content, overwrite=True)
    prover = _provers[-1]
    try:
        prover.check("changed.kbundle", prover.expectation)
    except ProofFailed as error:
        return error.stage, str(error)
    finally:
        super(_Kept, prover).__exit__(None, None, None)
    raise AssertionError("the proof did not notice")


def add_one(file, name):
    """Add one to the last number of a weight."""
    array = np.array(file[name])
    array.reshape(-1)[-1:] += 1
    file[name][...] = array


def nodes(tree, word):
    """Return the nodes of a config that are of the class `word`."""
    if isinstance(tree, list):
        return [found for item in tree for found in nodes(item, word)]
    if not isinstance(tree, dict):
        return []
    own = [tree] if tree.get("class_name") == word else []
    return own + [found for item in tree.values() for found in nodes(item, word)]
