"""Where and how far something moves: arrays in, numbers out."""
