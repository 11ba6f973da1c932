"""A model that `unbundle` returned, pickled into a process that has never seen its code.

Keras pickles a model by the name of its class; a bundled class lives in a module that only this process has. So
`unbundle` puts a ``__reduce_ex__`` on the model itself, which `pickle`, `copy`, cloudpickle and joblib ask before they
ask the class. What travels is the model as it is now (a ``.keras`` file: weights, compile and optimizer state) and a
`BundleReference` to its bundle: the digest, the path, and the code while that is small.

Only the model that `unbundle` returned, and its copies, carry their code. A clone (`keras.models.clone_model`), a
model built around it, or a layer by itself is Keras's to pickle, and loads where the bundle is loaded already.

Loading a pickle runs whatever its maker put into it. So the consent of whoever loaded the model travels along: a
worker does not ask again.
"""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, SupportsIndex

from bundler.archive.reader import check_digest, open_bundle
from bundler.archive.scratch import scratch_folder, written_below
from bundler.audit.consent import check_pickles
from bundler.errors import BundleError, IntegrityError
from bundler.keras_io import framework
from bundler.keras_io.files import saved_model
from bundler.keras_io.files.keras_file import read_config, unpack_keras_file
from bundler.manifest import Adaptation, Manifest, Seed, load_manifest
from bundler.namespace import loaded_namespaces
from bundler.requirements.admit import admit
from bundler.requirements.compare import compare
from bundler.unpacking.confinement import closed_texts, guard_for
from bundler.unpacking.evidence import warn_unmeasured
from bundler.unpacking.rebuilding import (
    build,
    code_members,
    objects_again,
    open_code,
    read_code,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class BundleReference:
    """What a model knows about the bundle that it came from.

    Attributes:
        digest: of the bundle, ``sha256:...``.
        path: where the bundle was, or `None` for a file object.
        manifest: the bytes of ``manifest.json``, whose SHA-256 is the digest.
        code: the members below ``code/`` by name, decoded; `None` where they are larger than `LIMITS.carried_code`.
        allow: the words that the caller of `unbundle` consented with.
        closes: whether functions are closed that nothing would hold (the gate ``run``).
        tree: the root of the module tree that it lives in, in this process.
        denied: the words that the policy of that caller closes for good.
        requirements: how that caller wanted the requirements compared.
        custom_objects: what the caller gave instead of the bundle's own objects.
    """

    digest: str
    path: str | None
    manifest: bytes
    code: Mapping[str, bytes] | None
    allow: tuple[str, ...]
    closes: bool
    tree: str
    denied: tuple[str, ...]
    requirements: str
    custom_objects: Mapping[str, Any]


def attach(model: Any, reference: BundleReference) -> None:
    """Make `model` carry `reference` when it is pickled or copied."""
    # Past Keras's __setattr__, which would track it; a name with two underscores is skipped when Keras saves.
    object.__setattr__(model, "__reduce_ex__", _Reduction(model, reference))


def revive(
    reference: BundleReference,
    state: bytes,
    adaptations: Sequence[Adaptation],
    hosts: Mapping[str, Any],
    graphs: Mapping[str, Mapping[str, bytes]],
    seeds: Sequence[Seed] = (),
) -> Any:
    """Return the model of a pickle: the ``.keras`` file `state`, in the module tree of the bundle of `reference`.

    `adaptations` are as in the manifest, of what this state needs. `hosts` are the classes and functions of other
    people's in it, by Keras key: pickled by reference, as pickle does. `graphs` are the files of the SavedModel folders
    that its `TFSMLayer`s read, by the path that its config has; `seeds` are the states of its random generators. The
    tree is taken from this process where the bundle is loaded, else from the code that the pickle carries, else from
    the bundle at its path.

    Raises:
        BundleError: the bundle's code is in none of these places, or the model does not come back.
    """
    manifest = _manifest_of(reference)
    check_pickles(manifest)
    comparison = compare(manifest, manifest.payload)
    admit(comparison, reference.requirements, reference.digest)
    warn_unmeasured(comparison, reference.requirements, reference.digest, "a pickle has no self-test", stacklevel=3)
    namespace = next((known for known in loaded_namespaces() if known.prefix == reference.tree), None)
    if namespace is None:
        guard = guard_for(manifest, reference.allow, denied=reference.denied)
        code = _code_of(reference, manifest)
        closed = closed_texts(manifest, code, reference.allow) if reference.closes else {}
        namespace = open_code(reference.digest, manifest, code, guard, closed=closed)
    framework.keras()
    with scratch_folder() as scratch:
        path = scratch / "model.keras"
        with written_below(scratch):
            path.write_bytes(state)
        directory = path.with_suffix("")
        unpack_keras_file(path, directory)
        config = read_config(directory)
        objects = objects_again(config, manifest, namespace, reference.custom_objects)
        model = build(
            directory,
            config,
            replace(manifest, objects=objects, adaptations=tuple(adaptations), seeds=tuple(seeds)),
            namespace,
            custom_objects=reference.custom_objects,
            compile=True,
            # Keras's word for "no bytecode"; a pickle is no safer without, and the model may have got a lambda since.
            safe_mode=False,
            hosts=hosts,
            graphs={path: saved_model.unpacked(files) for path, files in graphs.items()},
        )
    attach(model, reference)
    return model


class _Reduction:
    """The ``__reduce_ex__`` of one model, which it must not keep alive."""

    def __init__(self, model: Any, reference: BundleReference) -> None:
        self._model = weakref.ref(model)
        self._reference = reference

    def __call__(self, protocol: SupportsIndex) -> tuple[Callable[..., Any], tuple[Any, ...]]:  # noqa: ARG002
        # The author's half of the code, which loading alone needs none of.
        from bundler.unpacking.reduction import state_of_model

        return revive, (self._reference, *state_of_model(self._model(), load_manifest(self._reference.manifest)))


def _manifest_of(reference: BundleReference) -> Manifest:
    found = f"sha256:{hashlib.sha256(reference.manifest).hexdigest()}"
    if found != reference.digest:
        raise IntegrityError("the pickle carries another manifest", expected=reference.digest, found=found)
    return load_manifest(reference.manifest)


def _code_of(reference: BundleReference, manifest: Manifest) -> Mapping[str, bytes]:
    if reference.code is not None:
        _check(reference.code, manifest)
        return reference.code
    reason: object = "the model was loaded from a file object"
    if reference.path is not None:
        try:
            with open_bundle(reference.path) as reader:
                check_digest(reader, reference.digest)
                return read_code(reader, manifest)
        except (BundleError, OSError) as error:
            reason = error.message if isinstance(error, BundleError) else error
    raise BundleError(
        f"this pickled model needs the code of its bundle, which is too large to carry: {reason}",
        place=reference.path,
        expected=f"the bundle {reference.digest}",
        hint="put the bundle at this path, or unbundle it in this process before the pickle is loaded",
    )


def _check(code: Mapping[str, bytes], manifest: Manifest) -> None:
    """Compare the code that a pickle carries with the manifest: the bytes that were reviewed are those that run."""
    members = {member.name: member for member in manifest.members}
    for name in code_members(manifest):
        expected = members[name].decoded_sha256 or members[name].sha256
        found = hashlib.sha256(code.get(name, b"")).hexdigest()
        if found != expected:
            raise IntegrityError("the pickle carries other code", place=name, expected=expected, found=found)
