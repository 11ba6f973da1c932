"""What must be allowed by name before a bundle loads, decided from the manifest alone."""

from __future__ import annotations

import dataclasses
import sys

import pytest

from bundler import BundleError, ConsentRequired, RebuildFailed
from bundler.consent import check_consent, needed_words
from bundler.manifest import OpaqueSource
from tests.manifest import samples

_HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


def opaque(python: str = _HERE) -> samples.Manifest:
    manifest = samples.full()
    objects = [
        dataclasses.replace(item, opaque=OpaqueSource(member=item.opaque.member, python=python))
        if item.opaque
        else item
        for item in manifest.objects
    ]
    return dataclasses.replace(manifest, objects=tuple(objects))


def test_a_bundle_of_source_needs_no_word() -> None:
    assert needed_words(samples.small()) == ()
    assert check_consent(samples.small(), ()) == ()
    assert check_consent(samples.small(), ["opaque-code"]) == ("opaque-code",)


def test_opaque_code_needs_its_word_and_the_error_has_the_argument() -> None:
    with pytest.raises(ConsentRequired) as caught:
        check_consent(opaque(), [])
    assert caught.value.words == ("opaque-code",)
    assert "the layer zoo.Made has no source" in str(caught.value)
    assert "code/zoo.Made.pickle" in str(caught.value)
    assert "allow=['opaque-code']" in str(caught.value)
    assert check_consent(opaque(), "opaque-code") == ("opaque-code",)


@pytest.mark.parametrize("word", ["opaque", "", "*", "all"])
def test_refuses_words_that_mean_nothing(word: str) -> None:
    with pytest.raises(BundleError, match="expected 'opaque-code'"):
        check_consent(samples.small(), [word])


def test_refuses_the_bytecode_of_another_python_even_with_consent() -> None:
    with pytest.raises(RebuildFailed, match=r"expected Python 2\.7"):
        check_consent(opaque("2.7"), ["opaque-code"])
