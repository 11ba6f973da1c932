import sys

import numpy as np
import tensorflow as tf

from corpus import make_corpus
from bundler import bundle

tf.keras.utils.set_random_seed(42)

SEQ_LEN = 32
BATCH = 32
EMBEDDING_DIM = 16
RNN_UNITS = 48
EPOCHS = 4

KEEP = r"[^a-z ,.!\n-]"
DASHES = {"--": "-", "\u2014": "-", "\u2013": "-"}


def clean(text):
    """What the model gets to see: lower case, one kind of dash, no odd signs."""
    text = tf.strings.lower(text)
    for old, new in DASHES.items():
        text = tf.strings.regex_replace(text, old, new)
    text = tf.strings.regex_replace(text, KEEP, "")
    return tf.strings.regex_replace(text, " +", " ")


def clean_prompt(text):
    # prompts are padded from the left, so that the last character is the prompt's last
    padded = tf.strings.join([" " * SEQ_LEN, clean(text)])
    return tf.strings.substr(padded, -SEQ_LEN, SEQ_LEN, unit="UTF8_CHAR")


def build_vectorizers(text):
    ids_from_text = tf.keras.layers.TextVectorization(standardize=clean, split="character")
    ids_from_text.adapt(text.split("\n") + ["\n"])
    ids_from_prompt = tf.keras.layers.TextVectorization(
        standardize=clean_prompt,
        split="character",
        output_sequence_length=SEQ_LEN,
        vocabulary=ids_from_text.get_vocabulary(include_special_tokens=False),
    )
    return ids_from_text, ids_from_prompt


def shifted(ids):
    """Inputs and what comes next."""
    return ids[:-1], ids[1:]


class CharLSTM(tf.keras.Model):
    def __init__(self, vocab_size, embedding_dim, rnn_units):
        super().__init__()
        self.embedding = tf.keras.layers.Embedding(vocab_size, embedding_dim)
        self.lstm = tf.keras.layers.LSTM(rnn_units, return_sequences=True, return_state=True)
        self.norm = tf.keras.layers.LayerNormalization()
        self.dense = tf.keras.layers.Dense(vocab_size)

    def call(self, inputs, states=None, return_state=False, training=False):
        x = self.embedding(inputs)
        x, h, c = self.lstm(x, initial_state=states, training=training)
        x = self.dense(self.norm(x))
        if return_state:
            return x, (h, c)
        return x


class Writer(tf.keras.Model):
    """Text in, token ids out. `to_text` makes them readable."""

    def __init__(self, model, ids_from_prompt, chars_from_ids, length=40, temperature=0.0):
        super().__init__()
        self.model = model
        self.ids_from_prompt = ids_from_prompt
        self.chars_from_ids = chars_from_ids
        self.length = length
        self.temperature = temperature

        # never write padding or [UNK]
        special = np.isin(chars_from_ids.get_vocabulary(), ["", "[UNK]"])
        self.never = tf.constant(np.where(special, -1e9, 0.0), tf.float32)

    @tf.function
    def one_step(self, ids, h, c):
        logits, (h, c) = self.model(ids, states=[h, c], return_state=True)
        logits = logits[:, -1] + self.never
        return logits, h, c

    def pick(self, logits):
        if self.temperature:
            return tf.random.categorical(logits / self.temperature, 1)[:, 0]
        return tf.argmax(logits, axis=-1)

    def call(self, prompts):
        """Log-probabilities of the character after each prompt."""
        logits = self.model(self.ids_from_prompt(prompts))[:, -1]
        return tf.nn.log_softmax(logits + self.never)

    def generate(self, prompts, length=None):
        ids = self.ids_from_prompt(tf.convert_to_tensor(prompts))
        h = c = tf.zeros((ids.shape[0], RNN_UNITS))
        out = []
        for _ in range(length or self.length):
            logits, h, c = self.one_step(ids, h, c)
            chosen = self.pick(logits)
            out.append(chosen)
            ids = chosen[:, tf.newaxis]
        return np.stack([t.numpy() for t in out], axis=1)

    def to_text(self, ids):
        chars = self.chars_from_ids(ids)
        return [s.decode("utf8") for s in tf.strings.reduce_join(chars, axis=-1).numpy()]


class ShowSample(tf.keras.callbacks.Callback):
    def __init__(self, writer, prompt="The fox"):
        super().__init__()
        self.writer, self.prompt = writer, prompt

    def on_epoch_end(self, epoch, logs=None):
        ids = self.writer.generate([self.prompt])
        print(f"[{epoch}] loss {logs['loss']:.3f} | {self.prompt}{self.writer.to_text(ids)[0]}")


def loss_fn(labels, logits):
    return tf.keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)


def main(bundle_path, numbers_path):
    text = make_corpus(90)
    ids_from_text, ids_from_prompt = build_vectorizers(text)
    vocab = ids_from_text.get_vocabulary()
    chars_from_ids = tf.keras.layers.StringLookup(
        vocabulary=ids_from_text.get_vocabulary(include_special_tokens=False),
        mask_token="",
        oov_token="[UNK]",
        invert=True,
    )
    print(f"{len(text)} characters, {len(vocab)} unique")

    all_ids = ids_from_text([text])[0]
    dataset = (
        tf.data.Dataset.from_tensor_slices(all_ids)
        .batch(SEQ_LEN + 1, drop_remainder=True)
        .map(shifted)
        .shuffle(1000, seed=1)
        .batch(BATCH, drop_remainder=True)
    )

    model = CharLSTM(len(vocab), EMBEDDING_DIM, RNN_UNITS)
    model.compile(optimizer=tf.keras.optimizers.Adam(0.01), loss=loss_fn)
    writer = Writer(model, ids_from_prompt, chars_from_ids)
    model.fit(dataset, epochs=EPOCHS, callbacks=[ShowSample(writer)], verbose=0)

    x = np.array(["The owl", "by the RIVER, ", "a crow \u2014 and the", "1 hen sang near the mill, and so on and"])
    print(np.argmax(writer(x), -1))
    y = writer.generate(x)
    for prompt, line in zip(x, writer.to_text(y)):
        print(repr(prompt + "|" + line))
    bundle(writer, bundle_path)
    np.savez(numbers_path, x=x, y=y)


if __name__ == "__main__":
    main(*sys.argv[1:])
