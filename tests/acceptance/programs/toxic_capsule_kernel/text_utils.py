import re
try:
    from tensorflow.keras.preprocessing.text import Tokenizer
except ImportError:
    from keras_preprocessing.text import Tokenizer

def clean(s):
    return re.sub(r'[^a-z ]+', ' ', s.lower()).strip()

def fit_tokenizer(texts, num_words):
    tok = Tokenizer(num_words=num_words)
    tok.fit_on_texts([clean(t) for t in texts])
    return tok
