"""Import this first in a script that is about graphs: the interpreter of the tests runs functions eagerly."""

import tensorflow as tf

tf.config.run_functions_eagerly(False)
