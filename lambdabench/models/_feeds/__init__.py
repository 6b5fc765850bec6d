"""What a user's own network is fed where that is no batch of images."""
