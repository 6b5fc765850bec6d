"""Local relative self-attention (Ramachandran et al., "Stand-alone self-attention in vision models", arXiv 1906.05909)."""
