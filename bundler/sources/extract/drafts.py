"""Which generated module a definition goes into."""

from __future__ import annotations

import builtins
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from bundler.sources.extract import bindings, naming
from bundler.sources.extract.constant_values import interchangeable
from bundler.sources.extract.draft import Draft
from bundler.sources.extract.namespaces import is_loose


class Drafts:
    """The generated modules of one run, by the namespace that their definitions come from.

    The first of a script or notebook has its top level. Others hold what does not fit beside it: a second class of
    one name, or the same closure over another value.
    """

    def __init__(self, taken: Collection[str]) -> None:
        self._names = naming.ModuleNames(taken)
        self._drafts: dict[int, list[Draft]] = {}
        self._namespaces: list[Mapping[str, Any]] = []

    def __iter__(self) -> Iterator[Draft]:
        return (draft for group in self._drafts.values() for draft in group if draft.items)

    def main(self, namespace: Mapping[str, Any]) -> Draft:
        """Return the draft for the top level of a script or notebook."""
        drafts = self._of(namespace)
        if not drafts:
            origin = naming.origin_of(namespace)
            drafts.append(
                Draft(
                    name=self._names.give(origin.stem, origin.second, namespace.get("__file__")),
                    docstring=f"What the model needs of {origin.words} that made it.",
                    reason=f"made from the text of {origin.words}",
                )
            )
        return drafts[0]

    def fitting(self, namespace: Mapping[str, Any], wanted: Mapping[str, Any]) -> Draft:
        """Return a draft where all names of `wanted` can have these values, and promise them."""
        draft = self._fitting(namespace, wanted)
        draft.promised |= wanted
        return draft

    def _fitting(self, namespace: Mapping[str, Any], wanted: Mapping[str, Any]) -> Draft:
        loose = is_loose(namespace)
        if loose:
            self.main(namespace)
        drafts = self._of(namespace)
        for index, draft in enumerate(drafts):
            # The first of a script has its top level, where every name keeps its meaning.
            top = {**vars(builtins), **namespace} if loose and index == 0 else {}
            if all(
                draft.takes(name, value) and (name not in top or interchangeable(top[name], value))
                for name, value in wanted.items()
            ):
                return draft
        number = len(drafts) + 1
        if loose:
            stem, origin = drafts[0].name, drafts[0].reason.removeprefix("made from the text of ")
            name = self._names.give(f"{stem}_{number}", f"{stem}_more_{number}")
        else:
            origin = bindings.public_name(str(namespace.get("__name__")))
            stem = naming.identifier(f"{origin.replace('.', '_')}_locals")
            name = self._names.give(stem if number == 1 else f"{stem}_{number}", f"{stem}_more_{number}")
        drafts.append(
            Draft(
                name=name,
                docstring=f"What the model needs of the functions of {origin}.",
                reason=f"made from the text of functions of {origin}",
            )
        )
        return drafts[-1]

    def _of(self, namespace: Mapping[str, Any]) -> list[Draft]:
        if id(namespace) not in self._drafts:
            self._namespaces.append(namespace)  # Kept alive, so that its id stays its own.
        return self._drafts.setdefault(id(namespace), [])
