"""How a model runs: on which device, compiled or not, in chunks and tiles."""
