import keras

from ..utils import BACKBONES, HEADS, MODELS, NECKS

__all__ = ["MultiTaskDetector"]


@MODELS.register("mtdet")
class MultiTaskDetector(keras.Model):
    def __init__(self, backbone, neck, heads, num_classes, **kwargs):
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.backbone = BACKBONES.build(backbone)
        self.neck = NECKS.build(neck)
        self.heads = {}
        for name, h in heads.items():
            h = dict(h)
            self.heads[name] = HEADS.get(h.pop("type"))(**h, name=name)

    def call(self, images, training=None):
        feats = self.backbone(images, training=training)
        fine, coarse = self.neck(feats)
        return {
            name: head(coarse if getattr(head, "level", None) == "coarse" else fine)
            for name, head in self.heads.items()
        }

    def get_config(self):
        # TODO: the rest
        return {"num_classes": self.num_classes}
