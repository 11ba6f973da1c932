"""The Python that an environment is made from: which one, and what fits it.

It is asked by a short script, which needs its standard library and our `packaging`. Nothing else of ours is on its
path, and nothing of the bundle.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import packaging
from packaging.tags import Tag

from bundler.errors import EnvironmentFailed
from bundler.requirements.programs import ProgramFailed, run_program

#: The oldest Python that kbundle itself runs under.
OLDEST = (3, 11)
_PATIENCE_S = 60
_SHORT = re.compile(r"[0-9]{1,2}\.[0-9]{1,3}")
_NAME_A_PYTHON = "name a Python with --python (python=), such as --python 3.12 or --python /usr/bin/python3.12"

# The first lines must be understood by any Python 3, so that an old one can say how old it is.
_QUESTION = """
import importlib.util, json, os, platform, sys, sysconfig
facts = {"version": platform.python_version(), "numbers": list(sys.version_info[:2])}
if sys.version_info >= (3, 11):
    where = sys.argv[1]
    spec = importlib.util.spec_from_file_location(
        "packaging", os.path.join(where, "__init__.py"), submodule_search_locations=[where])
    sys.modules["packaging"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["packaging"])
    from packaging.markers import default_environment
    from packaging.tags import sys_tags
    base = {"base": "@", "platbase": "@", "installed_base": "@", "installed_platbase": "@"}
    facts["program"] = sys.executable
    facts["implementation"] = sys.implementation.name
    facts["platform"] = sysconfig.get_platform()
    facts["base"] = sys.base_prefix
    facts["site"] = sysconfig.get_path("purelib", "venv", base).replace(os.sep, "/")[2:]
    facts["scripts"] = sysconfig.get_path("scripts", "venv", base).replace(os.sep, "/")[2:]
    facts["markers"] = default_environment()
    facts["tags"] = [[tag.interpreter, tag.abi, tag.platform] for tag in sys_tags()]
json.dump(facts, sys.stdout)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """One interpreter, as it says of itself.

    Attributes:
        program: its executable.
        version: all of its version, such as ``3.11.7``.
        short: major.minor.
        identity: what tells it from another one: implementation, version, platform and where it is installed.
        platform: the machine that it was built for.
        site: where pure Python packages go, relative to an environment's folder.
        scripts: where its programs go, relative to an environment's folder.
        markers: the variables of dependency specifiers.
        tags: the tags of the wheels that fit it, the best first.
    """

    program: str
    version: str
    short: str
    identity: tuple[str, ...]
    platform: str
    site: PurePosixPath
    scripts: PurePosixPath
    markers: Mapping[str, str]
    tags: tuple[Tag, ...]

    def python_in(self, folder: Path) -> Path:
        """Return the interpreter of the environment in `folder`."""
        return folder / self.scripts / ("python.exe" if os.name == "nt" else "python")


def choose(python: str | os.PathLike[str] | None, packed_under: str | None) -> Target:
    """Return the interpreter to use: the one that was asked for, else the best match for `packed_under`.

    That is the running one if it is of that version, else ``python<major.minor>`` on the PATH, else the running one.

    Args:
        python: a path, the name of a program on the PATH, or a version such as ``3.12``.
        packed_under: major.minor of the author's Python.

    Raises:
        EnvironmentFailed: `python` is not there, is not Python, or is too old.
    """
    if python is not None:
        return ask(_found(os.fspath(python)))
    # The bundle says it: nothing but a version gets into the name of a program.
    if (
        packed_under is not None
        and _SHORT.fullmatch(packed_under)
        and packed_under != f"{sys.version_info.major}.{sys.version_info.minor}"
    ):
        program = shutil.which(f"python{packed_under}")
        if program is not None:
            try:
                target = ask(program)
            except EnvironmentFailed:
                # A shim of pyenv or asdf may be there without the Python that it stands for.
                pass
            else:
                if target.short == packed_under:
                    return target
    if not sys.executable:
        raise EnvironmentFailed("this Python does not know its own program", hint=_NAME_A_PYTHON)
    return ask(sys.executable)


def ask(program: str) -> Target:
    """Return what an interpreter says of itself.

    Raises:
        EnvironmentFailed: it cannot be run, is not Python, or is too old.
    """
    command = [program, "-I", "-c", _QUESTION, str(Path(packaging.__file__).parent)]
    try:
        facts = json.loads(run_program(command, seconds=_PATIENCE_S))
        major, minor = facts["numbers"]
        if (major, minor) < OLDEST:
            raise EnvironmentFailed(
                "this Python is too old for kbundle",
                place=program,
                expected=f"Python {OLDEST[0]}.{OLDEST[1]} or newer",
                found=facts["version"],
                hint=_NAME_A_PYTHON,
            )
        return Target(
            program=facts["program"],
            version=facts["version"],
            short=f"{major}.{minor}",
            identity=(facts["implementation"], facts["version"], facts["platform"], facts["base"]),
            platform=facts["platform"],
            site=PurePosixPath(facts["site"]),
            scripts=PurePosixPath(facts["scripts"]),
            markers=facts["markers"],
            tags=tuple(Tag(*parts) for parts in facts["tags"]),
        )
    except ProgramFailed as error:
        raise EnvironmentFailed(
            "this Python cannot be asked what fits it", error.lines, place=program, hint=_NAME_A_PYTHON
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise EnvironmentFailed(
            "this program does not answer as Python does", place=program, hint=_NAME_A_PYTHON
        ) from (error)


def _found(python: str) -> str:
    # "3.12" is what one types; the program is python3.12.
    name = f"python{python}" if python.replace(".", "").isdecimal() else python
    program = shutil.which(os.path.expanduser(name))
    if program is None:
        raise EnvironmentFailed("there is no such Python", place=f"--python {python}", hint=_NAME_A_PYTHON)
    return os.path.abspath(program)
