"""What a user may choose about jobs; nothing here loads torch."""

SEGMENT_FRAMES = 250
"""Frames of a part. H.264 sets a key frame as often by itself, so the output hardly grows."""
