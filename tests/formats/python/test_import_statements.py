"""What `find_imports` reads from the text of one module."""

from __future__ import annotations

import sys
import textwrap

import pytest

from bundler.errors import SourceError
from bundler.formats.python.import_statements import Imports, find_imports


def read(text: str, module: str = "pkg.sub.mod", *, is_package: bool = False) -> Imports:
    return find_imports(textwrap.dedent(text).encode(), module, is_package, "mod.py")


def names(text: str, module: str = "pkg.sub.mod", *, is_package: bool = False) -> list[tuple[str, str | None]]:
    return [(item.name, item.attribute) for item in read(text, module, is_package=is_package).imports]


def strictness(text: str) -> dict[str, tuple[bool, bool]]:
    return {item.name: (item.strict, item.optional) for item in read(text).imports}


@pytest.mark.parametrize(
    ("text", "module", "is_package", "expected"),
    [
        ("import a.b as c, d", "m", False, [("a.b", None), ("d", None)]),
        ("from a.b import c, d as e", "m", False, [("a.b", "c"), ("a.b", "d")]),
        ("from a import *", "m", False, [("a", "*")]),
        ("from . import x", "pkg.sub.mod", False, [("pkg.sub", "x")]),
        ("from .x import y", "pkg.sub.mod", False, [("pkg.sub.x", "y")]),
        ("from ..x import y", "pkg.sub.mod", False, [("pkg.x", "y")]),
        ("from .x import y", "pkg.sub", True, [("pkg.sub.x", "y")]),
        ("from ... import x", "pkg.sub.mod", False, [("...", "x")]),
        ("from .x import y", "mod", False, [(".x", "y")]),
    ],
)
def test_resolves_import_statements(
    text: str, module: str, is_package: bool, expected: list[tuple[str, str | None]]
) -> None:
    assert expected == names(text, module, is_package=is_package)


@pytest.mark.parametrize(
    "text",
    [
        "import importlib\nimportlib.import_module('a.b')",
        "import importlib as il\nil.import_module('a.b')",
        "import importlib.util\nimportlib.import_module(name='a.b')",
        "from importlib import import_module\nimport_module('a.b')",
        "from importlib import import_module as load\nload('a.b')",
        "import importlib\nload = importlib.import_module\nload('a.b')",
        "__import__('a.b')",
        "import builtins\nbuiltins.__import__('a.b')",
        "from importlib import import_module\nNAME = 'a.b'\nimport_module(NAME)",
        "from importlib import import_module\nimport_module('a' + '.b')",
    ],
)
def test_follows_literal_import_calls(text: str) -> None:
    assert ("a.b", None) in names(text)
    assert read(text).dynamic == ()


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("import_module('.x', __package__)", "pkg.sub.x"),
        ("import_module('.x', package=__package__)", "pkg.sub.x"),
        ("import_module('..x', 'pkg.other')", "pkg.x"),
        ("import_module('.x', __name__)", "pkg.sub.mod.x"),
        ("import_module('.x', __spec__.parent)", "pkg.sub.x"),
        ("import_module(__package__ + '.x')", "pkg.sub.x"),
        ("import_module(f'{__package__}.x')", "pkg.sub.x"),
        ("import_module('.x', __name__.rpartition('.')[0])", "pkg.sub.x"),
        ("import_module(__name__.split('.')[0] + '.x')", "pkg.x"),
        ("__import__('x', globals(), locals(), [], 1)", "pkg.sub.x"),
        ("__import__('x', globals(), level=2)", "pkg.x"),
    ],
)
def test_follows_relative_import_calls(call: str, expected: str) -> None:
    assert (expected, None) in names(f"from importlib import import_module\n{call}")


@pytest.mark.parametrize(
    ("argument", "prefix"),
    [
        ("name", None),
        ("f'{root}.x'", None),
        ("f'pkg.layers.{name}'", "pkg.layers."),
        ("'pkg.layers.' + name", "pkg.layers."),
        ("'pkg.%s' % name", "pkg."),
        ("'pkg.l_{}'.format(name)", "pkg.l_"),
        ("f'.{name}', __package__", "pkg.sub."),
        ("'.' + name, __package__", "pkg.sub."),
        ("f'{__package__}.{name}'", "pkg.sub."),
    ],
)
def test_keeps_the_known_start_of_a_computed_import(argument: str, prefix: str | None) -> None:
    (call,) = read(f"from importlib import import_module\nimport_module({argument})").dynamic
    assert (call.prefix, call.line) == (prefix, 2)


def test_strict_is_what_loading_always_runs() -> None:
    found = strictness(
        """
        import top
        class A:
            import body
        with open(x) as f:
            import within
        try:
            import guarded
        except ImportError:
            import fallback
        try:
            import reworded
        except ImportError as error:
            raise RuntimeError from error
        try:
            import other
        except ValueError:
            pass
        try:
            import finally_guarded
        finally:
            import cleanup
        if flag:
            import branch
        for _ in x:
            import loop
        match x:
            case 1:
                import case
        def f():
            import lazy
        g = lambda: __import__("called")
        """
    )
    assert found == {
        "top": (True, False),
        "body": (True, False),
        "within": (True, False),
        "guarded": (False, True),
        "fallback": (False, False),
        "reworded": (False, False),
        "other": (False, False),
        "finally_guarded": (True, False),
        "cleanup": (True, False),
        "branch": (False, False),
        "loop": (False, False),
        "case": (False, False),
        "lazy": (False, False),
        "called": (False, False),
    }


@pytest.mark.parametrize("handler", ["except ModuleNotFoundError", "except (ImportError, OSError)", "except Exception"])
def test_a_handler_that_goes_on_makes_an_import_optional(handler: str) -> None:
    assert strictness(f"try:\n    import a\n{handler}:\n    a = None") == {"a": (False, True)}


def test_suppressed_import_is_optional() -> None:
    found = strictness("import contextlib\nwith contextlib.suppress(ImportError):\n    import a")
    assert found["a"] == (False, True)


@pytest.mark.parametrize(
    "test", ["TYPE_CHECKING", "typing.TYPE_CHECKING", "t.TYPE_CHECKING", "False", "__name__ == '__main__'"]
)
def test_ignores_branches_that_importing_never_runs(test: str) -> None:
    assert strictness(f"if {test}:\n    import never\nelse:\n    import always") == {"always": (True, False)}


def test_not_type_checking_runs() -> None:
    assert strictness("if not TYPE_CHECKING:\n    import a\nelse:\n    import b") == {"a": (True, False)}


def test_syntax_error_names_file_and_line() -> None:
    with pytest.raises(SourceError) as caught:
        read("x = 1\ndef f(:\n")
    assert caught.value.problems[0].startswith("mod.py:2: Python 3.")


def test_syntax_of_a_newer_python_names_the_running_one() -> None:
    # No released Python can read this; it stands for what 3.12 syntax is to 3.11.
    with pytest.raises(SourceError) as caught:
        read("def f[T](x: T) -> T:\n    return x\nbegin end\n")
    assert f"Python {sys.version_info.major}.{sys.version_info.minor} cannot parse it" in caught.value.problems[0]


@pytest.mark.parametrize(
    "text", [b"x = '\xff'\n", b"# coding: no-such-codec\n", b"x = 1\x00\n"], ids=["utf8", "cookie", "null"]
)
def test_undecodable_text_is_a_source_error(text: bytes) -> None:
    with pytest.raises(SourceError, match=r"mod\.py:"):
        find_imports(text, "mod", False, "mod.py")


def test_reads_latin1_cookie_byte_order_mark_and_crlf() -> None:
    assert find_imports(b"# -*- coding: latin-1 -*-\r\nimport a\r\n# \xe9\r\n", "m", False, "m.py").imports
    assert find_imports(b"\xef\xbb\xbfimport a\n", "m", False, "m.py").imports


def test_long_concatenation_is_read() -> None:
    assert names("x = " + "+".join(["'a'"] * 300) + "\nimport a\n") == [("a", None)]


def test_text_that_nests_too_deep_is_a_source_error() -> None:
    with pytest.raises(SourceError, match=r"mod\.py:1"):
        read("x = " + "(" * 100_000)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("open(__file__)", True),
        ("import pkg\npkg.__file__", True),
        ("from importlib import resources", True),
        ("import importlib.resources as r", True),
        ("import importlib_resources", True),
        ("import pkgutil\npkgutil.get_data('pkg', 'x')", True),
        ("import inspect\ninspect.getfile(f)", True),
        ("import os\nopen('x.json')", False),
    ],
)
def test_sees_whether_the_code_asks_where_it_lies(text: str, expected: bool) -> None:
    assert read(text).touches_files is expected


def test_docstrings_are_no_literals_and_patterns_are() -> None:
    found = read('"""vocab.json"""\na = "x.json"\nb = f"{m}-{n}.npz"\nc = n + ".bin"\n').literals
    assert [(literal.text, literal.glob, literal.line) for literal in found] == [
        ("x.json", False, 2),
        ("*-*.npz", True, 3),
        ("*.bin", True, 4),
        (".bin", False, 4),
    ]


def test_names_the_packages_that_resources_are_read_from() -> None:
    text = """
    import mypkg.data
    from importlib.resources import files
    from importlib import resources as r
    import pkgutil
    files("other.data"), files(mypkg.data), r.files(__package__), pkgutil.get_data("third", "x")
    """
    assert read(text).resources == ("other.data", "mypkg.data", "pkg.sub", "third")


def test_knows_what_the_top_level_binds() -> None:
    found = read("import a.b\nfrom c import d as e\nX = 1\ndef f():\n    y = 1\nclass G:\n    z = 1\n")
    assert found.bindings == {"a", "e", "X", "f", "G"}
    assert found.assigned == {"X"}
