"""Stands in the way of tensorflow in the processes of tests that are not marked `framework`; see `tests/marks.py`."""

raise ImportError("a test that is not marked framework imports tensorflow; give it @pytest.mark.framework")
