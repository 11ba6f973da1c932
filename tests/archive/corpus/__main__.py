"""Prints what five readers make of the corpus, by group; with ``-v`` also where they differ."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from tests.archive.corpus import GROUPS
from tests.archive.corpus.case import Case
from tests.archive.corpus.readers import OTHERS, Answer, answers


def differ(found: dict[str, Answer]) -> bool:
    """Tell whether any two of the readers that are not ours have another answer."""
    others = [found[name] for name in OTHERS]
    return any(answer != others[0] for answer in others)


def described(cases: Sequence[Case], found: Sequence[dict[str, Answer]]) -> list[str]:
    """Return a line for each case of which the readers make different things."""
    lines = []
    for case, one in zip(cases, found, strict=True):
        if differ(one):
            kinds: list[Answer] = []
            said = []
            for name in OTHERS:
                if one[name] not in kinds:
                    kinds.append(one[name])
                said.append(f"{name}: {'refused' if one[name] is None else chr(65 + kinds.index(one[name]))}")
            lines.append(
                f"    {case.name}: {', '.join(said)}; ours: {'refused' if one['ours'] is None else 'ACCEPTED'}"
            )
    return lines


def main() -> None:
    """Print the table."""
    row = "{:36} {:>6} {:>8} {:>9} {:>8} {:>8}"
    print(row.format("group", "files", "accepted", "refused", "others", "others"))
    print(row.format("", "", "by us", "by us", "accept", "differ"))
    total = [0] * 5
    for group, cases in GROUPS.items():
        found = answers([case.build() for case in cases])
        refused = sum(one["ours"] is None for one in found)
        accept = sum(any(one[name] is not None for name in OTHERS) for one in found)
        numbers = [len(cases), len(cases) - refused, refused, accept, sum(differ(one) for one in found)]
        print(row.format(group, *numbers))
        if "-v" in sys.argv:
            print("\n".join(described(cases, found)))
        total = [one + other for one, other in zip(total, numbers, strict=True)]
    print(row.format("all", *total))


if __name__ == "__main__":
    main()
