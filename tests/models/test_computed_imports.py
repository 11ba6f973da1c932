"""Modules that the code imports by a name that it makes travel, and load with no word."""

from __future__ import annotations

import pytest

from tests.models.conftest import Workshop

NETS = {
    "nets/__init__.py": """
        import importlib
        def act_of(name):
            return importlib.import_module(f".acts.{name}", __package__).act
    """,
    "nets/acts/__init__.py": "",
    "nets/acts/soft.py": "from ..scale import FACTOR\ndef act(x):\n    return x * FACTOR\n",
    "nets/scale.py": "FACTOR = 3.0\n",
    "nets/layers.py": """
        import keras
        from nets import act_of
        class Act(keras.layers.Layer):
            def __init__(self, name_of_act, **options):
                super().__init__(**options)
                self.name_of_act = name_of_act
                self.act = act_of(name_of_act)
            def call(self, x):
                return self.act(x)
            def get_config(self):
                return {**super().get_config(), "name_of_act": self.name_of_act}
    """,
}


@pytest.mark.parametrize("options", ["model=model", "model='m.keras', sources=['../source']"])
def test_packs_a_module_that_is_imported_by_a_computed_name(options: str, workshop: Workshop) -> None:
    workshop.write(NETS)
    workshop.author(
        f"""
        import quick_proof
        from nets.layers import Act
        model = keras.Sequential([keras.Input((2,)), Act("soft")])
        model.save("m.keras")
        packed = bundler.bundle({options}, filepath="../hand_over/m.kbundle", offline=True)
        names = {{module.name for module in packed.manifest.modules}}
        assert names == {{"nets", "nets.acts", "nets.acts.soft", "nets.layers", "nets.scale"}}, names
        assert packed.manifest.proof.allow == packed.audit.asked == ()
        """
    )
    workshop.consumer("""
        model = unbundle("../hand_over/m.kbundle")
        assert model(np.ones((1, 2)))[0, 0] == 3.0
    """)
