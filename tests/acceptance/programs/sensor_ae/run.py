"""Train a detector on synthetic pump data."""
import argparse
import logging
from functools import partial

import keras
import numpy as np
from bundler import bundle

from sensorguard import ReconstructionDetector, Scoring

logger = logging.getLogger(__name__)


def pump(n, seed, faults=0.0, window=32, channels=3):
    rng = np.random.default_rng(seed)
    t = np.arange(window) / window
    ph = rng.uniform(0, 2 * np.pi, (n, 1, 1))
    k = np.arange(1, channels + 1)
    x = np.sin(2 * np.pi * t[None, :, None] * k + ph) + 0.05 * rng.normal(size=(n, window, channels))
    bad = rng.random(n) < faults
    x[bad, 10:14, 1] += 2.0
    return x.astype("float32"), bad


normal = partial(pump, faults=0.0)


def main(argv=None):
    p = argparse.ArgumentParser()
    p.add_argument("--model-out", required=True)
    p.add_argument("--numbers-out", required=True)
    p.add_argument("--scoring", type=Scoring, default=Scoring.MSE, choices=list(Scoring))
    a = p.parse_args(argv)
    logging.basicConfig(level=logging.INFO)

    keras.utils.set_random_seed(5)
    x, _ = normal(512, 0)
    det = ReconstructionDetector(32, 3, units=(24, 12), scoring=a.scoring, name="pump_detector")
    det.compile(optimizer=keras.optimizers.Nadam(5e-3, global_clipnorm=5.0))
    det.fit(x, x, batch_size=64, epochs=5, verbose=0)
    det.calibrate(normal(200, 1)[0], quantile=0.97)
    logger.info("threshold %.3f\n%s", det.threshold, det.describe())

    bundle(det, a.model_out)

    q, bad = pump(40, 2, faults=0.3)
    y = det.score_samples(q)
    logger.info("alarms agree with faults: %.2f", np.mean(det.is_anomaly(q) == bad))
    fx, _ = normal(32, 3)
    det.train_on_batch(fx, fx)
    after = det.score_samples(q)
    np.savez(a.numbers_out, x=q, y=y, fx=fx, fy=fx, after=after)


if __name__ == "__main__":
    main()
