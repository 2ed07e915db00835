"""How readings come in: checked, stored once, rolled up and judged by the rules in one transaction (private)."""
