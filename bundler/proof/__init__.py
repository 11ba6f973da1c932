"""The proof: a fresh interpreter, without the author's folders, loads a bundle before it gets its name.

`client` starts the interpreter and asks it; `start` and `worker` are what runs there, `seclusion` is what it does
without, and `checks` what it looks at.
"""
