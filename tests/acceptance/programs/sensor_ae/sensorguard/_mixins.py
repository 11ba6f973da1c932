import numpy as np


class ThresholdMixin:
    """Turns scores into alarms.  Expects `score_samples` on the host class."""

    _threshold = None
    _quantile = 0.98

    @property
    def threshold(self):
        if self._threshold is None:
            raise RuntimeError("call calibrate() first")
        return self._threshold

    def calibrate(self, x, quantile=None):
        if quantile is not None:
            self._quantile = quantile
        residual = self._residual(x)
        self.center_ = residual.mean(axis=0)
        self.cov_inv_ = np.linalg.inv(np.cov(residual.T) + 1e-2 * np.eye(residual.shape[1]))
        scores = self.score_samples(x)
        self._threshold = float(np.quantile(scores, self._quantile))
        self.history_ = {"n": len(x), "min": float(scores.min()), "max": float(scores.max())}
        return self

    def is_anomaly(self, x):
        return self.score_samples(x) > self.threshold


class DescribeMixin:
    def describe(self):
        lines = [f"{type(self).__name__}(window={self.window}, channels={self.channels})"]
        lines += [f"  {w.path}: {tuple(w.shape)}" for w in self.weights]
        return "\n".join(lines)
