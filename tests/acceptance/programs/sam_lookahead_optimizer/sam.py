import tensorflow as tf


class SAMModel(tf.keras.Model):
    def __init__(self, net, rho=0.05, adaptive=False, rho_schedule=None, micro_batches=1, eta=0.01):
        # p, q = 2 for optimal results as suggested in the paper
        super(SAMModel, self).__init__()
        self.net = net
        self.rho = rho
        self.adaptive = adaptive
        self.rho_schedule = rho_schedule or (lambda step: 1.0)
        self.micro_batches = micro_batches
        self.eta = eta
        self.sharpness = tf.keras.metrics.Mean(name="sharpness")

    def _accumulate(self, x, y):
        n = self.micro_batches
        total, grads = 0.0, None
        for xi, yi in zip(tf.split(x, n), tf.split(y, n)):
            with tf.GradientTape() as tape:
                predictions = self.net(xi, training=True)
                loss = self.compute_loss(x=xi, y=yi, y_pred=predictions) / n
            g = tape.gradient(loss, self.net.trainable_variables)
            grads = g if grads is None else [a + b for a, b in zip(grads, g)]
            total += loss
        return total, grads

    def train_step(self, data):
        x, y = data[0], data[1]
        params = self.net.trainable_variables
        loss, gradients = self._accumulate(x, y)

        rho = self.rho * self.rho_schedule(self.optimizer.iterations)
        if self.adaptive:
            t = [tf.abs(p) + self.eta if len(p.shape) > 1 else tf.ones_like(p) for p in params]
        else:
            t = [1.0] * len(params)
        norm = tf.linalg.global_norm([g * ti for g, ti in zip(gradients, t)])
        e_ws = []
        for p, g, ti in zip(params, gradients, t):
            e_w = ti * ti * g * (rho / (norm + 1e-12))
            p.assign_add(e_w)
            e_ws.append(e_w)

        sam_loss, sam_gradients = self._accumulate(x, y)
        for p, e_w in zip(params, e_ws):
            p.assign_sub(e_w)
        self.optimizer.apply_gradients(zip(sam_gradients, params))

        self.sharpness.update_state(sam_loss - loss)
        for m in self.metrics:
            if m.name == "loss":
                m.update_state(loss)
            elif m is not self.sharpness:
                m.update_state(y, self.net(x, training=False))
        return self.get_metrics_result()

    def test_step(self, data):
        x, y = data[0], data[1]
        predictions = self(x)
        loss = self.compute_loss(x=x, y=y, y_pred=predictions)
        for m in self.metrics:
            if m.name == "loss":
                m.update_state(loss)
            elif m is not self.sharpness:
                m.update_state(y, predictions)
        return self.get_metrics_result()

    def call(self, x, training=False):
        # TTA; the digits are symmetric
        views = [x, x[:, :, ::-1], x[:, ::-1]]
        return sum(self.net(v, training=training) for v in views) / len(views)
