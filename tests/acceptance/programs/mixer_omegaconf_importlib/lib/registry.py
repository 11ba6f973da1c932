import importlib
import os

from omegaconf import DictConfig, ListConfig, OmegaConf

REGISTRY = {}

OmegaConf.register_new_resolver("tokens", lambda size, patch: (size // patch) ** 2)


def register(obj=None, *, name=None):
    if obj is None:
        return lambda o: register(o, name=name)
    REGISTRY[name or obj.__name__] = obj
    return obj


def locate(path):
    if path in REGISTRY:
        return REGISTRY[path]
    module, _, attr = path.rpartition(".")
    return getattr(importlib.import_module(module), attr)


def build(cfg, *args, **extra):
    """{type: x, **kwargs} -> object; nested nodes with a type too, unless the class wants raw config."""
    if isinstance(cfg, (ListConfig, list)):
        return [build(c) for c in cfg]
    if not isinstance(cfg, (DictConfig, dict)):
        return cfg
    cls = locate(cfg["type"])
    if getattr(cls, "takes_cfg", False):
        return cls(cfg, *args, **extra)
    kwargs = {}
    for k, v in cfg.items():
        if k == "type":
            continue
        kwargs[k] = build(v) if isinstance(v, (DictConfig, dict)) and "type" in v else v
    return cls(*args, **kwargs, **extra)


def load_config(path, overrides=()):
    cfg = OmegaConf.load(path)
    base = cfg.pop("_base_", None)
    if base:
        cfg = OmegaConf.merge(load_config(os.path.join(os.path.dirname(path), base)), cfg)
    return OmegaConf.merge(cfg, OmegaConf.from_dotlist(list(overrides)))


def build_model(cfg):
    importlib.import_module(f"lib.models.{cfg.model.module}")
    return build(cfg.model)
