"""Saving what came out of a bundle and loading it once more."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bundler.keras_io.files import save_keras
from bundler.keras_io.framework import keras
from bundler.keras_io.keras_settings import current_settings
from bundler.manifest import Manifest
from bundler.unpacking.rebuilding import holds_keyless

_SUFFIX = ".kbundle"


def save_again(model: Any, manifest: Manifest, folder: Path) -> Path:
    """Save `model`, which came out of the bundle with `manifest`, into `folder` and return what was written.

    By Keras where Keras can; a model that needed an adaptation, a builder or a graph is packed again instead.

    Raises:
        PackError: it cannot be saved.
    """
    if _is_kerass_own(manifest) and not holds_keyless(model):
        # A folder, not a ZIP: Keras reads the weights of a ZIP into memory as a whole.
        save_keras.save(model, folder / "again")
        return folder / "again"
    from bundler.packing.bundling import bundle

    # Its lock is nobody's: no index is asked.
    return bundle(model, folder / f"again{_SUFFIX}", prove=False, offline=True).path


def load_again(path: Path, allow: Sequence[str]) -> Any:
    """Load what `save_again` wrote, with the capabilities of `allow` accepted.

    Raises:
        Exception: whatever Keras raises.
    """
    if path.suffix != _SUFFIX:
        return keras().saving.load_model(path, compile=True)
    from bundler.unpacking.unbundling import unbundle

    return unbundle(path, allow=allow)


def _is_kerass_own(manifest: Manifest) -> bool:
    """Say whether Keras alone brings the loaded model back: nothing had to be done for it when it was loaded."""
    adapted = (
        manifest.adaptations or manifest.builder is not None or manifest.settings not in (None, current_settings())
    )
    return manifest.payload.kind == "keras" and not adapted
