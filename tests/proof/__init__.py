"""Long tests: real processes, killed and started again."""
