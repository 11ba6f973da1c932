"""The only room that imports Keras and TensorFlow, and only inside functions."""
