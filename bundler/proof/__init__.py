"""The proof: a fresh interpreter, without the author's folders, loads a bundle before it gets its name.

`client` asks the interpreter, `interpreter` starts and ends it, on Linux as a fork of a server (`fork_server`);
`seclusion` is what it does without. The other side is `bundler.prover`.
"""
