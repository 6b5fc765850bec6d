"""What the second program does besides measuring; here a framework may be imported."""
