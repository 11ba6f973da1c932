"""Invariant V2: the text that runs is the text that anybody reads back, and it is the author's, unchanged."""

from __future__ import annotations

import ast
import inspect
import linecache
import string
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.namespace.trees import tree

_NAMES = st.text(string.ascii_lowercase, min_size=1, max_size=6).filter(str.isidentifier).map("v_{}".format)
_LINES = st.one_of(
    st.builds("{} = {!r}".format, _NAMES, st.one_of(st.integers(), st.text(max_size=8), st.booleans())),
    st.builds("def {}(x):\n    return getattr(x, {!r}, None)".format, _NAMES, _NAMES),
    st.builds("class {}:\n    {} = {!r}".format, _NAMES, _NAMES, st.integers()),
    st.builds("import {} as {}".format, st.sampled_from(["os", "sys", "math", "subprocess"]), _NAMES),
    st.builds("# {}".format, st.text(string.printable[:95], max_size=20)),
    st.just("__file__"),
)


@given(st.lists(_LINES, max_size=8), st.sampled_from(["\n", "\r\n"]))
@settings(max_examples=40, deadline=None)
def test_what_runs_is_what_everybody_reads(lines: list[str], end: str) -> None:
    text = end.join(line.replace("\n", end) for line in lines) + end
    space = tree(text)
    loaded = space.load("guarded")
    sent = space.modules["guarded"].text
    expected = sent.decode().replace("\r\n", "\n")

    assert loaded.__loader__.get_source(loaded.__name__) == expected
    assert "".join(linecache.getlines(space.filename("guarded"))) == expected
    linecache.checkcache(space.filename("guarded"))
    assert "".join(linecache.getlines(space.filename("guarded"))) == expected
    if space.directory is not None:
        assert Path(loaded.__file__).read_bytes() == sent
    code = loaded.__loader__.get_code(loaded.__name__)
    assert code.co_consts == compile(sent, code.co_filename, "exec", dont_inherit=True).co_consts
    for node in ast.parse(expected).body:
        if isinstance(node, ast.FunctionDef):
            live = getattr(loaded, node.name)
            if inspect.isfunction(live) and live.__code__.co_firstlineno == node.lineno:
                assert ast.dump(ast.parse(inspect.getsource(live))) == ast.dump(ast.Module([node], type_ignores=[]))


def test_code_cannot_change_the_text_that_is_read_back() -> None:
    space = tree(
        """
        import linecache, sys
        kept = []
        def change():
            linecache.cache["x"] = ()
        """
    )
    loaded = space.load("guarded")
    try:
        loaded.change()
    except Exception as error:
        loaded.kept.append(error)
    assert loaded.kept
    assert "x" not in linecache.cache
