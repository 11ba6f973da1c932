"""Swin transformer (https://arxiv.org/abs/2103.14030), just enough of it."""
import itertools
from typing import Callable, Optional, Tuple

import keras
import ml_collections
import numpy as np
from keras import layers
from keras import ops


def window_partition(x, ws: int):
  _, h, w, c = x.shape
  x = ops.reshape(x, (-1, h // ws, ws, w // ws, ws, c))
  return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, ws * ws, c))


def window_reverse(x, ws: int, h: int, w: int):
  c = x.shape[-1]
  x = ops.reshape(x, (-1, h // ws, w // ws, ws, ws, c))
  return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, h, w, c))


def shift_mask(resolution: Tuple[int, int], ws: int, shift: int) -> Optional[np.ndarray]:
  if not shift:
    return None
  img = np.zeros((1, *resolution, 1), np.float32)
  cuts = (slice(0, -ws), slice(-ws, -shift), slice(-shift, None))
  for n, (hs, vs) in enumerate((a, b) for a in cuts for b in cuts):
    img[:, hs, vs, :] = n
  win = ops.convert_to_numpy(window_partition(img, ws))[..., 0]
  return np.where(win[:, None, :] != win[:, :, None], -100.0, 0.0).astype(np.float32)


class WindowAttention(layers.Layer):

  def __init__(self, dim, window_size, num_heads, mask=None, qkv_bias=True, **kwargs):
    super().__init__(**kwargs)
    self.dim, self.ws, self.heads = dim, window_size, num_heads
    self.scale = (dim // num_heads) ** -0.5
    self.attn_mask = mask
    self.qkv = layers.Dense(3 * dim, use_bias=qkv_bias)
    self.proj = layers.Dense(dim)
    coords = np.stack(np.meshgrid(*[np.arange(window_size)] * 2, indexing='ij')).reshape(2, -1)
    rel = (coords[:, :, None] - coords[:, None, :]).transpose(1, 2, 0) + window_size - 1
    self.index = (rel[..., 0] * (2 * window_size - 1) + rel[..., 1]).ravel()
    self.table = self.add_weight(
        shape=((2 * window_size - 1) ** 2, num_heads), name='rel_bias',
        initializer=keras.initializers.TruncatedNormal(stddev=0.02))

  def call(self, x):
    n = self.ws ** 2
    qkv = ops.reshape(self.qkv(x), (-1, n, 3, self.heads, self.dim // self.heads))
    q, k, v = ops.unstack(ops.transpose(qkv, (2, 0, 3, 1, 4)), 3)
    attn = ops.matmul(q * self.scale, ops.transpose(k, (0, 1, 3, 2)))
    bias = ops.reshape(ops.take(self.table, self.index, axis=0), (n, n, self.heads))
    attn += ops.transpose(bias, (2, 0, 1))[None]
    if self.attn_mask is not None:
      nw = len(self.attn_mask)
      attn = ops.reshape(attn, (-1, nw, self.heads, n, n)) + self.attn_mask[None, :, None]
      attn = ops.reshape(attn, (-1, self.heads, n, n))
    x = ops.matmul(ops.softmax(attn), v)
    return self.proj(ops.reshape(ops.transpose(x, (0, 2, 1, 3)), (-1, n, self.dim)))


class SwinBlock(layers.Layer):

  def __init__(self, dim: int, resolution: Tuple[int, int], heads: int, shift: int,
               cfg: ml_collections.FrozenConfigDict, norm: Callable[..., layers.Layer], **kwargs):
    super().__init__(**kwargs)
    self.resolution, self.shift, self.cfg = resolution, shift, cfg
    self.norm1, self.norm2 = norm(name='norm1'), norm(name='norm2')
    self.attn = WindowAttention(dim, cfg.window_size, heads, qkv_bias=cfg.qkv_bias,
                                mask=shift_mask(resolution, cfg.window_size, shift))
    self.mlp = keras.Sequential([
        layers.Dense(int(dim * cfg.mlp_ratio), activation='gelu'), layers.Dense(dim)], name='mlp')

  def call(self, x):
    h, w = self.resolution
    y = self.norm1(x)
    if self.shift:
      y = ops.roll(y, (-self.shift, -self.shift), axis=(1, 2))
    y = window_reverse(self.attn(window_partition(y, self.cfg.window_size)), self.cfg.window_size, h, w)
    if self.shift:
      y = ops.roll(y, (self.shift, self.shift), axis=(1, 2))
    x = x + y
    return x + self.mlp(self.norm2(x))


class PatchMerging(layers.Layer):

  def build(self, shape):
    self.reduction = layers.Dense(2 * shape[-1], use_bias=False)
    self.reduction.build((*shape[:-1], 4 * shape[-1]))

  def call(self, x):
    return self.reduction(ops.concatenate(
        [x[:, i::2, j::2] for j in (0, 1) for i in (0, 1)], axis=-1))


class SwinTransformer(keras.Model):

  def __init__(self, num_classes: int, image_size: int, config: ml_collections.ConfigDict):
    super().__init__(name='swin')
    self.config = config = ml_collections.FrozenConfigDict(config)
    norm = lambda **kw: getattr(layers, config.norm)(epsilon=1e-5, **kw)
    self.embed = layers.Conv2D(config.embed_dim, config.patch_size, strides=config.patch_size)
    self.stages = []
    side, dim = image_size // config.patch_size, config.embed_dim
    for i, (depth, heads) in enumerate(zip(config.depths, config.num_heads)):
      if i:
        self.stages, side, dim = self.stages + [[PatchMerging(name=f'merge{i}')]], side // 2, dim * 2
      # No shifting when one window covers everything.
      shift = config.window_size // 2 if side > config.window_size else 0
      self.stages.append([
          SwinBlock(dim, (side, side), heads, shift * (d % 2), config, norm, name=f's{i}_b{d}')
          for d in range(depth)])
    self.norm = norm(name='norm')
    self.head = layers.Dense(num_classes, kernel_initializer='zeros', name='head')

  def call(self, x):
    for block in itertools.chain([self.embed], *self.stages):
      x = block(x)
    return self.head(ops.mean(self.norm(x), axis=(1, 2)))
