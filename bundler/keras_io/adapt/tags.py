"""The word by which a config and a manifest say a value that JSON has no word for."""

TAG = "__kbundle__"
