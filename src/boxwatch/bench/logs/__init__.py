"""Understanding logs: speed, quality, stability and memory, with the peers beside them."""
