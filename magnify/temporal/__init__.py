"""What motion is: the difference from a reference, from the previous frame, or a temporal band.

- `operators`: the contract, and the operators that stream: static, dynamic, IIR, FIR.
- `whole_clip`: the operators that need every frame before they can speak.
- `spool`: where those keep the clip: in RAM, and beyond a budget in a temporary file.
- `passband`: a band in Hz, checked against the sampling rate.
- `settings`: a filter in a band, checked, made into an operator.
- `filters`: the filters' coefficients; the only SciPy.
- `bands`: named bands, as plain data.

Nothing is imported here: `bands` must be readable without loading torch.
"""
