import keras

from ..registry import BLOCKS, build_from_cfg


class ConformerCTC(keras.Model):
    def __init__(self, cfg, vocab_size):
        super().__init__(name="conformer_ctc")
        self.cfg = cfg
        self.augment = build_from_cfg(cfg["augment"], BLOCKS)
        self.sub = build_from_cfg(cfg["subsample"], BLOCKS, dim=cfg["dim"])
        self.blocks = [
            build_from_cfg(cfg["block"], BLOCKS, dim=cfg["dim"], name=f"block{i}") for i in range(cfg["num_blocks"])
        ]
        self.head = keras.layers.Dense(vocab_size + 1, name="ctc_head")

    def call(self, mel, training=None):
        x = self.augment(mel, training=training)
        x = self.sub(x)
        for blk in self.blocks:
            x = blk(x, training=training)
        return self.head(x)
