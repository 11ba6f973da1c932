"""What `Locator` says a module name stands for."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
import types
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from bundler.errors import PackError, SourceError
from bundler.sources.locate import Located, Locator, ModuleVerdict
from tests.sources.trees import NEVER_RUN, installed, tree

EXTENSION = importlib.machinery.EXTENSION_SUFFIXES[0]


class Memory:
    """A provider: what a loaded bundle holds."""

    def __init__(self, modules: Mapping[str, bytes], packages: Iterable[str] = (), data: Mapping[str, bytes] = {}):
        self.modules, self.packages, self.files = modules, set(packages), data

    def names(self) -> Iterable[str]:
        return self.modules

    def is_package(self, name: str) -> bool:
        return name in self.packages

    def source(self, name: str) -> bytes:
        return self.modules[name]

    def is_generated(self, name: str) -> bool:
        return False

    def data(self) -> Mapping[str, bytes]:
        return self.files


def cold(*roots: Path, include: Iterable[str] = ()) -> Locator:
    return Locator(roots=roots, include=list(include), loaded=False)


def test_finds_modules_packages_and_namespaces_below_a_root(site: Path, tmp_path: Path) -> None:
    src = tree(
        tmp_path / "src", {"one.py": NEVER_RUN, "pkg/__init__.py": NEVER_RUN, "pkg/a.py": "", "ns/sub/mod.py": ""}
    )
    locator = cold(src)
    assert locator.locate("one") == Located(
        name="one", verdict=ModuleVerdict.SOURCE, file=src / "one.py", detail="a source file of the author's"
    )
    assert locator.locate("pkg").is_package
    assert locator.locate("pkg.a").file == src / "pkg/a.py"
    assert locator.locate("ns").is_namespace
    assert locator.locate("ns.sub").is_namespace
    assert locator.locate("ns.sub.mod").verdict is ModuleVerdict.SOURCE


def test_finds_a_namespace_folder_inside_a_regular_package(site: Path, tmp_path: Path) -> None:
    src = tree(tmp_path / "src", {"pkg/__init__.py": "", "pkg/inner/mod.py": ""})
    assert cold(src).locate("pkg.inner.mod").verdict is ModuleVerdict.SOURCE
    installed(site, "dist", {"dpkg/__init__.py": "", "dpkg/inner/mod.py": ""})
    assert cold(include=["dist"]).locate("dpkg.inner.mod").verdict is ModuleVerdict.SOURCE


@pytest.mark.parametrize("name", ["absent", "pkg.absent", "pkg.mod.absent", "absent.sub"])
def test_says_why_a_module_is_missing(name: str, site: Path, tmp_path: Path) -> None:
    src = tree(tmp_path / "src", {"pkg/__init__.py": "", "pkg/mod.py": ""})
    located = cold(src).locate(name)
    assert located.verdict is ModuleVerdict.MISSING
    assert (
        located.detail
        == {
            "absent": "no module named 'absent'",
            "pkg.absent": "no module named 'pkg.absent'",
            "pkg.mod.absent": "'pkg.mod' is a module, not a package",
            "absent.sub": "no module named 'absent'",
        }[name]
    )


@pytest.mark.parametrize("name", ["os", "os.path", "xml.etree.ElementTree", "importlib.resources", "sys", "zipimport"])
@pytest.mark.parametrize("loaded", [True, False])
def test_standard_library_is_left_to_python(name: str, loaded: bool) -> None:
    assert Locator(loaded=loaded).locate(name).verdict is ModuleVerdict.STDLIB


def test_source_root_beats_the_standard_library(site: Path, tmp_path: Path) -> None:
    src = tree(tmp_path / "src", {"statistics.py": NEVER_RUN})
    assert cold(src).locate("statistics").file == src / "statistics.py"


def test_folder_without_modules_does_not_beat_the_standard_library(site: Path, tmp_path: Path) -> None:
    src = tree(tmp_path / "src", {"json/a.json": "{}"})
    assert cold(src).locate("json").verdict is ModuleVerdict.STDLIB


def test_folder_without_modules_does_not_beat_an_installed_package(site: Path, tmp_path: Path) -> None:
    installed(site, "plots", {"plots/__init__.py": "", "plots/axes.py": ""})
    src = tree(tmp_path / "src", {"plots/a.png": ""})
    locator = cold(src)
    assert locator.locate("plots.axes").distribution == "plots"


def test_loaded_shadow_of_the_standard_library_is_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tree(tmp_path, {"this.py": NEVER_RUN}) / "this.py"
    spec = importlib.util.spec_from_file_location("this", file)
    assert spec is not None
    monkeypatch.setitem(sys.modules, "this", importlib.util.module_from_spec(spec))
    assert Locator().locate("this").file == file
    assert Locator(loaded=False).locate("this").verdict is ModuleVerdict.STDLIB


def test_believes_the_file_that_was_really_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tree(tmp_path, {"somewhere/odd.py": NEVER_RUN}) / "somewhere/odd.py"
    spec = importlib.util.spec_from_file_location("my.layers", file)
    assert spec is not None
    monkeypatch.setitem(sys.modules, "my.layers", importlib.util.module_from_spec(spec))
    assert Locator().locate("my.layers").file == file
    assert Locator().locate("my").verdict is ModuleVerdict.MISSING
    assert Locator(loaded=False).locate("my.layers").verdict is ModuleVerdict.MISSING


def test_module_made_in_memory_is_unpackable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "handmade", types.ModuleType("handmade"))
    located = Locator().locate("handmade")
    assert (located.verdict, located.detail) == (ModuleVerdict.UNPACKABLE, "it was made in memory and has no file")


def test_module_that_loads_on_first_use_stays_asleep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tree(tmp_path, {"sleepy.py": NEVER_RUN}) / "sleepy.py"
    spec = importlib.util.spec_from_file_location("sleepy", file)
    assert spec is not None
    assert spec.loader is not None
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(sys.modules, "sleepy", module)
    assert Locator().locate("sleepy").file == file


def test_the_running_script_is_unpackable() -> None:
    assert Locator().locate("__main__").verdict is ModuleVerdict.UNPACKABLE


def test_installed_module_is_a_requirement(site: Path) -> None:
    installed(site, "My_Dist", {"thing/__init__.py": NEVER_RUN, "thing/sub.py": ""})
    located = cold().locate("thing.sub")
    assert (located.verdict, located.distribution) == (ModuleVerdict.REQUIREMENT, "my-dist")
    assert cold().locate("thing.made.up").verdict is ModuleVerdict.REQUIREMENT


def test_environment_inside_the_source_root_stays_a_requirement(site: Path, tmp_path: Path) -> None:
    installed(site, "dist", {"thing/__init__.py": ""})
    assert cold(tmp_path).locate("thing").verdict is ModuleVerdict.REQUIREMENT
    assert cold(site).locate("thing").verdict is ModuleVerdict.REQUIREMENT


def test_linked_environment_stays_a_requirement(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(site, "dist", {"thing/__init__.py": ""})
    link = tmp_path / "link"
    link.symlink_to(site)
    monkeypatch.setattr(sys, "path", [str(link), *sys.path])
    assert cold().locate("thing").distribution == "dist"


def test_file_linked_from_an_installers_cache_stays_a_requirement(site: Path, tmp_path: Path) -> None:
    cache = tree(tmp_path / "cache", {"thing.py": ""})
    installed(site, "dist", {"thing.py": ""})
    (site / "thing.py").unlink()
    (site / "thing.py").symlink_to(cache / "thing.py")
    assert cold().locate("thing").distribution == "dist"


def test_distribution_outside_site_packages_is_known_by_its_record(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = installed(tmp_path / "target", "dist", {"thing.py": ""})
    monkeypatch.setattr(sys, "path", [*sys.path, str(target)])
    assert cold().locate("thing").distribution == "dist"


@pytest.mark.parametrize("linked", [False, True], ids=["path entry", "linked into site-packages"])
def test_editable_install_is_source(linked: bool, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    src = tree(tmp_path / "work", {"mine/__init__.py": NEVER_RUN})
    installed(site, "mine", {"mine.pth": str(src)}, editable=src)
    if linked:
        (site / "mine").symlink_to(src / "mine")
    else:
        monkeypatch.setattr(sys, "path", [*sys.path, str(src)])
    assert cold().locate("mine").verdict is ModuleVerdict.SOURCE


def test_egg_info_in_a_working_tree_claims_nothing(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    src = tree(
        tmp_path / "work",
        {
            "mine/__init__.py": "",
            "mine.egg-info/PKG-INFO": "Metadata-Version: 2.1\nName: mine\nVersion: 1\n",
            "mine.egg-info/SOURCES.txt": "mine/__init__.py\n",
            "mine.egg-info/top_level.txt": "mine\n",
        },
    )
    monkeypatch.setattr(sys, "path", [*sys.path, str(src)])
    assert cold().locate("mine").verdict is ModuleVerdict.SOURCE


def test_installed_without_a_record_is_known_by_its_top_level_names(site: Path) -> None:
    installed(site, "old", {"old/__init__.py": "", "old-1.0.dist-info/top_level.txt": "old\n"}, record=False)
    assert cold().locate("old").distribution == "old"


def test_unclaimed_file_in_site_packages_is_source(site: Path) -> None:
    tree(site, {"dropped.py": NEVER_RUN})
    assert cold().locate("dropped").verdict is ModuleVerdict.SOURCE


def test_namespace_package_belongs_to_whoever_owns_the_file(site: Path) -> None:
    installed(site, "ns-one", {"ns/one/__init__.py": ""})
    installed(site, "ns-two", {"ns/two.py": ""})
    locator = cold(include=["ns-two"])
    assert locator.locate("ns.one").distribution == "ns-one"
    assert locator.locate("ns.two").verdict is ModuleVerdict.SOURCE
    assert locator.locate("ns.three").verdict is ModuleVerdict.MISSING


def test_namespace_package_spans_roots_and_site_packages(site: Path, tmp_path: Path) -> None:
    installed(site, "ns-one", {"ns/one.py": ""})
    src = tree(tmp_path / "src", {"ns/mine.py": ""})
    locator = cold(src)
    assert locator.locate("ns.mine").verdict is ModuleVerdict.SOURCE
    assert locator.locate("ns.one").distribution == "ns-one"


@pytest.mark.parametrize("include", ["Tiny_Dist", "tiny-dist", "thing"])
def test_include_turns_a_requirement_into_source(include: str, site: Path) -> None:
    installed(site, "tiny-dist", {"thing/__init__.py": NEVER_RUN, "thing/sub.py": ""})
    installed(site, "other", {"other.py": ""})
    locator = cold(include=[include])
    assert locator.locate("thing.sub").verdict is ModuleVerdict.SOURCE
    assert locator.locate("other").verdict is ModuleVerdict.REQUIREMENT


def test_include_of_a_part_of_a_namespace_package(site: Path) -> None:
    installed(site, "ns-both", {"ns/one.py": "", "ns/two.py": ""})
    locator = cold(include=["ns.one"])
    assert locator.locate("ns.one").verdict is ModuleVerdict.SOURCE
    assert locator.locate("ns.two").verdict is ModuleVerdict.REQUIREMENT


def test_include_of_a_part_of_a_regular_package_is_refused(site: Path) -> None:
    installed(site, "dist", {"thing/__init__.py": "", "thing/sub.py": ""})
    with pytest.raises(PackError, match="cannot be packed without it"):
        cold(include=["thing.sub"])


def test_include_of_nothing_suggests_the_nearest_names(site: Path) -> None:
    installed(site, "spektral", {"spektral/__init__.py": ""})
    with pytest.raises(PackError, match="no installed distribution") as caught:
        cold(include=["spectral"])
    assert caught.value.hint == "did you mean spektral?"


@pytest.mark.parametrize("include", ["keras", "numpy", "fake-tensorflow"])
def test_include_of_the_framework_is_refused(include: str, site: Path) -> None:
    installed(site, "fake-tensorflow", {"tensorflow/__init__.py": ""})
    with pytest.raises(PackError, match="part of the framework"):
        cold(include=[include])


def test_framework_is_a_requirement_of_whatever_variant_is_installed(site: Path) -> None:
    installed(site, "tensorflow-cpu", {"tensorflow/__init__.py": NEVER_RUN})
    located = cold().locate("tensorflow.keras.layers")
    assert (located.verdict, located.distribution) == (ModuleVerdict.REQUIREMENT, "tensorflow-cpu")
    assert cold().locate("keras").verdict is ModuleVerdict.MISSING


def test_extension_of_a_distribution_is_a_requirement_and_cannot_be_included(site: Path) -> None:
    installed(site, "fast", {f"fast{EXTENSION}": b""})
    assert cold().locate("fast").distribution == "fast"
    located = cold(include=["fast"]).locate("fast")
    assert located.verdict is ModuleVerdict.UNPACKABLE
    assert "compiled extension module of fast" in located.detail


def test_extension_next_to_its_text_can_be_included(site: Path) -> None:
    installed(site, "fast", {f"fast{EXTENSION}": b"", "fast.py": ""})
    assert cold(include=["fast"]).locate("fast").file == site / "fast.py"


def test_extension_that_nobody_installed_is_unpackable(site: Path, tmp_path: Path) -> None:
    src = tree(tmp_path / "src", {f"fast{EXTENSION}": b""})
    assert cold(src).locate("fast").verdict is ModuleVerdict.UNPACKABLE


def test_bytecode_without_source_is_unpackable(site: Path, tmp_path: Path) -> None:
    src = tree(tmp_path / "src", {"secret.pyc": b""})
    located = cold(src).locate("secret")
    assert (located.verdict, "bytecode without source" in located.detail) == (ModuleVerdict.UNPACKABLE, True)


def test_module_in_a_zip_file_is_source(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "code.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("zipped.py", NEVER_RUN)
    monkeypatch.setattr(sys, "path", [*sys.path, str(archive)])
    found = cold().locate("zipped")
    assert (found.verdict, found.text) == (ModuleVerdict.SOURCE, NEVER_RUN.encode())


def test_two_roots_with_different_text_are_refused(site: Path, tmp_path: Path) -> None:
    one = tree(tmp_path / "one", {"layers.py": "a = 1\n", "same.py": ""})
    two = tree(tmp_path / "two", {"layers.py": "a = 2\n", "same.py": ""})
    assert cold(one, two).locate("same").file == one / "same.py"
    with pytest.raises(SourceError, match="differ"):
        cold(one, two).locate("layers")


def test_root_must_be_a_folder(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="not a folder"):
        cold(tmp_path / "absent")


def test_provider_beats_everything(site: Path, tmp_path: Path) -> None:
    memory = Memory({"mypkg": b"", "mypkg.layers": b"x = 1\n", "deep.down.mod": b""}, packages=["mypkg"])
    locator = Locator(loaded=False, providers=[memory])
    located = locator.locate("mypkg.layers")
    assert (located.verdict, located.text, located.file) == (ModuleVerdict.SOURCE, b"x = 1\n", None)
    assert locator.locate("mypkg").is_package
    assert locator.locate("deep.down").is_namespace
    assert locator.locate("mypkg.absent").verdict is ModuleVerdict.MISSING


def test_two_providers_with_different_text_are_refused(site: Path, tmp_path: Path) -> None:
    one, two = Memory({"layers": b"1"}), Memory({"layers": b"2"})
    with pytest.raises(SourceError, match="different text"):
        Locator(loaded=False, providers=[one, two]).locate("layers")
    assert Locator(loaded=False, providers=[one, one]).locate("layers").text == b"1"
    src = tree(tmp_path / "src", {"layers.py": b"3"})
    with pytest.raises(SourceError, match="different text"):
        Locator(loaded=False, providers=[one], roots=[src]).locate("layers")


def test_a_finder_that_fails_is_passed_over(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        @staticmethod
        def find_spec(name: str, path: object = None, target: object = None) -> None:
            raise RuntimeError(name)

    installed(site, "dist", {"thing.py": ""})
    monkeypatch.setattr(sys, "meta_path", [Broken, *sys.meta_path])
    assert cold().locate("thing").verdict is ModuleVerdict.REQUIREMENT
