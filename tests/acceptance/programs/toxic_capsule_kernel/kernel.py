import os
import sys
import random
import numpy as np
import pandas as pd
import tensorflow as tf
from tensorflow.keras import backend as K
from tensorflow.keras import initializers, regularizers, constraints
from tensorflow.keras.callbacks import Callback
from tensorflow.keras.layers import *
from tensorflow.keras.models import Model
from tensorflow.keras.optimizers import *
from tensorflow.keras.preprocessing.sequence import pad_sequences
from clr import CyclicLR
from text_utils import fit_tokenizer
from bundler import bundle

SEED = 1029
def seed_everything(seed=SEED):
    random.seed(seed)
    os.environ['PYTHONHASHSEED'] = str(seed)
    np.random.seed(seed)
    tf.random.set_seed(seed)
seed_everything()
max_features = 60
maxlen = 14
embed_size = 10
gru_len = 8
Routings = 3
Num_capsule = 4
Dim_capsule = 5
LABELS = ['toxic', 'insult', 'threat']

# ---------------------------------------------------------------- data
BAD = {'toxic': ['stupid', 'awful', 'trash'], 'insult': ['idiot', 'moron'], 'threat': ['kill', 'burn']}
GOOD = 'the a page article edit thanks please source wiki talk i you we think good see link history'.split()

def make_comments(n):
    rows = []
    for i in range(n):
        words = list(np.random.choice(GOOD, np.random.randint(4, 12)))
        y = {}
        for lab in LABELS:
            y[lab] = int(np.random.rand() < .35)
            if y[lab]:
                words.insert(np.random.randint(len(words)), random.choice(BAD[lab]))
        rows.append(dict(comment_text=' '.join(words), **y))
    return pd.DataFrame(rows)

train = make_comments(192)
test = make_comments(24)
tok = fit_tokenizer(train.comment_text, max_features)
X_train = pad_sequences(tok.texts_to_sequences(train.comment_text), maxlen=maxlen)
X_test = pad_sequences(tok.texts_to_sequences(test.comment_text), maxlen=maxlen)
y_train = train[LABELS].values.astype('float32')
y_test = test[LABELS].values

# pretend this is glove
nb_words = min(max_features, len(tok.word_index)) + 1
embedding_matrix = np.random.normal(0, .4, (nb_words, embed_size))


def squash(x, axis=-1):
    s_squared_norm = K.sum(K.square(x), axis, keepdims=True)
    scale = K.sqrt(s_squared_norm + K.epsilon())
    return x / scale


# A Capsule Implement with Pure Keras
class Capsule(Layer):
    def __init__(self, num_capsule, dim_capsule, routings=3, kernel_size=(9, 1), share_weights=True,
                 activation='default', **kwargs):
        super(Capsule, self).__init__(**kwargs)
        self.num_capsule = num_capsule
        self.dim_capsule = dim_capsule
        self.routings = routings
        self.kernel_size = kernel_size
        self.share_weights = share_weights
        if activation == 'default':
            self.activation = squash
        else:
            self.activation = Activation(activation)

    def build(self, input_shape):
        super(Capsule, self).build(input_shape)
        input_dim_capsule = input_shape[-1]
        # 1 kernel for all the inputs, or one each
        n = 1 if self.share_weights else input_shape[-2]
        self.W = self.add_weight(name='capsule_kernel', shape=(n, input_dim_capsule, self.num_capsule * self.dim_capsule),
                                 initializer='glorot_uniform', trainable=True)

    def call(self, u_vecs):
        if self.share_weights:
            u_hat_vecs = tf.nn.conv1d(u_vecs, self.W, 1, 'VALID')
        else:
            u_hat_vecs = tf.einsum('bij,ijk->bik', u_vecs, self.W)
        batch_size = K.shape(u_vecs)[0]
        input_num_capsule = u_vecs.shape[1]
        u_hat_vecs = K.reshape(u_hat_vecs, (batch_size, input_num_capsule, self.num_capsule, self.dim_capsule))
        u_hat_vecs = K.permute_dimensions(u_hat_vecs, (0, 2, 1, 3))
        # final u_hat_vecs.shape = [None, num_capsule, input_num_capsule, dim_capsule]

        b = K.zeros_like(u_hat_vecs[:, :, :, 0])
        for i in range(self.routings):
            b = K.permute_dimensions(b, (0, 2, 1))
            c = K.softmax(b)
            c = K.permute_dimensions(c, (0, 2, 1))
            b = K.permute_dimensions(b, (0, 2, 1))
            outputs = self.activation(tf.einsum('bcn,bcnd->bcd', c, u_hat_vecs))
            if i < self.routings - 1:
                b = b + tf.einsum('bcd,bcnd->bcn', outputs, u_hat_vecs)
        return outputs

    def compute_output_shape(self, input_shape):
        return (None, self.num_capsule, self.dim_capsule)


class Attention(Layer):
    def __init__(self, step_dim, W_regularizer=None, bias=True, **kwargs):
        self.supports_masking = True
        self.init = initializers.get('glorot_uniform')
        self.W_regularizer = regularizers.get(W_regularizer)
        self.bias = bias
        self.step_dim = step_dim
        self.features_dim = 0
        super(Attention, self).__init__(**kwargs)

    def build(self, input_shape):
        self.W = self.add_weight(shape=(input_shape[-1], 1), initializer=self.init, name='{}_W'.format(self.name),
                                 regularizer=self.W_regularizer)
        self.features_dim = input_shape[-1]
        if self.bias:
            self.b = self.add_weight(shape=(input_shape[1],), initializer='zero', name='{}_b'.format(self.name))
        else:
            self.b = None
        self.built = True

    def compute_mask(self, input, input_mask=None):
        return None

    def call(self, x, mask=None):
        eij = K.reshape(K.dot(K.reshape(x, (-1, self.features_dim)), self.W), (-1, self.step_dim))
        if self.bias:
            eij += self.b
        a = K.exp(K.tanh(eij))
        a /= K.cast(K.sum(a, axis=1, keepdims=True) + K.epsilon(), K.floatx())
        return K.sum(x * K.expand_dims(a), axis=1)


def get_model(routings=Routings, rnn=True, name=None):
    input1 = Input(shape=(maxlen,))
    embed_layer = Embedding(nb_words, embed_size, weights=[embedding_matrix], trainable=False)(input1)
    if rnn:
        x = Bidirectional(GRU(gru_len, activation='tanh', return_sequences=True))(embed_layer)
    else:
        x = Conv1D(gru_len * 2, 3, padding='same', activation=lambda t: t * K.sigmoid(t))(embed_layer)
    att = Attention(maxlen, W_regularizer=regularizers.l2(1e-4))(x)
    capsule = Capsule(num_capsule=Num_capsule, dim_capsule=Dim_capsule, routings=routings, share_weights=True)(x)
    capsule = Flatten()(capsule)
    conc = concatenate([capsule, att, GlobalMaxPooling1D()(x)])
    output = Dense(len(LABELS), activation='sigmoid')(conc)
    model = Model(inputs=input1, outputs=output, name=name)
    model.compile(loss='binary_crossentropy', optimizer=Adam(learning_rate=2e-3), metrics=['accuracy'], jit_compile=False)
    return model


class RocAucEvaluation(Callback):
    def __init__(self, validation_data=(), interval=1):
        super(Callback, self).__init__()
        self.interval = interval
        self.X_val, self.y_val = validation_data

    def on_epoch_end(self, epoch, logs={}):
        if epoch % self.interval == 0:
            p = self.model.predict(self.X_val, verbose=0)
            scores = []
            for j in range(p.shape[1]):
                pos, neg = p[self.y_val[:, j] == 1, j], p[self.y_val[:, j] == 0, j]
                scores.append((pos[:, None] > neg[None]).mean())
            print("\n ROC-AUC - epoch: {:d} - score: {:.4f}".format(epoch + 1, np.mean(scores)))


models = []
for fold in range(2):
    K.clear_session()
    idx = np.arange(len(X_train)) % 2 != fold
    m = get_model(routings=Routings - fold, rnn=fold == 0, name='fold%d' % fold)
    clr = CyclicLR(base_lr=2e-3, max_lr=1e-2, step_size=6, mode='exp_range', gamma=.9998)
    m.fit(X_train[idx], y_train[idx], batch_size=16, epochs=3, verbose=2,
          callbacks=[RocAucEvaluation((X_test, y_test)), clr])
    models.append(m)

inp = Input(shape=(maxlen,))
blend = Model(inp, Average()([m(inp) for m in models]))
blend.compile(Nadam(3e-3), lambda y_t, y_p: K.mean(K.binary_crossentropy(y_t, y_p) * K.constant([1., 1.5, 2.]), -1),
              jit_compile=False)
blend.fit(X_train, y_train, batch_size=32, epochs=1, verbose=2)

pred = blend.predict(X_test, batch_size=64, verbose=0)
print(pd.DataFrame(pred, columns=LABELS).head())

bundle(blend, sys.argv[1])
fx, fy = X_train[:32], y_train[:32]
blend.train_on_batch(fx, fy)
np.savez(sys.argv[2], x=X_test, y=pred, fx=fx, fy=fy, after=blend.predict(X_test, batch_size=64, verbose=0))
