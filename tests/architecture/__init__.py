"""Each check of the house catches a planted violation."""
