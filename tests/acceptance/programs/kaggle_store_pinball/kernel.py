#!/usr/bin/env python
# coding: utf-8

# In[1]:


import gc, os, sys, random
import numpy as np
import pandas as pd
import matplotlib
matplotlib.use('Agg')
import matplotlib.pyplot as plt
import tensorflow as tf
from tensorflow.keras.layers import *
from tensorflow.keras.models import Model
from tensorflow.keras.callbacks import Callback, LearningRateScheduler
import tensorflow.keras.backend as K

SEED = 1234
random.seed(SEED); np.random.seed(SEED); tf.random.set_seed(SEED)

QUANTILES = [0.1, 0.5, 0.9]
CATS = ['Store', 'City', 'StoreType', 'dow', 'Promo']
NUMS = ['Distance', 'trend', 'lag7', 'roll14']
TARGET = 'Sales'


# In[2]:


stores = pd.read_csv(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'store.csv'))
dates = pd.date_range('2015-01-01', periods=90)
df = stores.merge(pd.DataFrame({'Date': dates}), how='cross')
df['dow'] = df['Date'].dt.day_name().str[:3]
df['Promo'] = np.where(np.random.rand(len(df)) < 0.3, 'yes', 'no')
season = 1 + 0.3 * np.sin(df['Date'].dt.dayofyear / 365 * 2 * np.pi)
df[TARGET] = (df['Level'] * season * np.where(df['dow'] == 'Sun', 0.2, 1.0)
              * np.where(df['Promo'] == 'yes', 1.4, 1.0) * np.random.gamma(20, 1 / 20, len(df))).astype('float32')
df['trend'] = (df['Date'] - dates[0]).dt.days / 90
g = df.groupby('Store')[TARGET]
df['lag7'] = g.shift(7)
df['roll14'] = g.transform(lambda s: s.shift(1).rolling(14).mean())
df = df.dropna().sort_values(['Date', 'Store']).reset_index(drop=True)
df[NUMS] = df[NUMS].astype('float32')
print(df.shape); print(df.head(3))

cut = dates[80]
train, valid = df[df.Date < cut], df[df.Date >= cut]


# In[3]:


def get_x(d):
    x = {c: tf.constant(d[c].astype(str).values.tolist())[:, None] for c in CATS}
    x['num'] = d[NUMS].values
    return x

def get_y(d):
    return [d[[TARGET]].values.astype('float32')] * len(QUANTILES)

EMB = {c: int(min(8, np.ceil(train[c].nunique() / 2))) for c in CATS}
print(EMB)


# In[4]:


class SwapNoise(Layer):
    '''not used in the final version (p=0)'''
    def __init__(self, p, **kw):
        super().__init__(**kw)
        self.p = p
    def call(self, x, training=None):
        if not training or not self.p:
            return x
        idx = tf.random.shuffle(tf.range(tf.shape(x)[0]))
        return tf.where(tf.random.uniform(tf.shape(x)) < self.p, tf.gather(x, idx), x)

def build(hidden=(48, 24)):
    ins, embs = {}, []
    for c in CATS:
        ins[c] = Input((1,), dtype='string', name=c)
        lookup = StringLookup(vocabulary=sorted(train[c].unique().tolist()), name='lk_' + c)
        e = Embedding(lookup.vocabulary_size(), EMB[c], name='emb_' + c)(lookup(ins[c]))
        embs.append(Flatten()(e))
    ins['num'] = Input((len(NUMS),), name='num')
    norm = Normalization()
    norm.adapt(train[NUMS].values)
    x = concatenate(embs + [SwapNoise(0.0)(norm(ins['num']))])
    for h in hidden:
        x = Dense(h, activation=lambda t: t * K.sigmoid(1.702 * t))(x)
        x = BatchNormalization(momentum=0.8)(x)
    base = Dense(1, name='q_lo')(x)
    outs = [base]
    for q in QUANTILES[1:]:
        step = Dense(1, activation='softplus', name=f'step_{int(q * 100)}')(x)
        outs.append(Add(name=f'q{int(q * 100)}')([outs[-1], step]))
    return Model(ins, outs)


# In[5]:


losses = []
for q in QUANTILES:
    losses.append(lambda y, p, q=q: tf.reduce_mean(tf.maximum(q * (y - p), (q - 1) * (y - p)), axis=-1))

def coverage(q):
    def cov(y, p): return tf.reduce_mean(tf.cast(y <= p, tf.float32))
    cov.__name__ = 'cov%d' % (100 * q)
    return cov

class LRFinder(Callback):
    def __init__(self, lo=1e-4, hi=1.0, steps=30):
        super().__init__()
        self.lrs, self.losses = np.geomspace(lo, hi, steps), []

    def on_train_begin(self, logs=None):
        self.saved = self.model.get_weights()
        self.opt_lr = float(self.model.optimizer.learning_rate)

    def on_train_batch_begin(self, batch, logs=None):
        self.model.optimizer.learning_rate = self.lrs[len(self.losses)]

    def on_train_batch_end(self, batch, logs=None):
        self.losses.append(logs['loss'])
        if len(self.losses) == len(self.lrs) or not np.isfinite(logs['loss']) or logs['loss'] > 4 * min(self.losses):
            self.model.stop_training = True
            raise StopIteration

    def best(self):
        smooth = pd.Series(self.losses).ewm(span=5).mean()
        return float(self.lrs[int(np.argmin(np.gradient(smooth.values)))])

    def plot(self):
        plt.semilogx(self.lrs[:len(self.losses)], self.losses); plt.xlabel('lr'); plt.close()


model = build()
model.compile(optimizer=tf.keras.optimizers.Adam(1e-3, beta_2=0.98), loss=losses,
              loss_weights=[1.0, 2.0, 1.0], metrics=[[coverage(q)] for q in QUANTILES], jit_compile=False)

finder = LRFinder()
try:
    model.fit(get_x(train), get_y(train), batch_size=32, epochs=3, verbose=0, callbacks=[finder])
except StopIteration:
    pass
model.set_weights(finder.saved)
LR = min(finder.best() / 2, 2e-2)
finder.plot()
print('lr', LR)


# In[6]:


cycle = LearningRateScheduler(lambda e: LR * (0.3 + 0.7 * abs(1 - e % 4 / 2)))
hist = model.fit(get_x(train), get_y(train), batch_size=32, epochs=12, verbose=2,
                 validation_data=(get_x(valid), get_y(valid)), callbacks=[cycle])

sub = valid.iloc[:24].copy()
sub.loc[sub.index[0], 'City'] = 'Fulda'   # never seen
pred = model.predict(get_x(sub), verbose=0)
print(pd.DataFrame(np.hstack(pred), columns=QUANTILES).assign(y=sub[TARGET].values).head())
del hist; gc.collect()


# In[7]:


from bundler import bundle
bundle(model, sys.argv[1])

fin = valid.iloc[24:56]
fx, fy = get_x(fin), get_y(fin)
model.train_on_batch(fx, fy)
after = model.predict(get_x(sub), verbose=0)

as_np = lambda v: v.numpy().astype(str) if tf.is_tensor(v) else v
out = {}
for pre, x in (('x:', get_x(sub)), ('fx:', fx)):
    out.update({pre + k: as_np(v) for k, v in x.items()})
for pre, vs in (('y', pred), ('fy', fy), ('after', after)):
    out.update({f'{pre}{i}': v for i, v in enumerate(vs)})
np.savez(sys.argv[2], **out)
