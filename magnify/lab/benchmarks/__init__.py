"""What the networks cost: operations, time, memory; beside their published form and the hardware.

Used by `magnify bench` alone.
"""
