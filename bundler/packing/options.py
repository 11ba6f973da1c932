"""What the author wants the bundle to hold, and where its source is looked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from bundler.archive.progress import Progress
from bundler.audit.consent import check_words
from bundler.errors import InvalidBundle, PackError
from bundler.limits import LIMITS
from bundler.manifest import Provenance
from bundler.manifest.canonical_json import canonical_json, parse_strict
from bundler.packing.named import folders, strings
from bundler.requirements.locking.lock import LockOptions

#: ``full`` the model itself, ``inference`` a graph of it, ``both`` the model and the graph.
PayloadChoice = Literal["full", "inference", "both"]
FallbackChoice = Literal["inference"]


@dataclass(frozen=True, kw_only=True, slots=True)
class PackOptions(LockOptions):
    """The keyword arguments of `bundler.bundle`, checked. `replace` gives those of the next attempt.

    `whole` has patterns of modules that are not reduced; ``*`` stands for all. No author gives `reduces_included`,
    which is ``whole=False``, and `functions`: further ones that must have a place in the bundle.
    """

    sources: tuple[Path, ...] = ()
    include: tuple[str, ...] = ()
    skip_data: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()
    example_inputs: Any = None
    prove: bool = True
    by_value: tuple[Any, ...] = ()
    allow: tuple[str, ...] = ()
    payload: PayloadChoice = "full"
    fallback: FallbackChoice | None = None
    signature: str | None = None
    custom_objects: Mapping[str, Any] = field(default_factory=dict)
    builder: Callable[..., Any] | str | None = None
    builder_kwargs: Mapping[str, Any] | None = None
    overwrite: bool = False
    name: str | None = None
    description: str | None = None
    license: str | None = None
    source_revision: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    progress: Progress | None = None
    reduces_included: bool = False
    functions: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        """Bring the arguments into one form; refuse words that mean nothing, and what needs another argument."""
        whole: Any = self.whole
        # One alone may be given as it is; a class may be iterable, such as an enumeration.
        several = isinstance(self.by_value, Iterable) and not isinstance(self.by_value, type)
        for name, form in {
            "allow": check_words(self.allow),
            "sources": folders(self.sources),
            "include": strings(self.include),
            "skip_data": strings(self.skip_data),
            "modules": strings(self.modules),
            "whole": ("*",) if whole is True else strings(whole or ()),
            "reduces_included": self.reduces_included or whole is False,
            "by_value": tuple(self.by_value) if several else (self.by_value,),
            "custom_objects": dict(self.custom_objects or {}),
            "metadata": checked_metadata(self.metadata),
        }.items():
            object.__setattr__(self, name, form)
        if self.builder_kwargs and self.builder is None:
            raise PackError(
                "builder_kwargs are the arguments of a builder, and none is given", hint="pass builder=make_model too"
            )
        for name, value, known in (
            ("payload", self.payload, ("full", "inference", "both")),
            ("fallback", self.fallback, (None, "inference")),
        ):
            if value not in known:
                raise PackError(
                    f"{name}= does not know this",
                    expected=" or ".join(repr(word) for word in known),
                    found=repr(value),
                    hint="see help(bundler.bundle)",
                )

    def provenance(self) -> Provenance:
        """Return what the author says about the model."""
        said = ("name", "description", "license", "source_revision", "metadata")
        return Provenance(**{name: getattr(self, name) for name in said})


def checked_metadata(metadata: Any) -> dict[str, Any]:
    """Return what the author says about the model as the manifest will say it.

    Raises:
        PackError: it is not a dictionary of JSON values that a bundle may hold.
    """
    if metadata is None:
        return {}
    try:
        if not isinstance(metadata, Mapping):
            raise InvalidBundle(f"a {type(metadata).__name__} is not a dictionary")
        # Where it will stand in the manifest, so that its depth counts as it does there.
        text = canonical_json({"provenance": {"metadata": dict(metadata)}})
        parsed = parse_strict(text, "metadata", LIMITS.manifest, value_limit=LIMITS.manifest_values)
    except InvalidBundle as error:
        raise PackError(
            f"the metadata cannot be written: {error.message}",
            place="metadata",
            expected="strings, finite numbers, true, false, null, lists, and dictionaries with strings as keys",
            hint="leave out what is no such value, or write it as text",
        ) from error
    return dict(parsed["provenance"]["metadata"])
