"""The made-up coastal city 滨海市 (Binhai): its geography, people, network and devices, drawn from a seed.

Nobody's data or map licence is needed: it lies in the open sea, and every name and outline is invented.
"""

from scoc.rehearsal.binhai.writing import make_pack

__all__ = ["make_pack"]
