"""key=value settings from the command line, in the way our older scripts do it"""
import sys
from types import SimpleNamespace

DEFAULTS = dict(
    bundle=None,
    numbers=None,
    film_type="simple",       # one gamma/beta for a layer, or "complex": one for each channel
    control_neurons="8,16",
    filters="6,10",
    n_instruments=3,
    bands=16,
    frames=8,
    hyper_rank=3,
    epochs=3,
    lr=4e-3,
)


def load(argv=None):
    values = dict(DEFAULTS)
    for item in argv if argv is not None else sys.argv[1:]:
        key, _, text = item.partition("=")
        if key not in values:
            raise SystemExit(f"unknown setting {key}")
        kind = type(DEFAULTS[key])
        values[key] = text if DEFAULTS[key] is None else kind(text)
    values["filters"] = [int(v) for v in values["filters"].split(",")]
    values["control_neurons"] = [int(v) for v in values["control_neurons"].split(",")]
    return SimpleNamespace(**values)


config = load()
