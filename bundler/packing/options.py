"""What the author wants the bundle to hold, apart from where the source is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from bundler.errors import InvalidBundle, PackError
from bundler.limits import LIMITS
from bundler.manifest.canonical_json import canonical_json, parse_strict

#: ``full`` the model itself, ``inference`` a graph of it, ``both`` the model and the graph.
PayloadChoice = Literal["full", "inference", "both"]
FallbackChoice = Literal["inference"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """See the arguments of `bundler.bundle`."""

    payload: str = "full"
    fallback: str | None = None
    signature: str | None = None
    custom_objects: Mapping[str, Any] = field(default_factory=dict)
    example_inputs: Any = None
    builder: Callable[..., Any] | str | None = None
    builder_kwargs: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        """Refuse words that mean nothing, and arguments for a builder that is not there."""
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


def checked_metadata(metadata: Any) -> dict[str, Any]:
    """Return what the author says about the model as the manifest will say it.

    Raises:
        PackError: it is no dictionary of JSON values that a bundle may hold.
    """
    if metadata is None:
        return {}
    try:
        if not isinstance(metadata, Mapping):
            raise InvalidBundle(f"a {type(metadata).__name__} is no dictionary")
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
