import matplotlib as mpl
import numpy as np
import tensorflow as tf

mpl.use("Agg")
import matplotlib.pyplot as plt


class WindowGenerator:
    """Cuts a frame of measurements into (inputs, labels) windows."""

    def __init__(self, input_width, label_width, shift, train_df, val_df, test_df, label_columns=None):
        self.train_df = train_df
        self.val_df = val_df
        self.test_df = test_df

        self.label_columns = label_columns
        if label_columns is not None:
            self.label_columns_indices = {name: i for i, name in enumerate(label_columns)}
        self.column_indices = {name: i for i, name in enumerate(train_df.columns)}

        self.input_width = input_width
        self.label_width = label_width
        self.shift = shift
        self.total_window_size = input_width + shift

        self.input_slice = slice(0, input_width)
        self.input_indices = np.arange(self.total_window_size)[self.input_slice]
        self.label_start = self.total_window_size - label_width
        self.labels_slice = slice(self.label_start, None)
        self.label_indices = np.arange(self.total_window_size)[self.labels_slice]

    def __repr__(self):
        return "\n".join([
            f"Total window size: {self.total_window_size}",
            f"Input indices: {self.input_indices}",
            f"Label indices: {self.label_indices}",
            f"Label column name(s): {self.label_columns}",
        ])

    def split_window(self, features):
        inputs = features[:, self.input_slice, :]
        labels = features[:, self.labels_slice, :]
        if self.label_columns is not None:
            labels = tf.stack([labels[:, :, self.column_indices[name]] for name in self.label_columns], axis=-1)
        inputs.set_shape([None, self.input_width, None])
        labels.set_shape([None, self.label_width, None])
        return inputs, labels

    def make_dataset(self, data):
        data = np.array(data, dtype=np.float32)
        ds = tf.keras.utils.timeseries_dataset_from_array(
            data=data,
            targets=None,
            sequence_length=self.total_window_size,
            sequence_stride=1,
            shuffle=True,
            seed=0,
            batch_size=32,
        )
        return ds.map(self.split_window)

    @property
    def train(self):
        return self.make_dataset(self.train_df)

    @property
    def val(self):
        return self.make_dataset(self.val_df)

    @property
    def test(self):
        return self.make_dataset(self.test_df)

    @property
    def example(self):
        """Get and cache an example batch of `inputs, labels` for plotting."""
        result = getattr(self, "_example", None)
        if result is None:
            result = next(iter(self.train))
            self._example = result
        return result

    def plot(self, model=None, plot_col="T", max_subplots=3, path=None):
        inputs, labels = self.example
        col = self.column_indices[plot_col]
        predictions = None if model is None else model(inputs)
        plt.figure(figsize=(10, 6))
        for n in range(min(max_subplots, len(inputs))):
            plt.subplot(max_subplots, 1, n + 1)
            plt.ylabel(f"{plot_col} [normed]")
            plt.plot(self.input_indices, inputs[n, :, col], label="Inputs", marker=".", zorder=-10)
            plt.scatter(self.label_indices, labels[n, :, col], edgecolors="k", label="Labels", c="#2ca02c")
            if predictions is not None:
                plt.scatter(self.label_indices, predictions[n, :, col], marker="X", label="Predictions", c="#ff7f0e")
            if n == 0:
                plt.legend()
        plt.xlabel("Time [h]")
        if path:
            plt.savefig(path)
        plt.close()
