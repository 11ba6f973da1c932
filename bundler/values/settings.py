"""Settings objects of the libraries that people keep theirs in, each by the call that makes it of plain data.

They are compared after they were made: a value that is more than its data is of no kind here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

_DEEPEST = 30
_NONE: dict[str, Any] = {}


def parts_of(value: Any) -> tuple[Any, ...] | None:
    """Return the maker, its arguments and its keywords, or `None` for a value of another kind."""
    root = type(value).__module__.partition(".")[0]
    known = _ROOTS.get(root)
    return None if known is None or sys.modules.get(root) is None else known(value, sys.modules[root])


def _omegaconf(value: Any, omegaconf: Any) -> tuple[Any, ...] | None:
    if type(value) not in (omegaconf.DictConfig, omegaconf.ListConfig):
        return None
    config = omegaconf.OmegaConf
    if config.get_type(value) not in (dict, list):
        # A structured one checks what is stored, by the types of a class of the author's.
        return None
    try:
        # What other entries, or the environment, gave when this was read; a part alone could not ask for it.
        plain = config.to_container(value, resolve=True)
    except omegaconf.errors.OmegaConfBaseException:
        return None
    flags = {
        name: True for name, is_set in (("readonly", config.is_readonly), ("struct", config.is_struct)) if is_set(value)
    }
    return "omegaconf.OmegaConf.create", (plain,), {"flags": flags} if flags else _NONE


def _config_dict(value: Any, library: Any) -> tuple[Any, ...] | None:
    if type(value) not in (library.ConfigDict, library.FrozenConfigDict):
        return None
    plain = value.to_dict()
    is_all = type(value)(plain).to_dict() == plain
    return (f"ml_collections.{type(value).__name__}", (plain,), _NONE) if is_all else None


def _easydict(value: Any, library: Any) -> tuple[Any, ...] | None:
    return ("easydict.EasyDict", (_plain(value),), _NONE) if type(value) is library.EasyDict else None


def _munch(value: Any, library: Any) -> tuple[Any, ...] | None:
    return ("munch.munchify", (_plain(value),), _NONE) if type(value) is library.Munch else None


def _addict(value: Any, library: Any) -> tuple[Any, ...] | None:
    return ("addict.Dict", (value.to_dict(),), _NONE) if type(value) is library.Dict else None


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return type(value)(map(_plain, value)) if type(value) in (list, tuple) else value


_ROOTS: Mapping[str, Callable[[Any, Any], tuple[Any, ...] | None]] = {
    "addict": _addict,
    "easydict": _easydict,
    "ml_collections": _config_dict,
    "munch": _munch,
    "omegaconf": _omegaconf,
}


#: The top-level modules of these libraries.
SETTINGS_LIBRARIES = frozenset(_ROOTS)


def _of_data(maker: Callable[..., Any], data: Any) -> Any:
    return maker(_checked(data, 0))


def _create(maker: Callable[..., Any], data: Any, flags: Any = None) -> Any:
    if not (flags is None or (isinstance(flags, dict) and flags.keys() <= {"readonly", "struct"})):
        raise ValueError("these flags are not known")
    return maker(_checked(data, 0), flags=flags)


def _checked(data: Any, depth: int) -> Any:
    """Return `data`, which may not ask for more when it is read (``${oc.env:HOME}``) or set the interpreter's names."""
    if depth > _DEEPEST or (isinstance(data, str) and "${" in data):
        raise ValueError("it holds more than plain data")
    if isinstance(data, dict) and any(str(key).startswith("__") for key in data):
        raise ValueError("a name in it is the interpreter's")
    inner = [*data.values()] if isinstance(data, dict) else data if isinstance(data, list | tuple) else ()
    for item in inner:
        _checked(item, depth + 1)
    return data


#: How each maker is called.
MAKERS: dict[str, Callable[..., Any]] = {
    "addict.Dict": _of_data,
    "easydict.EasyDict": _of_data,
    "ml_collections.ConfigDict": _of_data,
    "ml_collections.FrozenConfigDict": _of_data,
    "munch.munchify": _of_data,
    "omegaconf.OmegaConf.create": _create,
}
