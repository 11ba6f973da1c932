"""Swin-Pico on toy textures."""
import ml_collections


def get_config():
  config = ml_collections.ConfigDict()
  config.seed = 3
  config.num_classes, config.image_size = 4, 32
  config.batch, config.total_steps = 16, 16

  config.model = ml_collections.ConfigDict()
  config.model.patch_size, config.model.embed_dim = 4, 16
  config.model.depths, config.model.num_heads = (2, 2), (2, 4)
  config.model.window_size = 4
  config.model.mlp_ratio = 2.0
  config.model.qkv_bias = True
  config.model.norm = 'LayerNormalization'

  config.optim = ml_collections.ConfigDict(dict(
      name='AdamW', base_lr=1e-3, warmup_steps=4, grad_norm_clip=1.0,
      kwargs=dict(weight_decay=0.05, beta_2=0.99)))
  config.label_smoothing = 0.1
  return config
