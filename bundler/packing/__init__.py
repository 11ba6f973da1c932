"""Author side: from what `bundle` is given to what the bundle will hold."""
