"""The laboratory: it makes and judges weights. Nothing outside it and its commands imports it."""
