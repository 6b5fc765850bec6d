"""What the attention layers share: heads, projections, relative offsets and the pooling that stands for a stride."""
