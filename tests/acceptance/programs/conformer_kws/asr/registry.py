class Registry:
    def __init__(self, name):
        self.name = name
        self._items = {}

    def register(self, key=None):
        def deco(obj):
            k = key or obj.__name__
            if k in self._items:
                raise KeyError(f"{k} already registered in {self.name}")
            self._items[k] = obj
            return obj

        return deco

    def get(self, key):
        return self._items[key]


BLOCKS = Registry("blocks")
LOSSES = Registry("losses")
SCHEDULES = Registry("schedules")


def build_from_cfg(cfg, registry, **extra):
    cfg = dict(cfg)
    cls = registry.get(cfg.pop("type"))
    return cls(**cfg, **extra)
