MODELS = {}


def register(name):
    def deco(cls_or_fn):
        assert name not in MODELS, name
        MODELS[name] = cls_or_fn
        return cls_or_fn
    return deco


def build_model(name, **kwargs):
    if name not in MODELS:
        raise KeyError("unknown model %r, choose from %s" % (name, sorted(MODELS)))
    return MODELS[name](**kwargs)
