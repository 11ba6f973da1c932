"""The lowest Python that can read the packed code."""

from __future__ import annotations

import ast

import pytest

from bundler.formats.python.minimum_version import python_floor

GENERIC = b"def f[T](x: T) -> T:\n    return x\n"
NESTED = b"x = f'{d['a']}'\n"


def can_parse(text: bytes) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def test_plain_code_needs_the_lowest_version() -> None:
    assert (
        python_floor([b"match x:\n    case 1: pass\n", b"try:\n    pass\nexcept* ValueError:\n    pass\n"]) == ">=3.11"
    )


@pytest.mark.parametrize("text", [GENERIC, b"type X = int\n", NESTED, b"x = f'{'\\n'.join(a)}'\n"])
def test_syntax_of_3_12_raises_the_floor_wherever_it_can_be_parsed(text: bytes) -> None:
    # A Python that cannot parse the text refuses it long before (see test_imports), so there is nothing to ask.
    assert not can_parse(text) or python_floor([b"", text]) == ">=3.12"


def test_fstrings_of_3_11_do_not_raise_the_floor() -> None:
    texts = [
        b"x = f'{d[\"a\"]}'\n",
        b"x = f'''{\nd['a']\n}'''\n",
        b"x = f'{a!r:>{w}}\\n' # f\n",
        b"x = f\"{f'{a}'}\"\n",
    ]
    assert python_floor(texts) == ">=3.11"
