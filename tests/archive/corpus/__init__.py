"""Crafted container files: what tools read differently, and what one of them could be made to misread.

`python -m tests.archive.corpus` shows what five readers make of them. Each file is made by a function, keeps what is
not its subject as a good bundle has it, and has a name for its defect.
"""

from __future__ import annotations

from tests.archive.corpus import contents, ends, good, headers, layouts, names
from tests.archive.corpus.case import Case

GROUPS = {
    "good bundles": good.CASES,
    "prefix, suffix, end records": ends.CASES,
    "headers that contradict": headers.CONTRADICTIONS,
    "flags, methods, descriptors": headers.FLAGS_AND_METHODS,
    "extra fields and attributes": headers.EXTRAS,
    "duplicates, overlap, holes, order": layouts.CASES,
    "names": names.CASES,
    "manifest and members": contents.CASES,
    "truncation": contents.TRUNCATIONS,
}

CASES: tuple[Case, ...] = tuple(case for cases in GROUPS.values() for case in cases)
