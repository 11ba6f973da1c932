"""Which objects are paths for certain, so that one word, `filesystem`, says what is done with them.

`pathlib.Path` is a finding wherever it is named. What it makes has methods that are called like functions of modules
of power (`resolve`, `rename`), and on an object that is not known these ask for `reflection`. On a path they are still
findings, but of the word that the path has asked for.
"""

from __future__ import annotations

import ast

from bundler.audit.source.name_values import Flow
from bundler.audit.source.scopes import Scope

#: Methods of paths that reach the file they name, or move along links of the file system. Not those that read the
#: environment (`cwd`, `home`, `expanduser`).
OF_FILES = frozenset(
    "resolve open glob walk stat lstat chmod lchmod touch rename move samefile readlink owner is_symlink is_mount"
    " is_socket is_fifo is_block_device is_char_device is_reserved as_uri".split()
)
_MAKERS = frozenset("pathlib.Path pathlib.PosixPath pathlib.WindowsPath importlib.resources.files".split())
_STEPS = frozenset("resolve absolute with_name with_stem with_suffix joinpath relative_to rename".split())
_LONG = 20  # steps of one chain that are followed


def is_path(node: ast.AST | None, scope: Scope, flow: Flow, left: int = _LONG) -> bool:
    """Return whether an expression is a path, or made of one: ``Path(__file__).resolve().parent / "words.txt"``."""
    if node is None or not left:
        return False
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute) and node.func.attr in _STEPS:
            return is_path(node.func.value, scope, flow, left - 1)
        return flow.is_one_of(node.func, scope, _MAKERS)
    if isinstance(node, ast.Attribute):
        return node.attr == "parent" and is_path(node.value, scope, flow, left - 1)
    if isinstance(node, ast.Subscript):
        of = node.value
        return isinstance(of, ast.Attribute) and of.attr == "parents" and is_path(of.value, scope, flow, left - 1)
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Div) and is_path(node.left, scope, flow, left - 1)
    if not isinstance(node, ast.Name):
        return False
    name = scope.mangled(node.id)
    bound = next((around.bindings[name] for around in scope.chain() if name in around.bindings), [])
    return len(bound) == 1 and bound[0].how == "value" and is_path(bound[0].node, bound[0].scope, flow, left - 1)
