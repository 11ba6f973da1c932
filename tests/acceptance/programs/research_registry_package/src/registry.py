"""One dict per kind of thing."""
_REGISTRY = {"model": {}, "norm": {}, "pool": {}, "loss": {}}


def register(name, kind="model"):
    def deco(obj):
        if name in _REGISTRY[kind]:
            raise KeyError(f"{kind} {name!r} registered twice")
        _REGISTRY[kind][name] = obj
        return obj

    return deco


def get(kind, name):
    if name not in _REGISTRY[kind]:
        raise KeyError(f"unknown {kind} {name!r}, have {sorted(_REGISTRY[kind])}")
    return _REGISTRY[kind][name]
