"""What one forward pass of a network takes."""
