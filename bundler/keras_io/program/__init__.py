"""What a live model is besides its config and its weights, as facts that two processes can compare.

A model that computes the same once is not yet the same program: it may train on differently. So the plain state of its
objects, of its modules and classes, the states of its random generators and its next step of training are described
here, by the author's process and by one that loaded the bundle.
"""
