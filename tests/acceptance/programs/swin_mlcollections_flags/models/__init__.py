from models.swin import SwinTransformer

KNOWN = {cls.__name__: cls for cls in (SwinTransformer,)}
