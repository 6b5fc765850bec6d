"""Axial attention: the height axis, then the width axis (Ho et al., arXiv 1912.12180; Wang et al., arXiv 2003.07853)."""
