# %% [markdown]
# Happy-whale style baseline: conv backbone + GeM + ArcFace, embeddings for kNN
# %%
import math, random, sys, os
import numpy as np
import pandas as pd
import tensorflow as tf
import tensorflow.keras.backend as K
from tensorflow.keras.layers import *
from tensorflow.keras.models import Model
from tensorflow.keras import optimizers, callbacks, regularizers
from sklearn.neighbors import NearestNeighbors
from sklearn.model_selection import StratifiedKFold
from bundler import bundle


class CFG:
    seed = 1337
    IMG = 20
    N_CLASSES = 6
    PER_CLASS = 20
    BATCH = 12
    EPOCHS = 3
    EMB = 16
    HEAD = "arcface"
    FOLDS, FOLD = 5, 0
    LR_START, LR_MAX, LR_MIN = 1e-3, 6e-3, 5e-4


SCALE = 16.0
MARGIN = 0.3
COS_M, SIN_M = math.cos(MARGIN), math.sin(MARGIN)
TH = math.cos(math.pi - MARGIN)
MM = math.sin(math.pi - MARGIN) * MARGIN
EASY_MARGIN = False


def seed_everything(seed):
    random.seed(seed)
    np.random.seed(seed)
    tf.random.set_seed(seed)
    os.environ["PYTHONHASHSEED"] = str(seed)


seed_everything(CFG.seed)

# %% fake "flukes": each individual has its own set of sinus coefficients
def fluke(coef, jitter):
    t = np.linspace(0, 1, CFG.IMG)
    y, x = np.meshgrid(t, t, indexing="ij")
    img = sum(np.sin(6 * (a * x + b * y) + c + jitter) for a, b, c in coef)
    return img + np.random.normal(0, 0.15, img.shape)


coefs = np.random.uniform(-2, 2, (CFG.N_CLASSES, 3, 3))
rows, imgs = [], []
for k in range(CFG.N_CLASSES):
    for j in range(CFG.PER_CLASS):
        imgs.append(fluke(coefs[k], np.random.uniform(-0.5, 0.5)))
        rows.append({"image": f"{k}_{j}.jpg", "individual_id": f"whale_{k:03d}"})
train = pd.DataFrame(rows)
imgs = np.array(imgs, "float32")[..., None]
train["label"] = train.individual_id.astype("category").cat.codes
train["fold"] = -1
skf = StratifiedKFold(CFG.FOLDS, shuffle=True, random_state=CFG.seed)
for fold, (_, va) in enumerate(skf.split(train, train.label)):
    train.loc[va, "fold"] = fold
tr = train.index[train.fold != CFG.FOLD].to_numpy()
va = train.index[train.fold == CFG.FOLD].to_numpy()
tr = np.random.permutation(tr)

# %% layers
class GeM(Layer):
    def __init__(self, p=3.0, **kwargs):
        super(GeM, self).__init__(**kwargs)
        self.init_p = p

    def build(self, shape):
        self.p = self.add_weight(name="p", shape=(1,), initializer=tf.keras.initializers.Constant(self.init_p))

    def call(self, x):
        x = tf.maximum(x, 1e-6)
        return tf.reduce_mean(x ** self.p, axis=[1, 2]) ** (1.0 / self.p)


class ArcFace(Layer):
    """margin and scale: see the globals"""

    def __init__(self, n_classes, regularizer=None, **kwargs):
        super(ArcFace, self).__init__(**kwargs)
        self.n_classes = n_classes
        self.regularizer = regularizers.get(regularizer)

    def build(self, input_shape):
        super(ArcFace, self).build(input_shape[0])
        self.W = self.add_weight(
            name="W",
            shape=(input_shape[0][-1], self.n_classes),
            initializer="glorot_uniform",
            regularizer=self.regularizer,
        )

    def logits(self, cosine, onehot):
        sine = tf.sqrt(tf.clip_by_value(1.0 - tf.square(cosine), 1e-7, 1.0))
        phi = cosine * COS_M - sine * SIN_M
        if EASY_MARGIN:
            phi = tf.where(cosine > 0, phi, cosine)
        else:
            phi = tf.where(cosine > TH, phi, cosine - MM)
        return onehot * phi + (1.0 - onehot) * cosine

    def call(self, inputs):
        emb, y = inputs
        cosine = tf.linalg.matmul(tf.math.l2_normalize(emb, axis=1), tf.math.l2_normalize(self.W, axis=0))
        onehot = tf.one_hot(tf.cast(tf.reshape(y, [-1]), tf.int32), self.n_classes)
        return tf.nn.softmax(self.logits(cosine, onehot) * SCALE)


class CosFace(ArcFace):
    def logits(self, cosine, onehot):
        return cosine - onehot * MARGIN


HEADS = {"arcface": ArcFace, "cosface": CosFace}

# %% model
def conv_bn(x, f, s):
    x = Conv2D(f, 3, strides=s, padding="same", use_bias=False, kernel_regularizer="l2")(x)
    x = BatchNormalization(momentum=0.9)(x)
    return ReLU(max_value=6.0)(x)


def build_model():
    inp = Input((CFG.IMG, CFG.IMG, 1), name="inp1")
    label = Input((), name="inp2")
    x = conv_bn(inp, 12, 1)
    x = conv_bn(x, 16, 2)
    x = conv_bn(x, 24, 2)
    x = GeM()(x)
    x = Dropout(0.1)(x)
    embed = Dense(CFG.EMB, name="embed")(x)
    out = HEADS[CFG.HEAD](CFG.N_CLASSES, regularizer=regularizers.L2(1e-4), name="head_" + CFG.HEAD)([embed, label])
    model = Model(inputs=[inp, label], outputs=[out])
    embed_model = Model(inp, embed)
    model.compile(
        optimizer=optimizers.Adam(CFG.LR_START),
        loss=tf.keras.losses.SparseCategoricalCrossentropy(),
        metrics=[tf.keras.metrics.SparseCategoricalAccuracy(), tf.keras.metrics.SparseTopKCategoricalAccuracy(k=3)],
    )
    return model, embed_model


def get_lr_callback():
    ramp, sus, decay = 1, 0, 0.7

    def lrfn(epoch):
        if epoch < ramp:
            return (CFG.LR_MAX - CFG.LR_START) / ramp * epoch + CFG.LR_START
        return (CFG.LR_MAX - CFG.LR_MIN) * decay ** (epoch - ramp - sus) + CFG.LR_MIN

    return callbacks.LearningRateScheduler(lrfn, verbose=False)


K.clear_session()
model, embed_model = build_model()
X = [imgs[tr], train.label.values[tr].astype("float32")]
Y = train.label.values[tr].astype("int32")
model.fit(X, Y, batch_size=CFG.BATCH, epochs=CFG.EPOCHS, callbacks=[get_lr_callback()], verbose=2)

# %% kNN on embeddings
e_tr, e_va = (embed_model.predict(imgs[i], verbose=0) for i in (tr, va))
e_tr, e_va = (e / np.linalg.norm(e, axis=1, keepdims=True) for e in (e_tr, e_va))
_, nn = NearestNeighbors(n_neighbors=1).fit(e_tr).kneighbors(e_va)
print("kNN acc", (Y[nn[:, 0]] == train.label.values[va]).mean())

# %% pack
x0, x1 = imgs[va][:7], train.label.values[va][:7].astype("float32")
y = model.predict([x0, x1], verbose=0)
bundle(model, sys.argv[1])
fx0, fx1, fy = X[0][:12], X[1][:12], Y[:12]
model.train_on_batch([fx0, fx1], fy)
np.savez(sys.argv[2], x0=x0, x1=x1, y=y, fx0=fx0, fx1=fx1, fy=fy, after=model.predict([x0, x1], verbose=0))
