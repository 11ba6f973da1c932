"""`bundle`: a model, the source of its custom code and what they need, in one file.

Nothing is written at the target before everything has been found; a model that cannot travel is refused with every
cause at once.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bundler.archive.progress import Progress
from bundler.archive.reader import open_bundle
from bundler.archive.writer import write_bundle
from bundler.errors import PackError, TargetExists
from bundler.manifest import Manifest, Provenance
from bundler.packing.compose import manifest_of, members_of
from bundler.packing.inputs import from_input
from bundler.packing.search import Search, steps


@dataclass(frozen=True, kw_only=True, slots=True)
class PackedBundle:
    """What `bundle` wrote: the file, its digest (``sha256:...``) and its manifest."""

    path: Path
    digest: str
    manifest: Manifest = field(repr=False)


def bundle(
    model: Any,
    filepath: str | os.PathLike[str],
    *,
    sources: Sequence[str | os.PathLike[str]] = (),
    include: Sequence[str] = (),
    skip_data: Sequence[str] = (),
    modules: Sequence[str] = (),
    builder: Callable[..., Any] | str | None = None,
    builder_kwargs: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    name: str | None = None,
    description: str | None = None,
    license: str | None = None,  # noqa: A002 - the manifest's word, and the field's
    source_revision: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> PackedBundle:
    """Write `model` and the source of its custom code to the bundle `filepath`.

    Args:
        model: a built `keras.Model`, or the path of a ``.keras`` file (then stored byte for byte). With a `builder`
            also the path of a ``.weights.h5`` file, or `None` for the weights that the builder's model starts with.
        filepath: where to write; by custom it ends in ``.kbundle``.
        sources: folders to look for source in, as entries of `sys.path`. A live model needs none, since its
            modules are loaded; a file needs the folders of the code that it was made with.
        include: installed distributions, or top-level modules of them, to pack as source instead of requiring
            them where the model is loaded.
        skip_data: patterns of data files that the code names but that stay behind, such as ``mypkg/corpus/*``.
        modules: more modules to pack, and to import before the model is rebuilt; for code that nothing imports by
            name, such as plugins that register themselves.
        builder: a function at the top level of a module that returns the model untrained, or its name as
            ``package.module:function`` in `sources`. It is packed, and called where the model is loaded; weights,
            compile state and optimizer state then go into what it returns. For models that Keras cannot rebuild.
        builder_kwargs: its arguments, as JSON values.
        overwrite: replace an existing file.
        name: what the author calls the model.
        description: a sentence about it.
        license: an SPDX expression.
        source_revision: the revision of the author's repository.
        metadata: anything else, as JSON values.
        progress: called with (what is done, bytes done, bytes in total).

    Raises:
        TargetExists: `filepath` exists and `overwrite` is false.
        SourceError: some objects or modules cannot travel; every cause is listed.
        PackError: Keras cannot save the model, or the file cannot be written.
        MissingDependency: Keras or TensorFlow is not installed.
    """
    target = Path(filepath)
    _check_target(target, overwrite=overwrite)
    search = Search(
        roots=_folders(sources), include=_strings(include), skip_data=_strings(skip_data), modules=_strings(modules)
    )
    provenance = Provenance(
        name=name,
        description=description,
        license=license,
        source_revision=source_revision,
        metadata=dict(metadata or {}),
    )
    with tempfile.TemporaryDirectory(prefix="kbundle-") as scratch:
        step = steps(progress)
        step("importing Keras")
        found = from_input(model, search, Path(scratch), step, builder=builder, builder_kwargs=builder_kwargs)
        manifest = manifest_of(found, provenance)
        members = members_of(found, manifest)
        write_bundle(target, manifest, members, overwrite=overwrite, progress=progress)
    with open_bundle(target) as reader:
        return PackedBundle(path=target, digest=reader.digest, manifest=reader.manifest)


def _check_target(target: Path, *, overwrite: bool) -> None:
    if target.is_dir():
        raise PackError("the target is a folder", place=str(target), hint="name a file, for example model.kbundle")
    if target.exists() and not overwrite:
        raise TargetExists(
            "there is a file already", place=str(target), hint="pass overwrite=True (--overwrite), or another name"
        )
    if not target.parent.is_dir():
        raise PackError("there is no such folder", place=str(target.parent), hint="make the folder, then pack again")


def _strings(values: Sequence[str]) -> tuple[str, ...]:
    # One string is a sequence of letters; nobody means that.
    return (values,) if isinstance(values, str) else tuple(values)


def _folders(sources: Sequence[str | os.PathLike[str]]) -> tuple[Path, ...]:
    if isinstance(sources, str | os.PathLike):
        sources = (sources,)
    folders = tuple(Path(source).resolve() for source in sources)
    for folder in folders:
        if not folder.is_dir():
            raise PackError(
                "there is no such source folder",
                place=str(folder),
                hint="give the folder that holds your packages, the one that would be on sys.path",
            )
    return folders
