"""The difference as text, JSON and a page: the same facts, nothing of a bundle taken for more than text."""

from __future__ import annotations

import dataclasses
import json
import re
import typing
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from bundler.diff.change import Difference
from bundler.manifest import CustomObject, ObjectSource, PinnedDistribution, Provenance
from bundler.report.difference import as_json, as_text, summary
from bundler.report.difference_page import as_html
from tests.diff.pairs import bundle, compared, functional, keras_file, layer, models_compared
from tests.diff.test_bundles import locked

SCHEMA: dict[str, Any] = json.loads((Path(__file__).parents[2] / "schema" / "diff.schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA)
MARKUP = "</title></code><script>alert(1)</script>\"'><img src=x onerror=alert(2)>&lt;\x1b[2J\u202egnp"


def eventful(word: str, number: int) -> bytes:
    """A bundle in which everything is about `word`, and differs with `number`."""
    config = functional(layer(word), layer("b", units=f"{word}{number}"), layer(f"{word}{number}", x=number))
    arrays = {"layers/dense/vars/0": np.full(2, number), f"layers/dense_{number}/vars/0": np.ones(2), "o/vars/0": 1}
    item = CustomObject(
        kind=word,
        key=word,
        module="m",
        qualname=f"{word}{number}",
        source=ObjectSource(member="code/m.py", line=1),
    )
    return bundle(
        {"m": f"'{word}'\n{number}\n", f"n{number}": f"# {word}\n" * 4, f"o{number}": f"{number}"},
        payload=keras_file(config, arrays, {f"{number}.txt": b""}, {"keras_version": f"{word}{number}"}),
        data={"a&b'.txt": bytes([number])},
        more={f"examples/{number}": b"", f"signatures/{number}": b""},
        objects=(item,),
        requirements={"distributions": (PinnedDistribution(name=word, version=f"{number}{word}"),)},
        provenance=Provenance(name=f"{word}{number}", metadata={word: number}),
    )


PAIRS = {
    "eventful": lambda: compared(eventful("plain", 1), eventful("plain", 2)),
    "hostile": lambda: compared(eventful(MARKUP, 1), eventful(MARKUP, 2)),
    "same": lambda: compared(bundle(), bundle()),
    "hashes": lambda: compared(locked(), locked(digest="11")),
    "broken": lambda: models_compared(b"no zip", keras_file()),
}


@pytest.fixture(params=PAIRS)
def difference(request: pytest.FixtureRequest) -> Difference:
    """Return the difference of each pair."""
    return PAIRS[request.param]()


def test_json_is_what_the_schema_says(difference: Difference) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert list(VALIDATOR.iter_errors(json.loads(json.dumps(as_json(difference))))) == []


def test_schema_and_dataclasses_have_the_same_keys() -> None:
    found: dict[str, Any] = {}

    def visit(cls: Any) -> None:
        if dataclasses.is_dataclass(cls):
            found[cls.__name__] = {field.name for field in dataclasses.fields(cls)}  # type: ignore[union-attr]
            for annotation in typing.get_type_hints(cls).values():
                visit(annotation)
        for argument in typing.get_args(cls):
            visit(argument)

    visit(Difference)
    top = found.pop("Difference") | {"summary"}
    assert set(SCHEMA["properties"]) == set(SCHEMA["required"]) == top
    assert {name: set(part["properties"]) for name, part in SCHEMA["$defs"].items()} == found
    assert all(set(part["required"]) == set(part["properties"]) for part in SCHEMA["$defs"].values())


def test_text_cannot_steer_a_terminal(difference: Difference) -> None:
    text = as_text(difference) + as_text(difference, stat=True)
    assert all(char.isprintable() or char == "\n" for char in text)


def test_summary_comes_first_and_says_what_a_reviewer_asks() -> None:
    needs = [{"distributions": (PinnedDistribution(name="keras", version=version),)} for version in ("3.14", "3.15")]
    config = functional(layer("a"))
    arrays = [{"layers/dense/vars/0": np.full(2, value), "x/vars/0": 1} for value in (0, 1)]
    before, after = (
        bundle({"m": f"{number}\n"}, payload=keras_file(config, arrays[number]), requirements=needs[number])
        for number in (0, 1)
    )
    found = compared(before, after)
    assert summary(found) == ("1 module changed", "1 of 2 weights", "keras 3.14 -> 3.15")
    assert as_text(found).splitlines()[2] == "  1 module changed; 1 of 2 weights; keras 3.14 -> 3.15"


def test_text_has_a_section_for_each_kind_of_change() -> None:
    text = as_text(PAIRS["eventful"]())
    heads = [line.partition(":")[0] for line in text.splitlines() if line and line[0] != " "]
    assert heads == [
        *("Source", "Config", "Custom objects", "Requirements", "Weights", "Metadata of the model"),
        *("Files in the model", "Data files", "Other members", "Manifest"),
    ]
    for expected in (
        r"\* +m +\+1 -1",
        r"> +n1 -> n2 +\+0 -0",
        r"> m\.plain2 \(plain\)",
        r"@@ -1,2 \+1,2 @@",
        r"    -1\n    \+2\n",
        r"b: /config/layers/1/config/units\n +\"plain1\" -> \"plain2\"",
        r"plain 1plain -> 2plain \(direct\)",
        r"layers/dense/vars/0 +int64 \[2\] +values",
        r"provenance\.metadata\.plain: 1 -> 2",
    ):
        assert re.search(expected, text), expected


def test_stat_leaves_out_lines_and_values() -> None:
    text = as_text(PAIRS["eventful"](), stat=True)
    assert "@@" not in text
    assert "units" not in text
    assert re.search(r"m +\+1 -1", text)


def test_another_hash_for_the_same_file_is_an_alarm() -> None:
    found = PAIRS["hashes"]()
    assert "another hash for the same file" in summary(found)[0]
    assert "! another hash" in as_text(found)
    assert '<p class="rule refused">another hash for the same file' in as_html(found)


def test_what_was_not_compared_is_said_everywhere() -> None:
    found = PAIRS["broken"]()
    assert summary(found)[-1] == "1 not compared"
    assert "the .keras file of the first bundle is refused" in as_text(found)
    assert "the .keras file of the first bundle is refused" in as_html(found)


def test_a_section_of_the_text_is_cut_and_says_so() -> None:
    found = compared(bundle(), bundle(data={f"{number:04}.txt": b"" for number in range(900)}))
    text = as_text(found)
    assert "and 700 more; --json tells all of them" in text
    assert len(text.splitlines()) < 230


class Page(HTMLParser):
    """Collects the elements and attributes of a page, and checks that elements close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str | None]] = set()
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(attrs)
        if tag != "meta":
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_markup_in_a_bundle_is_text_on_the_page() -> None:
    hostile, plain = (Page(as_html(PAIRS[name]())) for name in ("hostile", "eventful"))
    assert hostile.tags <= plain.tags
    # What is spelled out is coloured.
    assert hostile.attributes - {("class", "esc")} <= plain.attributes
    assert "<script>alert(1)</script>" in hostile.text
    assert "\x1b" not in hostile.text
    assert "\u202e" not in hostile.text


def test_the_page_asks_nobody_and_runs_nothing(difference: Difference) -> None:
    text = as_html(difference)
    page = Page(text)
    assert not page.tags & {"script", "img", "link", "iframe", "object", "embed", "form", "a", "base", "svg"}
    names = {name for name, _ in page.attributes}
    assert names <= {"lang", "charset", "http-equiv", "content", "name", "class", "open", "scope", "data-label"}
    (policy,) = (value for name, value in page.attributes if name == "content" and value and "default-src" in value)
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert text.isascii() or "→" in text
