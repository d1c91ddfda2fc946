"""What a network has learnt to see, as pictures: kernels, activations, bands and their spectra."""

from magnify.lab.inspection.sheets import Sheets, inspect

__all__ = ["Sheets", "inspect"]
