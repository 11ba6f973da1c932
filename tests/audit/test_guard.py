"""While it runs, a bundle's code is held to the capabilities that were accepted, whatever the audit overlooked."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import textwrap
from typing import Any

import pytest

from bundler import ConsentRequired
from bundler.namespace import Guard, ModuleText, Namespace, open_namespace

_IMPORTS = {"socket": "network", "urllib.request": "network", "os": None}
_BUILTINS = {
    "open": "filesystem",
    "eval": "dynamic-code",
    "__import__": "dynamic-code",
    "__build_class__": "dynamic-code",
}


def tree(text: str, *allowed: str) -> Namespace:
    text = textwrap.dedent(text)
    return open_namespace(
        "sha256:" + hashlib.sha256(text.encode()).hexdigest(),
        [ModuleText(name="guarded", text=text.encode(), package=False)],
        {},
        versions={},
        isolation=lambda *_: contextlib.nullcontext(),
        guard=Guard(import_capability=_IMPORTS.get, builtin_capability=_BUILTINS.get, allowed=set(allowed)),
    )


def module(text: str, *allowed: str) -> Any:
    return tree(text, *allowed).load("guarded")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("import socket", "network"),
        ("import urllib.request as web", "network"),
        ("from urllib import request", "network"),
        ("import os, socket", "network"),
        ("try:\n    import socket\nexcept ImportError:\n    socket = None", "network"),
        ("open('/dev/null')", "filesystem"),
        ("x = eval('1')", "dynamic-code"),
        ("[f for f in [open]][0]('/dev/null')", "filesystem"),
    ],
)
def test_refuses_what_was_not_accepted_and_names_the_capability(text: str, word: str) -> None:
    with pytest.raises(ConsentRequired) as caught:
        module(text)
    assert caught.value.words == (word,)
    assert f"allow=['{word}']" in str(caught.value)


def test_refuses_it_in_a_function_that_is_called_later() -> None:
    late = module("def reach():\n    import socket\n    return socket\n")
    with pytest.raises(ConsentRequired, match="socket"):
        late.reach()


def test_lets_through_what_was_accepted_and_what_needs_nothing() -> None:
    assert module("import socket, os\nfrom urllib import parse", "network").socket is socket
    assert module("x = eval('1 + 1')\n", "dynamic-code").x == 2
    assert module("local = 3\nx = eval('local + 1')\n# its own frame", "dynamic-code").x == 4
    assert module("import math\nx = len([math.pi])").x == 1
    assert module("class A:\n    x = 1").A.x == 1


def test_a_later_load_with_more_consent_reaches_code_that_is_loaded() -> None:
    text = "def calculate():\n    return eval('20 + 1')\n\ndef reach():\n    import socket\n    return socket\n"
    early = module(text)
    with pytest.raises(ConsentRequired):
        early.calculate()
    again = module(text, "dynamic-code")
    assert again is early
    assert early.calculate() == 21
    with pytest.raises(ConsentRequired):
        early.reach()
    module(text, "network")
    assert early.reach() is socket
    assert early.calculate() == 21


def test_code_of_others_keeps_its_builtins() -> None:
    guarded = module("import json, collections\nmade = collections.namedtuple('P', 'x y')\nread = json.loads('[1]')")
    assert guarded.read == [1]
    assert guarded.made(1, 2).y == 2


def test_the_host_keeps_its_own() -> None:
    module("x = 1  # nothing")
    assert eval("1 + 1") == 2
