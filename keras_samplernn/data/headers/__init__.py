"""What a file says of itself, read and held against its size before any native decoder sees it."""
