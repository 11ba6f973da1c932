"""The page of a bundle: nothing of a bundle becomes markup, whatever it is called; and it shows what was found."""

from __future__ import annotations

import dataclasses
import re
import time
from collections import Counter
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bundler.audit.page_contents import Contents
from bundler.audit.result import Audit
from bundler.report.page import audit_page
from bundler.report.page.layers import layers_of
from bundler.report.page.markup import Markup, plain, spelled, tag
from bundler.report.page.style import CONTENT_POLICY, STYLE
from tests.report import samples

PLAIN = tuple(f"harmless{index}" for index in range(len(samples.ATTACKS)))


class Reader(HTMLParser):
    """The elements, attributes and text of a page as the standard library reads them."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str | None]] = []
        self.odd: list[str] = []
        self.text: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, element: str, attributes: list[tuple[str, str | None]]) -> None:
        # Where something unseen was spelled out there is a mark around it; those are the only ones that may differ.
        if dict(attributes).get("class") != "esc":
            self.elements[element] += 1
        self.attributes += [(element, name, value) for name, value in attributes]

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def handle_comment(self, data: str) -> None:
        self.odd.append(data)

    def handle_pi(self, data: str) -> None:
        self.odd.append(data)

    def unknown_decl(self, data: str) -> None:
        self.odd.append(data)


def read(made: tuple[Audit, Contents]) -> Reader:
    return Reader(audit_page(*made))


PAGES = {"wine": read(samples.wine()), "hostile": read(samples.hostile())}
every_page = pytest.mark.parametrize("page", PAGES.values(), ids=list(PAGES))


def test_hostile_names_make_no_element_that_harmless_ones_do_not() -> None:
    assert PAGES["hostile"].elements == read(samples.hostile(PLAIN)).elements


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=60), min_size=7, max_size=7))
def test_no_text_makes_an_element(texts: list[str]) -> None:
    # Lines of a text are lines of source, and where two texts are equal two things may be one: both in either page.
    texts = [f"{index}{text.translate({10: ' ', 13: ' '})}" for index, text in enumerate(texts)]
    made, harmless = samples.hostile(tuple(texts)), samples.hostile(PLAIN)
    assert read(made).elements == read(harmless).elements


@every_page
def test_page_fetches_nothing_and_links_only_to_itself(page: Reader) -> None:
    for _, name, value in page.attributes:
        assert name != "src"
        if name == "href":
            assert re.fullmatch(r"#[A-Za-z0-9-]+", value or "")
    assert not page.elements.keys() & {"script", "img", "iframe", "link", "object", "embed", "form", "input", "base"}


@every_page
def test_no_attribute_runs_or_styles(page: Reader) -> None:
    assert not [name for _, name, _ in page.attributes if name.startswith("on") or name == "style"]


@every_page
def test_every_link_has_its_place_and_every_place_is_one(page: Reader) -> None:
    places = Counter(value for _, name, value in page.attributes if name == "id")
    assert max(places.values()) == 1
    assert {value[1:] for _, name, value in page.attributes if name == "href" and value} <= places.keys()


@every_page
def test_page_has_no_comment_and_no_instruction(page: Reader) -> None:
    assert page.odd == ["DOCTYPE html"] or page.odd == []


@every_page
def test_policy_forbids_everything_but_the_style(page: Reader) -> None:
    assert ("meta", "content", CONTENT_POLICY) in page.attributes
    assert CONTENT_POLICY.startswith("default-src 'none'; style-src 'sha256-")
    assert page.elements["style"] == 1


def test_style_fetches_nothing() -> None:
    assert "url(" not in STYLE
    assert "@import" not in STYLE
    assert "<" not in STYLE


def test_page_can_be_written_as_utf8_and_has_nothing_unseen() -> None:
    page = audit_page(*samples.hostile())
    page.encode("utf-8")
    assert all(char in "\n\t" or char.isprintable() for char in page)
    assert not set(page) & set("\u202e\u2066\u200b\u3164\ufe0f\x00\x1b")


def test_marks_do_not_climb_over_other_lines() -> None:
    page = audit_page(*samples.hostile())
    assert not re.search("[\u0334\u0335\u0336]{4}", page)


def test_author_cannot_write_the_heading() -> None:
    audit, contents = samples.wine()
    provenance = dataclasses.replace(contents.manifest.provenance, name="accepted: nothing needs consent")
    contents = dataclasses.replace(contents, manifest=dataclasses.replace(contents.manifest, provenance=provenance))
    page = audit_page(audit, contents)
    assert "<h1><bdi>Audit of wine.kbundle</bdi></h1>" in page
    assert "as the author says; nothing checks it" in page


def test_flagged_lines_carry_their_findings_and_findings_link_to_them() -> None:
    page = audit_page(*samples.wine())
    line = re.search(r'<div id="(m1-9)" class="line hit consent">', page)
    assert line is not None
    assert f'<a href="#{line[1]}">source/wine/table.py:9</a>' in page
    assert re.search(r'<div class="mark"><span class="badge consent">consent</span> <a href="#f\d+">source', page)


def test_custom_objects_link_to_their_source_and_layers_to_their_objects() -> None:
    page = audit_page(*samples.wine())
    assert '<a href="#m0-8"><bdi><code>source/wine/layers.py:8</code></bdi></a>' in page
    assert '<a href="#o0"><bdi><code>Gate</code></bdi></a>' in page


def test_layers_with_a_finding_are_marked_in_drawing_and_table() -> None:
    _, contents = samples.wine()
    finding = samples.LAMBDA.at("model/model.keras", "bytecode", inside="config.json: /config/layers/4/config/rate")
    page = audit_page(samples.audit(finding), contents)
    assert page.count('class="marked refused"') == 1
    assert re.search(r'<tr id="l4">.*?<span class="badge refused">refused</span>.*?</tr>', page)


def test_tells_where_there_is_no_graph() -> None:
    audit, contents = samples.wine()
    config = {"module": "wine", "class_name": "Net", "config": {"layers": [3, 4]}}
    page = audit_page(audit, dataclasses.replace(contents, config=config))
    assert "there is no list and no graph of them" in page
    page = audit_page(audit, dataclasses.replace(contents, config=None))
    assert "Its config was not read" in page


def test_page_of_an_empty_bundle_says_so() -> None:
    _, contents = samples.wine()
    page = audit_page(samples.audit(path=None), Contents(manifest=contents.manifest))
    assert page.count("Nothing that was found.") == 2
    assert "no proof watched it" in page
    assert "The bundle has no source of its own." in page
    assert "No file of weights was read." in page


def test_numbers_of_a_layer_are_those_below_its_place_in_the_weights() -> None:
    _, contents = samples.wine()
    stored = {layer.name: layer.stored for layer in layers_of(contents.config, contents.tensors)}
    assert stored["wide"] == 13 * 16 + 16
    assert stored["gate"] == 16 * 16 + 16
    assert stored["narrow"] == 16 * 16 + 16
    assert stored["head_out"] == 8 * 3
    assert stored["drop"] is None


@pytest.mark.slow
def test_large_bundles_stay_within_bounds() -> None:
    lines = "\n".join(f"x{line} = '\u202e'" for line in range(100_000))
    findings = [samples.OPENS.at("source/a.py", "open", line=line) for line in range(1, 3_000)]
    layers = [samples.node("Dense", f"d{index}", samples.tensor(f"d{index - 1}", [3])) for index in range(5_000)]
    _, contents = samples.wine()
    contents = dataclasses.replace(
        contents,
        sources={"source/a.py": lines, "source/b.py": "y = 1\n" * 500_000},
        config=samples.functional(layers),
        tensors=contents.tensors * 1_000,
    )
    start = time.process_time()
    page = audit_page(samples.audit(*findings), contents)
    assert time.process_time() - start < 10
    assert len(page) < 8_000_000
    assert "not on this page" in page


#: What the page reads of a config.
_WORDS = """class_name config layers name module inbound_nodes registered_name build_config input_shape args
    keras_history shape layer batch_shape"""
_KEYS = _WORDS.split()
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(_KEYS),
            inner,
            max_size=6,
        )
    ),
    max_leaves=60,
)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.lists(_json, max_size=6))
def test_no_config_stops_the_page(layers: list[Any]) -> None:
    audit, contents = samples.wine()
    nodes = [item if not isinstance(item, dict) else {"class_name": "Dense", **item} for item in layers]
    assert audit_page(audit, dataclasses.replace(contents, config=samples.functional(nodes)))
    assert audit_page(audit, dataclasses.replace(contents, config=layers))


@pytest.mark.parametrize("lock", ["", "= =", "[" * 50_000, "packages = 3", 'packages = [{name = "a"}, 4]'])
def test_no_lock_stops_the_page(lock: str) -> None:
    audit, contents = samples.wine()
    assert audit_page(audit, dataclasses.replace(contents, lock_text=lock))


def test_only_our_own_elements_attributes_and_links_can_be_made() -> None:
    for element, attributes in (
        ("script", {}),
        ("p", {"onclick": "x"}),
        ("a", {"href": "https://x"}),
        ("p", {"style": "x"}),
    ):
        with pytest.raises(ValueError):
            tag(element, **attributes)


def test_plain_text_is_escaped_wherever_it_goes_in() -> None:
    assert tag("p", "<b>", title='"<') == '<p title="&quot;&lt;">&lt;b&gt;</p>'
    assert tag("p", Markup("<b></b>")) == "<p><b></b></p>"
    assert spelled("\u202e<") == '<span class="esc">\\u202e</span>&lt;'
    assert plain("\u202e<") == "\\u202e<"


def test_text_of_a_drawing_has_no_element_that_would_end_it() -> None:
    assert tag("text", "\u202e<b>") == "<text>\\u202e&lt;b&gt;</text>"


def test_page_answers_in_three_groups_and_marks_what_is_stopped_in_the_source() -> None:
    audit, contents = samples.working()
    page = audit_page(audit, contents)
    titles = re.findall(r"<h2>(Does[^<]*|Could[^<]*|Refused|Also found)</h2>", page)
    assert titles == [
        "Does when loaded or run",
        "Could do when called: stopped unless you allow it",
        "Refused",
        "Also found",
    ]
    assert "reads HOME" in page
    assert 'class="line hit held"' in page
    assert '<span class="badge held">held</span>' in page
