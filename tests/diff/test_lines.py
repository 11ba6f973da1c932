"""Two texts line by line: right, fewest edits, and bounded whatever the texts are."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.diff import bounds
from bundler.diff.bounds import Budget
from bundler.diff.lines import Block, changed_blocks, hunks, lines_of

LINES = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "\n"]), max_size=25)


def applied(before: list[str], after: list[str], blocks: list[Block]) -> list[str]:
    """`before` with the blocks replaced."""
    found: list[str] = []
    position = 0
    for start, end, first, last in blocks:
        found += before[position:start] + after[first:last]
        position = end
    return found + before[position:]


def fewest(before: list[str], after: list[str]) -> int:
    """The number of edits, by the textbook's table."""
    row = list(range(len(after) + 1))
    for count, old in enumerate(before, 1):
        above, row = row, [count]
        for index, new in enumerate(after):
            row.append(above[index] if old == new else min(above[index + 1], row[index]) + 1)
    return row[-1]


@given(LINES, LINES)
def test_blocks_turn_one_text_into_the_other_with_the_fewest_edits(before: list[str], after: list[str]) -> None:
    blocks, exact = changed_blocks(before, after, Budget(bounds.STEPS))
    assert exact
    assert applied(before, after, blocks) == after
    assert sum(end - start + last - first for start, end, first, last in blocks) == fewest(before, after)


@given(LINES, LINES)
def test_hunks_hold_the_lines_that_their_heads_say(before: list[str], after: list[str]) -> None:
    blocks, _ = changed_blocks(before, after, Budget(bounds.STEPS))
    found = hunks(before, after, blocks, Budget(bounds.ALL_LINES))
    for hunk in found:
        olds = [line[1:] + "\n" for line in hunk.lines if line[0] in " -"]
        news = [line[1:] + "\n" for line in hunk.lines if line[0] in " +"]
        start_a, start_b = (start - bool(count) for start, count in (
            (hunk.before_start, hunk.before_count), (hunk.after_start, hunk.after_count)
        ))  # fmt: skip
        assert (olds, news) == (before[start_a:][: hunk.before_count], after[start_b:][: hunk.after_count])
    shown = sum(line[0] in "+-" for hunk in found for line in hunk.lines)
    assert shown == sum(end - start + last - first for start, end, first, last in blocks)


def scrambled(count: int) -> list[str]:
    lines = [f"{index}\n" for index in range(count)]
    random.Random(3).shuffle(lines)
    return lines


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["x\n"] * 100_000, ["x\n"] * 50_000 + ["y\n"] + ["x\n"] * 40_000),
        (["x\n", "y\n"] * 50_000, ["y\n", "z\n", "x\n"] * 40_000),
        (scrambled(50_000), sorted(scrambled(50_000))),
        ([f"x{index % 7}\n" for index in range(90_000)], [f"x{index % 11}\n" for index in range(90_000)]),
        (["\n"] * 1_000_000, ["\n"] * 999_000),
    ],
    ids=["one line", "periods", "shuffled", "two periods", "blank"],
)
def test_hostile_texts_take_bounded_time_and_still_a_right_answer(before: list[str], after: list[str]) -> None:
    start = time.process_time()
    blocks, _ = changed_blocks(before, after, Budget(bounds.STEPS))
    assert time.process_time() - start < 10
    assert applied(before, after, blocks) == after


def test_a_spent_budget_gives_one_block_and_says_so() -> None:
    before, after = ["a\n", "b\n", "c\n", "d\n"], ["a\n", "c\n", "b\n", "d\n"]
    assert changed_blocks(before, after, Budget(0)) == ([(1, 3, 1, 3)], False)


def test_shows_a_missing_newline_at_the_end() -> None:
    before, after = lines_of(b"a\nb"), lines_of(b"a\nb\n")
    blocks, _ = changed_blocks(before, after, Budget(99))
    (hunk,) = hunks(before, after, blocks, Budget(99))
    assert hunk.lines == (" a", "-b", "\\ no newline at the end of the file", "+b")


def test_shows_bytes_that_are_no_text_as_escapes() -> None:
    assert lines_of(b"\xff\n\xfe") == ["\\xff\n", "\\xfe"]


def test_only_a_line_feed_ends_a_line() -> None:
    assert lines_of("a\rb\u2028c\x0cd\n".encode()) == ["a\rb\u2028c\x0cd\n"]


def test_cuts_a_long_line_and_says_how_much() -> None:
    (hunk,) = hunks([], ["x" * 5_000 + "\n"], [(0, 0, 0, 1)], Budget(9))
    assert hunk.lines == ("+" + "x" * 1_000 + "... (4000 more characters)",)
