"""Only what the model needs: the author's own modules without the statements that nothing of the model reaches.

`statements.py` splits a text into what can be left out by itself, `effects.py` says what running a statement may
change, `modules.py` follows names from module to module, `reach.py` decides what stays, `cut.py` writes it down and
`plan.py` does this for all modules of a search. Nothing is executed; what a text alone cannot tell keeps its module
whole.
"""
