"""Two texts, line by line, in bounded time.

Myers' greedy algorithm ("An O(ND) Difference Algorithm", 1986) counts its steps, which `difflib` does not: its time is
cubic in the worst case, and ten thousand crafted lines keep it busy for hours.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence

from bundler.diff.bounds import EDITS, LINE, Budget, cut
from bundler.diff.change import Hunk

#: Lines before[a:b] became after[c:d].
Block = tuple[int, int, int, int]
_CONTEXT = 3
_NO_NEWLINE = "\\ no newline at the end of the file"


def lines_of(content: bytes) -> list[str]:
    r"""Return the lines of a text, each with its ``\n``. What is not UTF-8 is shown as escapes, not replaced."""
    text = content.decode("utf-8", errors="backslashreplace")
    lines = text.split("\n")
    last = lines.pop()
    return [line + "\n" for line in lines] + ([last] if last else [])


def changed_blocks(before: Sequence[str], after: Sequence[str], budget: Budget) -> tuple[list[Block], bool]:
    """Return the blocks of lines that differ, in order, and whether they are the fewest.

    Where that would take more edits than `EDITS` or more steps than `budget` has, the answer is one block: right, but
    coarse.
    """
    numbers: dict[str, int] = {}
    a = [numbers.setdefault(line, len(numbers)) for line in before]
    b = [numbers.setdefault(line, len(numbers)) for line in after]
    shorter = min(len(a), len(b))
    start = next((index for index in range(shorter) if a[index] != b[index]), shorter)
    end = next((index for index in range(shorter - start) if a[-1 - index] != b[-1 - index]), shorter - start)
    a, b = a[start : len(a) - end], b[start : len(b) - end]
    if not a and not b:
        return [], True
    whole = [(0, len(a), 0, len(b))]
    found = whole if set(a).isdisjoint(b) else _fewest(a, b, budget)
    exact = found is not None
    blocks = found or whole
    return [(i + start, j + start, k + start, m + start) for i, j, k, m in blocks], exact


def hunks(before: Sequence[str], after: Sequence[str], blocks: Sequence[Block], budget: Budget) -> list[Hunk]:
    """Return the hunks of a unified diff; the last is cut and no more follow where `budget` has no more lines."""
    found: list[Hunk] = []
    for group in _groups(blocks):
        first = max(0, min(group[0][0], group[0][2], _CONTEXT))
        a = start_a = group[0][0] - first
        start_b = group[0][2] - first
        lines: list[str] = []
        for a_from, a_to, b_from, b_to in group:
            lines += _told(" ", before, a, a_from, budget)
            lines += _told("-", before, a_from, a_to, budget)
            lines += _told("+", after, b_from, b_to, budget)
            a = a_to
        end_a, end_b = min(len(before), group[-1][1] + _CONTEXT), min(len(after), group[-1][3] + _CONTEXT)
        lines += _told(" ", before, a, end_a, budget)
        if lines:
            found.append(
                Hunk(
                    before_start=start_a + 1 if end_a > start_a else start_a,
                    before_count=end_a - start_a,
                    after_start=start_b + 1 if end_b > start_b else start_b,
                    after_count=end_b - start_b,
                    lines=tuple(lines),
                )
            )
        if budget.left <= 0:
            break
    return found


def _groups(blocks: Sequence[Block]) -> Iterator[list[Block]]:
    group: list[Block] = []
    for block in blocks:
        if group and block[0] - group[-1][1] > 2 * _CONTEXT:
            yield group
            group = []
        group.append(block)
    if group:
        yield group


def _told(sign: str, lines: Sequence[str], start: int, end: int, budget: Budget) -> Iterator[str]:
    for index in range(start, end):
        if not budget.spend(1):
            return
        line = lines[index]
        yield sign + cut(line.removesuffix("\n"), LINE)
        if not line.endswith("\n"):
            yield _NO_NEWLINE


def _fewest(a: Sequence[int], b: Sequence[int], budget: Budget) -> list[Block] | None:
    """Return the fewest edits as blocks; `None` where there are too many, or where the budget is spent."""
    n, m = len(a), len(b)
    most = min(n + m, EDITS)
    # reach[k + offset] is how far into `a` the best path on diagonal k = x - y has come.
    offset = most + 1
    reach = array("i", [0]) * (2 * offset + 1)
    rounds: list[array[int]] = []
    for edits in range(most + 1):
        steps = 0
        # Diagonals outside of the two texts lead nowhere.
        low, high = -edits + 2 * max(0, edits - m), edits - 2 * max(0, edits - n)
        for k in range(low, high + 1, 2):
            down = k == -edits or (k != edits and reach[offset + k - 1] < reach[offset + k + 1])
            x = reach[offset + k + 1] if down else reach[offset + k - 1] + 1
            y = x - k
            steps += 1
            while x < n and y < m and a[x] == b[y]:
                x += 1
                y += 1
                steps += 1
            reach[offset + k] = x
            if x >= n and y >= m:
                return _blocks(rounds, n, m, edits)
        rounds.append(reach[offset - edits - 1 : offset + edits + 2])
        if not budget.spend(steps):
            return None
    return None


def _blocks(rounds: Sequence[array[int]], n: int, m: int, edits: int) -> list[Block]:
    """Walk back from the end and join neighbouring edits."""
    blocks: list[list[int]] = []
    x, y = n, m
    for edit in range(edits, 0, -1):
        # The row of the round before is centred on its own number of edits.
        row, centre = rounds[edit - 1], edit
        k = x - y
        down = k == -edit or (k != edit and row[centre + k - 1] < row[centre + k + 1])
        before_k = k + 1 if down else k - 1
        to_x = row[centre + before_k]
        to_y = to_x - before_k
        after_x, after_y = (to_x, to_y + 1) if down else (to_x + 1, to_y)
        if blocks and blocks[-1][0] == after_x and blocks[-1][2] == after_y:
            blocks[-1][0], blocks[-1][2] = to_x, to_y
        else:
            blocks.append([to_x, after_x, to_y, after_y])
        x, y = to_x, to_y
    return [(i, j, k, m) for i, j, k, m in reversed(blocks)]
