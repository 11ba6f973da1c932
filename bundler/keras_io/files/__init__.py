"""Read and write the files of Keras and TensorFlow that hold a model, by Keras and TensorFlow."""
