"""What people look at: figures, pages, and the live stream into them."""
