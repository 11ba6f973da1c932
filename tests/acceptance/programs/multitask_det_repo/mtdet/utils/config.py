import yaml

__all__ = ["Config", "load_config"]


class Config(dict):
    """dict with attribute access, nested"""

    def __init__(self, *a, **k):
        super().__init__(*a, **k)
        for key, v in self.items():
            if isinstance(v, dict):
                self[key] = Config(v)

    def __getattr__(self, key):
        try:
            return self[key]
        except KeyError as e:
            raise AttributeError(key) from e

    def __setattr__(self, key, value):
        self[key] = value


def load_config(path, overrides=()):
    with open(path) as f:
        cfg = Config(yaml.safe_load(f))
    for o in overrides:
        key, val = o.split("=", 1)
        node = cfg
        *parents, last = key.split(".")
        for p in parents:
            node = node[p]
        node[last] = yaml.safe_load(val)
    return cfg
