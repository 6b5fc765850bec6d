"""Linear attention (Shen et al., "Efficient attention: attention with linear complexities", arXiv 1812.01243)."""
