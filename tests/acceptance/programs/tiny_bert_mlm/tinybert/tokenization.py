from __future__ import annotations

import pathlib
from functools import cached_property


class Tokenizer:
    """Greedy longest-match-first word pieces."""

    SPECIAL = pad, unk, cls, sep, mask = "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"

    def __init__(self, vocab_file: str | pathlib.Path, lower: bool = True):
        self.vocab_file = pathlib.Path(vocab_file)
        self.lower = lower

    @cached_property
    def tokens(self) -> list[str]:
        return self.vocab_file.read_text().split("\n")[:-1]

    @cached_property
    def ids(self) -> dict[str, int]:
        return {t: i for i, t in enumerate(self.tokens)}

    def __len__(self):
        return len(self.tokens)

    def __getattr__(self, name):
        # tok.mask_id, tok.pad_id, ...
        if name.endswith("_id") and not name.startswith("_"):
            return self.ids[getattr(type(self), name[:-3])]
        raise AttributeError(name)

    def _pieces(self, word):
        out, start = [], 0
        while start < len(word):
            for end in range(len(word), start, -1):
                piece = ("##" if start else "") + word[start:end]
                if piece in self.ids:
                    out.append(piece)
                    start = end
                    break
            else:
                return [self.unk]
        return out

    def encode(self, text, max_len):
        if self.lower:
            text = " ".join(w if w in self.SPECIAL else w.lower() for w in text.split())
        toks = [self.cls, *(p for w in text.split() for p in self._pieces(w)), self.sep][:max_len]
        return [self.ids[t] for t in toks] + [self.pad_id] * (max_len - len(toks))

    def decode(self, ids):
        keep = (self.tokens[i] for i in ids if self.tokens[i] not in (self.pad, self.cls, self.sep))
        return " ".join(keep).replace(" ##", "")
