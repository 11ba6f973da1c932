#!/usr/bin/env python
# coding: utf-8

# # Essay scoring - tiny GRU + attention baseline 🚀
# **V7**: label smoothing, cosine + warmup, expected score head
#
# please upvote if you find it useful :)

# In[1]:


import os, gc, sys, math, random, warnings
warnings.filterwarnings('ignore')
os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'

import numpy as np
import pandas as pd
import matplotlib
matplotlib.use('Agg')
import matplotlib.pyplot as plt
from collections import Counter

import tensorflow as tf
import keras
import keras.backend as K
from keras import ops
from keras.layers import *
from keras.models import Model

from bundler import bundle

print('TF', tf.__version__, 'Keras', keras.__version__)


# In[2]:


class CFG:
    seed = 42
    max_len = 40
    vocab = 120
    dim = 24
    n_classes = 6
    epochs = 3
    bs = 32
    lr = 4e-3
    min_lr = 1e-5
    smooth = 0.08
    spatial_drop = 0.0
    feats = ['n_words', 'n_unique', 'n_sent', 'mean_len']
    folds = 4
    train_fold = 0


def seed_everything(seed):
    random.seed(seed)
    os.environ['PYTHONHASHSEED'] = str(seed)
    np.random.seed(seed)
    tf.random.set_seed(seed)
    keras.utils.set_random_seed(seed)

seed_everything(CFG.seed)
OUT_BUNDLE, OUT_NPZ = sys.argv[1], sys.argv[2]


# ## Data

# In[3]:


WORDS = ['w%d' % i for i in range(100)]

def fake_essay(score):
    n = np.random.randint(10, 20) + 3 * score
    hi = 20 + 14 * score
    toks = [WORDS[min(99, int(abs(np.random.randn()) * hi / 2))] for _ in range(n)]
    for p in range(5, n, 9 - score):
        toks[p] = '.'
    return ' '.join(toks)

scores = np.random.choice(6, 420, p=[.1, .2, .25, .25, .12, .08])
df = pd.DataFrame({'essay_id': np.arange(420), 'full_text': [fake_essay(s) for s in scores], 'score': scores + 1})
df['fold'] = df['essay_id'] % CFG.folds
df['n_words'] = df.full_text.str.split().str.len()
df['n_unique'] = df.full_text.apply(lambda t: len(set(t.split())))
df['n_sent'] = df.full_text.str.count(r'\.')
df['mean_len'] = df.full_text.apply(lambda t: np.mean([len(w) for w in t.split()]))
df.head()


# In[4]:


counts = Counter(w for t in df.full_text for w in t.split())
word2id = {w: i + 2 for i, (w, _) in enumerate(counts.most_common(CFG.vocab - 2))}

def encode(texts):
    arr = np.zeros((len(texts), CFG.max_len), dtype='int32')
    for i, t in enumerate(texts):
        ids = [word2id.get(w, 1) for w in t.split()][:CFG.max_len]
        arr[i, :len(ids)] = ids
    return arr

FEAT_MEAN = df[CFG.feats].mean().values.astype('float32')
FEAT_STD = df[CFG.feats].std().values.astype('float32')
CLASS_PRIOR = df.score.value_counts(normalize=True).sort_index()

plt.figure(figsize=(5, 3))
plt.bar(CLASS_PRIOR.index, CLASS_PRIOR.values)
plt.title('score distribution')
plt.savefig(os.path.join(os.path.dirname(os.path.abspath(OUT_NPZ)), 'dist.png'))
plt.close()


# ## Metric: QWK

# In[5]:


class QWK(keras.metrics.Metric):
    def __init__(self, name='qwk', **kwargs):
        super(QWK, self).__init__(name=name, **kwargs)
        self.cm = self.add_weight(name='cm', shape=(CFG.n_classes, CFG.n_classes), initializer='zeros')
        idx = np.arange(CFG.n_classes)
        self.W = ((idx[:, None] - idx[None, :]) ** 2 / (CFG.n_classes - 1) ** 2).astype('float32')

    def update_state(self, y_true, y_pred, sample_weight=None):
        t = tf.argmax(y_true, -1)
        p = tf.argmax(y_pred, -1)
        self.cm.assign_add(tf.math.confusion_matrix(t, p, num_classes=CFG.n_classes, dtype=tf.float32))

    def result(self):
        O = self.cm / (tf.reduce_sum(self.cm) + K.epsilon())
        E = tf.tensordot(tf.reduce_sum(O, 1), tf.reduce_sum(O, 0), axes=0)
        return 1. - tf.reduce_sum(self.W * O) / (tf.reduce_sum(self.W * E) + K.epsilon())

    def reset_state(self):
        self.cm.assign(tf.zeros_like(self.cm))


def smooth_ce(eps, prior):
    prior = tf.constant(prior, tf.float32)
    def loss_fn(y_true, y_pred):
        y = y_true * (1 - eps) + eps * prior
        ce = -tf.reduce_sum(y * tf.math.log(tf.clip_by_value(y_pred, 1e-7, 1.)), axis=-1)
        # + a bit of MSE on expected score, helps QWK
        e = tf.reduce_sum(y_pred * SCORE_AXIS, -1) - tf.reduce_sum(y_true * SCORE_AXIS, -1)
        return ce + 0.1 * tf.square(e)
    return loss_fn

SCORE_AXIS = np.arange(CFG.n_classes).astype('float32')


# In[6]:


class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, base_lr, total_steps, warmup_steps, min_lr=CFG.min_lr):
        super().__init__()
        self.base_lr = base_lr
        self.total_steps = total_steps
        self.warmup_steps = warmup_steps
        self.min_lr = min_lr

    def __call__(self, step):
        step = tf.cast(step, tf.float32)
        warm = self.base_lr * (step + 1) / self.warmup_steps
        prog = tf.clip_by_value((step - self.warmup_steps) / (self.total_steps - self.warmup_steps), 0., 1.)
        cos = self.min_lr + 0.5 * (self.base_lr - self.min_lr) * (1 + tf.cos(math.pi * prog))
        return tf.where(step < self.warmup_steps, warm, cos)

    def get_config(self):
        return {'base_lr': self.base_lr, 'total_steps': self.total_steps, 'warmup': self.warmup_steps}


# ## Model

# In[7]:


class AttnPool(Layer):
    def __init__(self, hidden=16, **kwargs):
        super(AttnPool, self).__init__(**kwargs)
        self.hidden = hidden

    def build(self, input_shape):
        d = input_shape[-1]
        self.W = self.add_weight(name='W', shape=(d, self.hidden), initializer='glorot_uniform', trainable=True)
        self.u = self.add_weight(name='u', shape=(self.hidden, 1), initializer='glorot_uniform', trainable=True)
        super(AttnPool, self).build(input_shape)

    def call(self, x, mask=None):
        s = K.dot(K.tanh(K.dot(x, self.W)), self.u) if hasattr(K, 'dot') else tf.tanh(x @ self.W) @ self.u
        if mask is not None:
            s = s + (1. - tf.cast(mask, tf.float32)[..., None]) * -1e9
        a = ops.softmax(s, axis=1)
        return ops.sum(a * x, axis=1)


def build_model():
    ids = Input((CFG.max_len,), dtype='int32', name='ids')
    feats = Input((len(CFG.feats),), name='feats')
    mask = Lambda(lambda t: tf.not_equal(t, 0), name='mask')(ids)
    x = Embedding(CFG.vocab, CFG.dim, name='emb')(ids)
    x = SpatialDropout1D(CFG.spatial_drop)(x)
    x = Bidirectional(GRU(CFG.dim // 2, return_sequences=True))(x)
    att = AttnPool(name='attn')(x, mask=mask)
    mx = Lambda(lambda t: tf.reduce_max(t, axis=1), output_shape=(CFG.dim,))(x)
    f = Lambda(lambda t: (t - FEAT_MEAN) / FEAT_STD, name='zscore')(feats)
    f = Dense(8, activation=lambda t: t * tf.sigmoid(1.702 * t))(f)
    h = Concatenate()([att, mx, f])
    h = Dense(24, activation='relu', kernel_regularizer=keras.regularizers.l2(1e-4))(h)
    out = Dense(CFG.n_classes, activation='softmax', name='score')(h)
    return Model([ids, feats], out)


trn = df[df.fold != CFG.train_fold]
val = df[df.fold == CFG.train_fold]
to_xy = lambda d: ([encode(d.full_text.values), d[CFG.feats].values.astype('float32')],
                   np.eye(CFG.n_classes, dtype='float32')[d.score.values - 1])
X_trn, Y_trn = to_xy(trn)
X_val, Y_val = to_xy(val)

steps = len(trn) // CFG.bs * CFG.epochs
lr_schedule = WarmupCosine(CFG.lr, steps * 2, steps // 5)
model = build_model()
model.compile(optimizer=keras.optimizers.Adam(lr_schedule),
              loss=smooth_ce(CFG.smooth, CLASS_PRIOR.values),
              metrics=[QWK(), 'accuracy'])
model.summary()


# In[8]:


class PrintQWK(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs={}):
        print(f"epoch {epoch} - val_qwk {logs.get('val_qwk', 0):.4f}")

history = model.fit(X_trn, Y_trn, validation_data=(X_val, Y_val), batch_size=CFG.bs, epochs=CFG.epochs,
                    callbacks=[PrintQWK()], verbose=0)
hist = pd.DataFrame(history.history)
hist[['loss', 'val_loss']].plot()
plt.savefig(os.path.join(os.path.dirname(os.path.abspath(OUT_NPZ)), 'hist.png'))
plt.close('all')
gc.collect()


# ## Save everything for the inference notebook

# In[9]:


bundle(model, OUT_BUNDLE)

x = [a[:16] for a in X_val]
fx, fy = [a[16:40] for a in X_val], Y_val[16:40]
y = model.predict(x, verbose=0)
model.train_on_batch(fx, fy)
after = model.predict(x, verbose=0)
np.savez(OUT_NPZ, x0=x[0], x1=x[1], y=y, fx0=fx[0], fx1=fx[1], fy=fy, after=after)
sub = pd.DataFrame({'essay_id': val.essay_id.values[:16], 'score': y.argmax(1) + 1})
print(sub.head())
