"""What changed between two bundles, found without running, importing or unpacking either.

`facts` is the shape of the answer, `bundles` asks for it; the other modules compare one kind of thing each. All input
is a stranger's: every comparison has a bound, and what is beyond it is named, not left out in silence.
"""
