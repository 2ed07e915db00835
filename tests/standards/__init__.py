"""Standards that SCOC speaks: every requirement of them with the tests that hold it, and a fault that they find."""
