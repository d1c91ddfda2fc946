"""The published checkpoint layouts: which network a file holds, and its tensors' names in ours.

Recognition goes by the set of tensor names, which differs between all layouts; loading is strict.
The official names in full (`ynet_3frames/…/Conv/weights`) are the authors' network; the same names
bare are this project's, which differs in its padding alone.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial

import torch

from magnify.models import MagnificationModel, lbvmm
from magnify.models.fd4mm import FD4MM
from magnify.models.lbvmm import LBVMM
from magnify.models.quick import Quick


@dataclass(frozen=True)
class Layout:
    """One published form of a network.

    Attributes:
        name: what `magnify models` and our own files call it.
        source: who published it.
        paper: the paper it comes from.
        licence: what its authors say about the use of their weights.
        build: makes the network, with random weights.
        tensors: published tensor name → name in our state dict. Names carry no `module.` prefix.
        hwio: convolution weights are stored (height, width, in, out), as TensorFlow does.
        ignored: published names that are no parameters (a step counter).
    """

    name: str
    source: str
    paper: str
    licence: str
    build: Callable[[], MagnificationModel]
    tensors: Mapping[str, str]
    hwio: bool = False
    ignored: frozenset[str] = frozenset()

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name in our state dict → shape."""
        with torch.device("meta"):
            state = self.build().state_dict()
        return {name: tuple(tensor.shape) for name, tensor in state.items()}

    @property
    def parameters(self) -> int:
        """How many numbers the network has learnt."""
        return sum(map(math.prod, self.shapes.values()))


def _pairs(published: str, ours: str, count: int) -> dict[str, str]:
    """The two convolutions of `count` residual blocks; `{i}` is the block, `{j}` is 1 or 2."""
    return {published.format(i=i, j=j): f"{ours}.{i}.conv{j}" for i in range(count) for j in (1, 2)}


def _parameters(modules: Mapping[str, str], *suffixes: str) -> dict[str, str]:
    return {
        published + suffix: ours + suffix
        for published, ours in modules.items()
        for suffix in suffixes
    }


_OFFICIAL_MODULES = {
    "encoder/enc_conv1_c": "encoder.conv1",
    "encoder/enc_conv2_c": "encoder.conv2",
    **_pairs("encoder/encoder_resblk{i}_c{j}", "encoder.residual", 3),
    "encoder/enc_texture_conv": "encoder.texture_conv",
    "encoder/texture_enc_c1": "encoder.texture_residual.0.conv1",
    "encoder/texture_enc_c2": "encoder.texture_residual.0.conv2",
    "encoder/texture_enc_1_c1": "encoder.texture_residual.1.conv1",
    "encoder/texture_enc_1_c2": "encoder.texture_residual.1.conv2",
    "encoder/shape_enc_c1": "encoder.shape_residual.0.conv1",
    "encoder/shape_enc_c2": "encoder.shape_residual.0.conv2",
    "encoder/shape_enc_1_c1": "encoder.shape_residual.1.conv1",
    "encoder/shape_enc_1_c2": "encoder.shape_residual.1.conv2",
    "manipulator/mani_conv0c": "manipulator.conv1",
    "manipulator/mani_aft_conv0c": "manipulator.conv2",
    **_pairs("manipulator/mani_resblk{i}_c{j}", "manipulator.residual", 1),
    "decoder/texture_upsample": "decoder.texture_conv",
    **_pairs("decoder/decoder_resblk{i}_c{j}", "decoder.residual", 9),
    "decoder/dec_conv2_c": "decoder.conv1",
    "decoder/pred_conv": "decoder.conv2",
}

_ZHENGPENG7_MODULES = {
    "encoder.cba_1.conv2d": "encoder.conv1",
    "encoder.cba_2.conv2d": "encoder.conv2",
    **_pairs("encoder.resblks.{i}.cba_{j}.conv2d", "encoder.residual", 3),
    "encoder.texture_cba.conv2d": "encoder.texture_conv",
    **_pairs("encoder.texture_resblks.{i}.cba_{j}.conv2d", "encoder.texture_residual", 2),
    "encoder.motion_cba.conv2d": "encoder.shape_conv",
    **_pairs("encoder.motion_resblks.{i}.cba_{j}.conv2d", "encoder.shape_residual", 2),
    "manipulator.g.conv2d": "manipulator.conv1",
    "manipulator.h_conv.conv2d": "manipulator.conv2",
    **_pairs("manipulator.h_resblk.cba_{j}.conv2d", "manipulator.residual", 1),
    **_pairs("decoder.resblks.{i}.cba_{j}.conv2d", "decoder.residual", 9),
    "decoder.cba_1.conv2d": "decoder.conv1",
    "decoder.cba_2.conv2d": "decoder.conv2",
}


def _cgst_pairs(published: str, ours: str, first: int, count: int) -> dict[str, str]:
    """Residual blocks of a `Sequential`, whose convolutions are entries 1 and 4 of each `block`."""
    return {
        f"{published}.{first + i}.block.{entry}": f"{ours}.{i}.conv{j}"
        for i in range(count)
        for j, entry in ((1, 1), (2, 4))
    }


_CGST_MODULES = {
    "encoder.conv.1": "encoder.conv1",
    "encoder.conv.4": "encoder.conv2",
    **_cgst_pairs("encoder.res", "encoder.residual", 0, 3),
    "encoder.texture.1": "encoder.texture_conv",
    **_cgst_pairs("encoder.texture", "encoder.texture_residual", 3, 2),
    "encoder.shape.1": "encoder.shape_conv",
    **_cgst_pairs("encoder.shape", "encoder.shape_residual", 3, 2),
    "manipulator.conv1.1": "manipulator.conv1",
    "manipulator.conv2.1": "manipulator.conv2",
    **_cgst_pairs("manipulator.conv2", "manipulator.residual", 2, 1),
    **_cgst_pairs("decoder.res", "decoder.residual", 0, 9),
    "decoder.deconv.2": "decoder.conv1",
    "decoder.deconv.5": "decoder.conv2",
}

_POSTECH_MODULES = {
    "encoder.res_encoder.conv1": "encoder.conv1",
    "encoder.res_encoder.conv2": "encoder.conv2",
    **_pairs("encoder.res_encoder.residual.{i}.conv{j}", "encoder.residual", 3),
    "encoder.conv_tex": "encoder.texture_conv",
    **_pairs("encoder.texture_resblk.{i}.conv{j}", "encoder.texture_residual", 2),
    "encoder.conv_sha": "encoder.shape_conv",
    **_pairs("encoder.shape_resblk.{i}.conv{j}", "encoder.shape_residual", 2),
    "res_manipulator.conv1": "manipulator.conv1",
    "res_manipulator.conv2": "manipulator.conv2",
    **_pairs("res_manipulator.residual.{i}.conv{j}", "manipulator.residual", 1),
    "decoder.conv_tex_aft_upsample": "decoder.texture_conv",
    **_pairs("decoder.res_decoder.residual.{i}.conv{j}", "decoder.residual", 9),
    "decoder.res_decoder.conv_up_sample": "decoder.tail_conv",
    "decoder.res_decoder.conv1": "decoder.conv1",
    "decoder.res_decoder.conv2": "decoder.conv2",
}


def _decoupling(published: str, ours: str) -> dict[str, str]:
    modules = {"pwconv": "pointwise", "dwconv": "depthwise", "dila1": "high", "dila2": "low"}
    return _parameters(
        {f"{published}.{theirs}": f"{ours}.{name}" for theirs, name in modules.items()},
        ".weight",
        ".bias",
    )


def _block(published: str, ours: str, attention: str) -> dict[str, str]:
    """What all of FD4MM's blocks have in common."""
    return {
        **_parameters(
            {
                f"{published}.norm1.body": f"{ours}.norm1",
                f"{published}.norm2.body": f"{ours}.norm2",
                f"{published}.ffn.fc1": f"{ours}.mlp.0",
                f"{published}.ffn.fc2": f"{ours}.mlp.2",
            },
            ".weight",
            ".bias",
        ),
        f"{published}.{attention}.temperature": f"{ours}.attention.temperature",
        f"{published}.{attention}.project_out.weight": f"{ours}.attention.project.weight",
    }


def _filter_block(published: str, ours: str, attention: str, pool: str) -> dict[str, str]:
    theirs, name = f"{published}.{attention}", f"{ours}.attention"
    return {
        **_block(published, ours, attention),
        f"{theirs}.qkv.weight": f"{name}.qkv.weight",
        f"{theirs}.qkv_dwconv.weight": f"{name}.qkv_depthwise.weight",
        f"{theirs}.{pool}.1.weight": f"{name}.query_conv.weight",
        f"{theirs}.{pool}.1.bias": f"{name}.query_conv.bias",
    }


def _mixer_block(published: str, ours: str) -> dict[str, str]:
    return {
        **_block(published, ours, "FreqMixer"),
        **_decoupling(f"{published}.FreqMixer.fd", f"{ours}.attention.decoupling"),
    }


def _fd4mm_tensors() -> dict[str, str]:
    tensors = {
        "freq_pyramid.PatchEmbed.proj.weight": "pyramid.patch_embedding.weight",
        "manipulator.nonlinear1.0.weight": "magnifier.conv1.weight",
        "manipulator.nonlinear2.0.weight": "magnifier.conv2.weight",
        **_parameters(
            {
                "freq_pyramid.increase_1": "pyramid.widen.0",
                "freq_pyramid.increase_2": "pyramid.widen.1",
                "pyramid_recons.output": "reconstruction.output",
                **{f"pyramid_recons.reduce_{n}": f"reconstruction.reduce.{n}" for n in range(3)},
            },
            ".weight",
            ".bias",
        ),
    }
    for level, (highpass, mixers) in enumerate(((2, 6), (4, 4), (4, 4))):
        tensors[f"pyramid_recons.up_{level}.body.0.weight"] = f"reconstruction.up.{level}.weight"
        tensors |= _decoupling(f"freq_pyramid.freqdec{level}", f"pyramid.decoupling.{level}")
        for i in range(highpass):
            published, ours = (
                f"freq_pyramid.highfilter_{level}.{i}",
                f"pyramid.highpass.{level}.{i}",
            )
            tensors |= _filter_block(published, ours, "Sparse_Highpass_Filter", "Maxpool")
        for i in range(mixers):
            published, ours = (
                f"pyramid_recons.fuse_{level}.{i}",
                f"reconstruction.mixer.{level}.{i}",
            )
            tensors |= _mixer_block(published, ours)
    for i in range(4):
        published, ours = f"manipulator.lowpass.{i}", f"magnifier.lowpass.{i}"
        tensors |= _filter_block(published, ours, "Sparse_Lowpass_Filter", "pool")
    return tensors


def _names(build: Callable[[], MagnificationModel]) -> list[str]:
    with torch.device("meta"):
        return list(build().state_dict())


LAYOUTS = (
    Layout(
        name="lbvmm-magnify",
        source="this project",
        paper=LBVMM.paper,
        licence="MIT",
        build=partial(LBVMM, lbvmm.MAGNIFY),
        tensors={name: f"{ours}.weight" for name, ours in _OFFICIAL_MODULES.items()},
    ),
    Layout(
        name="lbvmm-official",
        source="12dmodel/deep_motion_mag (TensorFlow)",
        paper=LBVMM.paper,
        licence="MIT file; README: academic use only",
        build=partial(LBVMM, lbvmm.OFFICIAL),
        tensors={
            f"ynet_3frames/{name}/Conv/weights": f"{ours}.weight"
            for name, ours in _OFFICIAL_MODULES.items()
        },
        hwio=True,
        ignored=frozenset({"Variable"}),
    ),
    Layout(
        name="lbvmm-zhengpeng7",
        source="ZhengPeng7/motion_magnification_learning-based",
        paper=LBVMM.paper,
        licence="MIT",
        build=partial(LBVMM, lbvmm.ZHENGPENG7),
        tensors=_parameters(_ZHENGPENG7_MODULES, ".weight"),
    ),
    Layout(
        name="lbvmm-cgst",
        source="cgst/motion-magnification",
        paper=LBVMM.paper,
        licence="none stated",
        build=partial(LBVMM, lbvmm.CGST),
        tensors=_parameters(_CGST_MODULES, ".weight", ".bias"),
    ),
    Layout(
        name="lbvmm-postech",
        source="postech-ami/Deep-Motion-Mag-Pytorch",
        paper=LBVMM.paper,
        licence="none stated",
        build=partial(LBVMM, lbvmm.POSTECH),
        tensors=_parameters(_POSTECH_MODULES, ".weight", ".bias"),
    ),
    Layout(
        name="fd4mm",
        source="Jiafei127/FD4MM",
        paper=FD4MM.paper,
        licence="MIT",
        build=FD4MM,
        tensors=_fd4mm_tensors(),
    ),
    Layout(
        name="quick",
        source="this project",
        paper=Quick.paper,
        licence="MIT",
        build=Quick,
        tensors={name: name for name in _names(Quick)},
    ),
)
