"""Many inputs: which files a command means, and what their outputs are called."""
