"""What the drafts of one run come to: modules, files beside them, and what stands in the way."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from typing import Any

from bundler.sources.extract.array_file import file_name, file_of
from bundler.sources.extract.draft import Draft
from bundler.sources.extract.drafts import Drafts
from bundler.sources.extract.extracted import Extracted, ExtractedModule


def extracted_of(drafts: Drafts, places: Mapping[Any, tuple[Draft, str]], problems: Iterable[str]) -> Extracted:
    """Return the modules of `drafts`, where each object is in them, and `problems` with those of the modules."""
    told = list(problems)
    by_name = {draft.name: draft for draft in drafts}
    told += [
        f"{draft.reason}: two definitions of one name need each other; give one another name"
        for draft in by_name.values()
        for other in sorted(draft.imports_from)
        if draft.name in by_name[other].imports_from and draft.name < other
    ]
    for draft in by_name.values():
        try:
            ast.parse(draft.text())
        except SyntaxError as error:
            told.append(f"{draft.reason}, which does not stand for itself: {error}; move it to a module")
    return Extracted(
        modules=tuple(
            ExtractedModule(name=name, text=draft.text().encode(), reason=draft.reason)
            for name, draft in sorted(by_name.items())
        ),
        files={file_name(name): file_of(draft.arrays) for name, draft in by_name.items() if draft.arrays},
        places={obj: (draft.name, qualname) for obj, (draft, qualname) in places.items()},
        problems=tuple(dict.fromkeys(told)),
    )
