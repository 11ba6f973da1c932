"""The process-wide settings of Keras that decide what a constructor makes.

A layer without a ``dtype`` takes the policy of the process, a loss its ``floatx``, a convolution its data format. None
of that is written into a config, so it is recorded while packing, and in force while the model is rebuilt.
"""

from __future__ import annotations

import contextlib
import functools
import weakref
from collections.abc import Iterator
from typing import Any

from bundler.errors import InvalidBundle
from bundler.keras_io.framework import keras
from bundler.manifest import Settings
from bundler.namespace import IMPORT_LOCK
from bundler.namespace.command_flags import does_nothing

#: Where Keras has the functions that set them.
_SETTERS = (
    *(f"keras.config.set_{name}" for name in ("dtype_policy", "floatx", "image_data_format", "epsilon")),
    *(f"keras.backend.set_{name}" for name in ("floatx", "image_data_format", "epsilon")),
    *(f"keras.mixed_precision.set_{name}" for name in ("dtype_policy", "global_policy")),
    *(f"keras.config.{way}_flash_attention" for way in ("enable", "disable")),
)
#: By what a model runs: its layers below `call`; in the others data are cast to `floatx`, and metrics are made.
_RUNS = (
    *("call", "fit", "evaluate", "predict", "train_on_batch", "test_on_batch", "predict_on_batch"),
    *("train_step", "test_step", "predict_step", "compute_loss", "compute_metrics"),
)
#: What code reads again each time that it runs, so that it matters after the model was rebuilt, too.
_READ_LATER = ("floatx", "image_data_format", "epsilon")


def current_settings() -> Settings:
    """Return the settings of this process; a dtype policy of an author's class is told by its name."""
    config = keras().config
    return Settings(
        dtype_policy=str(config.dtype_policy().name),
        floatx=str(config.floatx()),
        image_data_format=str(config.image_data_format()),
        epsilon=float(config.epsilon()),
        flash_attention=_flash_attention(),
    )


@contextlib.contextmanager
def settings_in_force(settings: Settings | None) -> Iterator[None]:
    """Let `settings` hold for the block, and those of the process again afterwards; `None` changes nothing.

    All but the dtype policy are shared by the threads of a process, so the lock keeps two loads from mixing theirs.

    Raises:
        InvalidBundle: Keras does not know one of them.
    """
    if settings is None:
        yield
        return
    with IMPORT_LOCK:
        yield from _in_force(settings)


def _in_force(settings: Settings) -> Iterator[None]:
    config = keras().config
    # As an object: it may be of an author's class, which no name gives back.
    policy, before = config.dtype_policy(), current_settings()
    try:
        _set(settings)
        yield
    finally:
        _set(before)
        config.set_dtype_policy(policy)


def settings_stand_ins() -> dict[str, Any]:
    """Return what the code of a bundle finds for the functions that set a setting, by path: they do nothing.

    What they set is in force while the model is rebuilt, and the process is the host's.
    """
    return dict.fromkeys(_SETTERS, does_nothing)


def hold_settings(model: Any, settings: Settings | None) -> None:
    """Let `settings` be in force whenever `model` runs, where this process has others that code reads while it runs.

    A loss reads epsilon at every step, and `ops.conv` its data format. The methods that a model runs by are given to
    the object: its class is shared, and it must stay the class that it is.
    """
    if settings is None:
        return
    here = current_settings()
    if all(getattr(settings, name) == getattr(here, name) for name in _READ_LATER):
        return
    for name in _RUNS:
        method = getattr(model, name, None)
        if method is not None:
            object.__setattr__(model, name, _Held(method, settings))


class _Held:
    """A method of one model that runs under its author's settings; a copy of the model gets its own."""

    def __init__(self, method: Any, settings: Settings) -> None:
        functools.update_wrapper(self, method)
        # The model must not be kept alive by what hangs on it.
        self.__wrapped__ = method.__func__
        self._model = weakref.ref(method.__self__)
        self._settings = settings

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        # Without the lock: a training takes hours, in which others load bundles.
        with contextlib.contextmanager(_in_force)(self._settings):
            return self.__wrapped__(self._model(), *args, **kwargs)


def _set(settings: Settings) -> None:
    config = keras().config
    try:
        config.set_floatx(settings.floatx)
        config.set_image_data_format(settings.image_data_format)
        config.set_epsilon(settings.epsilon)
        config.set_dtype_policy(settings.dtype_policy)
        _set_flash_attention(settings.flash_attention)
    except (ValueError, TypeError) as error:
        raise InvalidBundle(
            f"Keras does not know a setting of this bundle: {error}",
            place="manifest.json: settings",
            hint="pip install --upgrade keras, or ask the author for a new bundle",
        ) from error


def _flash_attention() -> bool | None:
    # Keras raises on machines whose TensorFlow or GPU has none.
    try:
        found: Any = keras().config.is_flash_attention_enabled()
    except (AttributeError, ValueError, ImportError):
        return None
    return None if found is None else bool(found)


def _set_flash_attention(wanted: bool | None) -> None:
    if wanted is None or wanted == _flash_attention():
        return
    config = keras().config
    (config.enable_flash_attention if wanted else config.disable_flash_attention)()
