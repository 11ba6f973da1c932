"""Makes visible to audit hooks what TensorFlow and h5py do natively, and what Keras finds by the names in a config.

Python reports a file that it opens by an audit event; C code of TensorFlow and HDF5 opens files without one. Here the
private functions through which every Python path reaches that C code are replaced, once in a process and for good, by
functions that raise the event ``kbundle.native`` before they call the original. Its arguments are always four: the
capability, a line that says what, and for files the path and ``r`` or ``w`` where they are known.

A path is as C code gets it, not made absolute and not resolved. Whoever listens decides by the frames, and may raise.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from bundler.namespace import Named

_OfOp = Callable[[str], str | None]
_OfName = Callable[[str], Named]


def _once() -> Callable[[_OfOp, _OfName | None], tuple[str, ...]]:
    lock = threading.Lock()
    done: list[tuple[str, ...]] = []

    def make_visible(capability_of_op: _OfOp, look: _OfName | None) -> tuple[str, ...]:
        with lock:
            if not done:
                done.append(_replace(capability_of_op, look))
            return done[0]

    return make_visible


_make_visible = _once()


def make_native_effects_visible(capability_of_op: _OfOp, look: _OfName | None = None) -> tuple[str, ...]:
    """Let native code of TensorFlow and h5py raise the audit event ``kbundle.native`` before it acts.

    The first call imports TensorFlow and h5py; later calls change nothing, whatever they are given.

    Args:
        capability_of_op: What an operation needs when it runs: nothing for those that TensorFlow has and that open
            nothing, ``native-code`` for those that it does not have (`bundler.keras_io.native.native_kinds`).
        look: What the closed lists say of a dotted name; without it, what Keras finds by a name raises no event.

    Returns:
        The names of the entry points that this TensorFlow or h5py lacks, so that they are not covered.
    """
    return _make_visible(capability_of_op, look)


def _replace(capability_of_op: _OfOp, look: _OfName | None) -> tuple[str, ...]:
    import tensorflow as tf  # noqa: F401 - the generated modules are there then

    from bundler.keras_io.native.native_calls import Replacements, teller
    from bundler.keras_io.native.native_entries import ENTRIES
    from bundler.keras_io.native.native_fast import keep_harmless_operations_fast
    from bundler.keras_io.native.native_graphs import watch_imports, watch_sessions
    from bundler.keras_io.native.native_hdf5 import watch_hdf5
    from bundler.keras_io.native.native_kinds import Kinds
    from bundler.keras_io.native.native_names import watch_names
    from bundler.keras_io.native.native_ops import watch_eager, watch_graphs

    tell, replacements = teller(), Replacements()
    kinds = Kinds(capability_of_op)
    eager = replacements.module("tensorflow.python._pywrap_tfe")
    session = replacements.module("tensorflow.python.client._pywrap_tf_session")
    public = replacements.module("tensorflow.python.pywrap_tfe")
    fast = getattr(eager, "TFE_Py_FastPathExecute", None)
    if session is not None:
        watch_graphs(tell, kinds, replacements, session)
        watch_sessions(tell, replacements, session)
    if eager is not None:
        watch_eager(tell, kinds, replacements, eager)
        if session is not None:
            watch_imports(tell, kinds, replacements, session, eager)
    replacements.entries(tell, ENTRIES)
    watch_hdf5(tell, replacements)
    if look is not None:
        watch_names(tell, replacements, look)
    replacements.apply()
    if public is not None and fast is not None:
        keep_harmless_operations_fast(kinds, public, fast)
    return tuple(sorted(set(replacements.missing)))
