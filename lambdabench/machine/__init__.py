"""What this machine is and how quiet it is. No framework; every counter may be absent."""
