import keras
from keras import layers, ops

from .config import ExperimentConfig
from .layers import CausalFusionAttention, GatedLinearUnit, GatedResidualNetwork, VariableSelection


class TemporalFusion(keras.Model):
    def __init__(self, config: ExperimentConfig, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        net, feats = config.net, config.features
        self.static_vsn = VariableSelection(feats.static, net, feats.cardinalities, name="static_vsn")
        self.past_vsn = VariableSelection(feats.past, net, name="past_vsn")
        self.future_vsn = VariableSelection(feats.future, net, name="future_vsn")
        self.contexts = {
            k: GatedResidualNetwork(net, name=f"ctx_{k}") for k in ("select", "state", "enrich")
        }
        self.encoder = []
        for i in range(net.lstm_layers):
            self.encoder.append(layers.LSTM(net.hidden, return_sequences=True, return_state=True, name=f"enc_{i}"))
        self.decoder = layers.LSTM(net.hidden, return_sequences=True, name="dec")
        self.lstm_gate = GatedLinearUnit(net.hidden, net.gate)
        self.lstm_norm = layers.LayerNormalization()
        self.enrich = GatedResidualNetwork(net, name="enrich")
        self.attend = CausalFusionAttention(net, name="attend")
        self.ffn = GatedResidualNetwork(net, name="ffn")
        self.head = layers.Dense(len(config.quantiles), name="quantiles")

    @property
    def horizon(self):
        return self.config.window.horizon

    def call(self, inputs, training=None):
        s = self.static_vsn(inputs["static"])
        ctx = {k: grn(s, training=training) for k, grn in self.contexts.items()}
        past = self.past_vsn(inputs["past"], context=ctx["select"])
        fut = self.future_vsn(inputs["future"], context=ctx["select"])
        seq, state = past, [ctx["state"], ctx["state"]]
        for lstm in self.encoder:
            seq, h, c = lstm(seq, initial_state=state)
            state = [h, c]
        dec = self.decoder(fut, initial_state=state)
        t = ops.concatenate([seq, dec], axis=1)
        t = self.lstm_norm(self.lstm_gate(t) + ops.concatenate([past, fut], axis=1))
        t = self.enrich(t, context=ctx["enrich"], training=training)
        t = self.attend(t)
        t = self.ffn(t[:, -self.horizon:], training=training)
        q = self.head(t)
        # no crossing: cumulative softplus steps on top of the lowest quantile
        return ops.concatenate([q[..., :1], q[..., :1] + ops.cumsum(ops.softplus(q[..., 1:]), axis=-1)], axis=-1)
