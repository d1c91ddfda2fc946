"""What the user may choose of how a model runs; read without loading torch."""

from typing import Literal

Precision = Literal["auto", "fp32", "bf16", "fp16"]
"""`auto`: bfloat16 where model and device compute faster in it."""

Compile = Literal["auto", "on", "off"]
"""`auto`: where a clip is long enough to repay it."""
