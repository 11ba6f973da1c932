"""Where the source of a model is looked for, and the closure over it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from bundler.errors import SourceError
from bundler.keras_io import registry
from bundler.namespace import ModuleText, Namespace, open_namespace
from bundler.packing.options import PackOptions
from bundler.sources.closure import Closure, close
from bundler.sources.found import FoundObject
from bundler.sources.locate import Locator
from bundler.sources.reduce.plan import Needs
from bundler.sources.resolve import Resolution

#: What else to try for a file, which has no classes of its own.
_OTHER_WAYS_FILE = (
    "; or give the folders that hold the code: sources=[...] (--source DIR), "
    "or pack the live model where its classes are loaded: bundle(model, path)"
)

#: Called with what is being done, for steps whose length is not known.
Step = Callable[[str], None]


class BundleSources:
    """The source of a loaded bundle, for a model that came out of it (a `SourceProvider`)."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace

    def names(self) -> Iterable[str]:
        """Return the original names of the modules."""
        return self._namespace.modules

    def is_package(self, name: str) -> bool:
        """Say whether the module is a package."""
        return self._namespace.is_package(name)

    def is_generated(self, name: str) -> bool:
        """Say whether the author had no such module."""
        return self._namespace.modules[name].generated

    def source(self, name: str) -> bytes:
        """Return the module's text."""
        return self._namespace.modules[name].text

    def data(self) -> Mapping[str, bytes]:
        """Return the data files by path."""
        return self._namespace.data


def with_named_modules(resolution: Resolution, options: PackOptions) -> Resolution:
    """Return `resolution` with the modules that the author named as further places to start from."""
    return replace(resolution, roots={**dict.fromkeys(options.modules, "named by the author"), **resolution.roots})


def needs_of(
    roots: Iterable[str], objects: Iterable[FoundObject], options: PackOptions, others: Iterable[tuple[str, str]] = ()
) -> Needs | None:
    """Return what of the modules `roots` is needed: what `objects` and `others`, by module and name, are there."""
    if "*" in options.whole:
        return None
    names: dict[str, set[str]] = {}
    places = [(item.module, item.qualname) for item in objects if item.distribution is None and not item.by_value]
    # A root that no object is in was named for what it does when it is imported, or by a pickle.
    whole = {*options.modules, *roots} - {module for module, _ in places if module not in options.modules}
    for module, qualname in (*places, *others):
        names.setdefault(module, set()).add(qualname.partition(".")[0])
    return Needs(names={**names, **dict.fromkeys(whole)}, whole=options.whole, included=options.reduces_included)


def close_over(
    resolution: Resolution, locator: Locator, options: PackOptions, held: Iterable[tuple[str, str]] = ()
) -> Closure:
    """Return everything that the objects' modules need, or raise with the problems of both searches.

    `held` are further functions, by module and name, that live objects hold and no text needs to name.

    Raises:
        SourceError: objects or modules cannot travel; every cause is listed.
    """
    problems = list(resolution.problems)
    closure = None
    try:
        needs = needs_of(resolution.roots, resolution.objects, options, held)
        closure = close(resolution.roots, locator, skip_data=options.skip_data, needs=needs)
    except SourceError as error:
        problems += [problem for problem in error.problems if problem not in problems]
    if closure is None or problems:
        raise SourceError(
            "the source of this model cannot travel as it is:",
            problems,
            hint="mend the lines above and pack again (nothing was written)"
            + ("" if locator.loaded else _OTHER_WAYS_FILE),
        )
    return closure


def provisional_namespace(closure: Closure, packed: Mapping[str, str]) -> Namespace:
    """Return a module tree for source that has no bundle yet, named for all that its code can see."""
    data = {item.path: item.read() for item in closure.data}
    digest = hashlib.sha256()
    for what, name, content in (
        *(("package" if module.is_package else "module", module.name, module.text) for module in closure.modules),
        *(("data", path, content) for path, content in data.items()),
        *(("version", name, version.encode()) for name, version in sorted(packed.items())),
    ):
        digest.update(f"{what}\0{name}\0{len(content)}\0".encode() + content)
    return open_namespace(
        f"sha256:{digest.hexdigest()}",
        [ModuleText(name=module.name, text=module.text, package=module.is_package) for module in closure.modules],
        data,
        versions=packed,
        isolation=registry.isolated,
    )
