"""Stands in the way of keras in the processes of tests that are not marked `framework`; see `tests/marks.py`."""

raise ImportError("a test that is not marked framework imports keras; give it @pytest.mark.framework")
