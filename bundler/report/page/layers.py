"""The layers of a model as its ``config.json`` lists them; every value there is as a stranger wrote it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bundler.formats import keras_config
from bundler.formats.stored_arrays import Tensor
from bundler.manifest.codec import JSON

#: Layers in the table, and models inside models.
ROWS = 2_000
DEPTH = 8
#: Values in the calls of one layer that are looked at.
ARGUMENTS = 20_000
# Where Keras's wrappers keep the layers inside them.
_INNER = ("layer", "forward_layer", "backward_layer", "cell")


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """One layer.

    Attributes:
        pointer: where its node is, an RFC 6901 pointer into the config.
        depth: 0 for the model's own layers.
        name: the author's.
        class_name: of its class.
        key: by which Keras looks the class up.
        stock: whether the config says that the class is Keras's own.
        shape: of its output where the config tells, else of its input, else empty.
        stored: numbers in the weights file; `None` where the file has no such place.
    """

    pointer: str
    depth: int
    name: str
    class_name: str
    key: str
    stock: bool
    shape: str
    stored: int | None


def listed(model: JSON) -> list[JSON]:
    """Return the nodes of the layers that the node of a model lists; empty where it lists none."""
    config = model.get("config") if isinstance(model, dict) else None
    layers = config.get("layers") if isinstance(config, dict) else None
    # A class of the author's may call something else its layers: a number, a list of sizes.
    if isinstance(layers, list) and any(isinstance(item, dict) and "class_name" in item for item in layers):
        return layers
    return []


def layers_of(model: JSON, tensors: Iterable[Tensor]) -> list[Layer]:
    """Return the layers of a model and of the models inside it, in the order of the config; at most `ROWS`."""
    stored = _stored(tensors)
    found: list[Layer] = []
    # (pointer, node, depth, where its weights are, shapes that its neighbours know); a stack, last first.
    stack = _inside(model, "", 0, "")
    while stack and len(found) < ROWS:
        pointer, node, depth, place, shapes = stack.pop()
        if not isinstance(node, dict):
            continue
        config = node.get("config")
        found.append(
            Layer(
                pointer=pointer,
                depth=depth,
                name=name_of(node),
                class_name=text_of(node.get("class_name")),
                key=text_of(node.get("registered_name")) or text_of(node.get("class_name")),
                stock=isinstance(node.get("class_name"), str) and keras_config.is_builtin_class(node),
                shape=shapes.get(name_of(node)) or _own_shape(node),
                stored=stored.get(place),
            )
        )
        if depth + 1 >= DEPTH:
            continue
        if listed(node):
            stack += _inside(node, pointer, depth + 1, place)
        elif isinstance(config, dict):
            stack += [
                (f"{pointer}/config/{word}", config[word], depth + 1, f"{place}/{word}", {})
                for word in reversed(_INNER)
                if isinstance(config.get(word), dict) and isinstance(config[word].get("class_name"), str)
            ]
    return found


_Item = tuple[str, JSON, int, str, Mapping[str, str]]


def _inside(model: JSON, pointer: str, depth: int, place: str) -> list[_Item]:
    """Return what `layers_of` does next for the layers in a model, last first."""
    nodes = listed(model)[:ROWS]
    shapes = _known_shapes(nodes)
    prefix = f"{place}/layers" if place else "layers"
    seen: dict[str, int] = {}
    items: list[_Item] = []
    for index, node in enumerate(nodes):
        # Keras numbers the layers of a class from the second one on: dense, dense_1.
        word = keras_config.snake_case(text_of(node.get("class_name"))[:500] if isinstance(node, dict) else "")
        seen[word] = seen.get(word, -1) + 1
        at = f"{prefix}/{word}_{seen[word]}" if seen[word] else f"{prefix}/{word}"
        items.append((f"{pointer}/config/layers/{index}", node, depth, at, shapes))
    return items[::-1]


def name_of(node: JSON) -> str:
    """Return the name by which the rest of a config speaks of a layer."""
    if not isinstance(node, dict):
        return ""
    config = node.get("config")
    inner = config.get("name") if isinstance(config, dict) else None
    return text_of(node.get("name")) or text_of(inner)


def text_of(value: JSON) -> str:
    """Return `value` if it is text: what else stands in its place is not worth the memory of writing it out."""
    return value if isinstance(value, str) else ""


def histories(calls: JSON) -> list[tuple[str, int, JSON]]:
    """Return (layer, call of it, shape) for every tensor in the arguments of a layer's calls.

    Keras 3 writes a tensor as a ``__keras_tensor__`` node; Keras 2 wrote a list of name, call, index and arguments.
    """
    found: list[tuple[str, int, JSON]] = []
    stack = [calls]
    visited = 0
    while stack and visited < ARGUMENTS:
        value = stack.pop()
        visited += 1
        if isinstance(value, dict):
            stack.extend(reversed(value.values()))
        elif isinstance(value, list):
            stack.extend(reversed(value[:ARGUMENTS]))
        if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
            config = value.get("config")
            history = config.get("keras_history") if isinstance(config, dict) else None
            if isinstance(config, dict) and isinstance(history, list) and _is_history(history):
                found.append((history[0], history[1], config.get("shape")))
        elif isinstance(value, list) and len(value) == 4 and _is_history(value) and isinstance(value[3], dict):
            found.append((value[0], value[1], None))
    return found


def _is_history(value: list[JSON]) -> bool:
    return len(value) >= 3 and isinstance(value[0], str) and type(value[1]) is int and type(value[2]) is int


def _known_shapes(nodes: list[JSON]) -> dict[str, str]:
    """Return the shape of each layer's output, as the layers that take it say."""
    shapes: dict[str, str] = {}
    for node in nodes:
        for layer, _, shape in histories(node.get("inbound_nodes") if isinstance(node, dict) else None):
            if layer not in shapes and (text := _shape(shape)):
                shapes[layer] = text
    return shapes


def _own_shape(node: Mapping[str, JSON]) -> str:
    """Return the shape that a layer's node tells by itself."""
    config, build = node.get("config"), node.get("build_config")
    if isinstance(config, dict):
        for word in ("batch_shape", "batch_input_shape"):
            if text := _shape(config.get(word)):
                return text
    text = _shape(build.get("input_shape")) if isinstance(build, dict) else ""
    return f"input {text}" if text else ""


def _shape(value: JSON) -> str:
    if not isinstance(value, list) or not all(item is None or type(item) is int for item in value[:16]):
        return ""
    sizes = ", ".join("any" if item is None else str(item) for item in value[:16])
    return f"({sizes}{', ...' if len(value) > 16 else ''})"


def _stored(tensors: Iterable[Tensor]) -> dict[str, int]:
    """Return how many numbers the weights file has below each place."""
    counts: dict[str, int] = {}
    for tensor in tensors:
        steps = tensor.path.strip("/").split("/")[:64]
        for end in range(1, len(steps) + 1):
            place = "/".join(steps[:end])
            counts[place] = counts.get(place, 0) + tensor.count
    return counts
