"""A toy corpus: nursery-like couplets made from a small grammar."""
import random

NOUNS = ["fox", "owl", "moon", "river", "miller", "crow", "hen"]
VERBS = ["sang", "slept", "ran", "hid", "danced"]
PLACES = ["by the sea", "in the rye", "under a tree", "near the mill"]


def make_corpus(n_lines, seed=7):
    rnd = random.Random(seed)
    lines = []
    for _ in range(n_lines):
        a, b = rnd.sample(NOUNS, 2)
        lines.append(
            f"The {a} {rnd.choice(VERBS)} {rnd.choice(PLACES)}, "
            f"and the {b} -- well, the {b} {rnd.choice(VERBS)}!"
        )
    return "\n".join(lines)
