"""How large the parts of a weight file may be.

No limit comes near what a real file holds: the largest network that can be loaded has 490 tensors
and 6 MB. They bound the time and memory that a damaged or hostile file can take.
"""

LARGEST_FILE = 2**28
"""Bytes of a weight file, or of all files of a TensorFlow checkpoint."""
LARGEST_FEATURES = 2**30
"""Bytes of the weights of others' image networks; VGG-19's are 575 MB."""
LARGEST_HEADER = 2**21
"""Bytes of what says where tensors lie: a safetensors header, the index of a TensorFlow bundle."""
LARGEST_STATE = 2**20
"""Bytes of the text file `checkpoint` beside a TensorFlow checkpoint."""
MOST_TENSORS = 10_000
MOST_DIMENSIONS = 8
LONGEST_NAME = 1_000
"""Characters of any name in a pickle or a TensorFlow index, which can repeat long ones cheaply."""
MOST_INSTRUCTIONS = 250_000
"""Of one pickle. A training state of 2,000 tensors has 70,000."""
MOST_PARTS = 100_000
"""Of a whole module: its modules at any depth and all that they list."""
