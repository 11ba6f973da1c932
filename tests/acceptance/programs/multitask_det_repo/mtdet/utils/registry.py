from typing import Callable, Dict, Generic, Optional, TypeVar

__all__ = ["Registry", "BACKBONES", "NECKS", "HEADS", "MODELS", "LOSSES"]

T = TypeVar("T")


class Registry(Generic[T]):
    def __init__(self, name: str):
        self._name = name
        self._items: Dict[str, T] = {}

    def register(self, name: Optional[str] = None) -> Callable[[T], T]:
        def deco(obj):
            key = name or obj.__name__.lower()
            if key in self._items:
                raise KeyError(f"{key} already in {self._name}")
            self._items[key] = obj
            return obj

        return deco

    def get(self, key: str) -> T:
        try:
            return self._items[key]
        except KeyError:
            raise KeyError(f"no {self._name} named {key!r}, have {sorted(self._items)}") from None

    def build(self, cfg, **extra):
        cfg = dict(cfg)
        return self.get(cfg.pop("name"))(**cfg, **extra)

    def __contains__(self, key):
        return key in self._items


BACKBONES = Registry("backbone")
NECKS = Registry("neck")
HEADS = Registry("head")
MODELS = Registry("model")
LOSSES = Registry("loss")
