"""Magnifies one clip by several factors, loading the network once.

python examples/compare_factors.py examples/sway.mp4 5 10 20
"""

import sys
from pathlib import Path

import magnify


def main() -> None:
    clip = Path(sys.argv[1])
    engine = magnify.load_engine("lbvmm")
    for alpha in map(float, sys.argv[2:]):
        output = clip.with_name(f"{clip.stem}_x{alpha:g}.mp4")
        report = magnify.magnify_video(clip, output, alpha=alpha, weights=engine, overwrite=True)
        print(f"{report.output}: {report.frames} frames in {report.seconds:.1f} s")


if __name__ == "__main__":
    main()
