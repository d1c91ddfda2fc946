"""Which of FFmpeg's formats are read: those whose files stand for themselves.

Left out are playlists, lists of files, texts, devices and the network: a file must not make another
one be read. With them go the few formats whose files continue in others (MLV, VobSub, IMF).
"""

_GENERAL = (
    "mov matroska avi mpegts mpegtsraw mpeg mpegvideo flv live_flv kux gif apng asf asf_o ogg mxf "
    "nut nuv rm ivr gxf lxf wtv ty pva nsv swf xmv jpegxl_anim fits"
)
_ELEMENTARY = (
    "h261 h263 h264 hevc vvc evc avs2 avs3 cavsvideo m4v dirac dnxhd vc1 vc1test mjpeg mjpeg_2000 "
    "mpjpeg smjpeg ingenient apv av1 obu ivf yuv4mpegpipe dv r3d ipu"
)
_CAMERAS = "cine ser dhav hxvs ifv iv8 lmlm4 luodat mxg nc simbiosis_imx vivo msnwctcp mtv mvi mv"
_GAMES = (
    "4xm anm argo_brp avs bethsoftvid bfi bink bmv c93 cdg cdxl dcstr dfa dsicin dxa ea film_cpk "
    "filmstrip flic frm gdv hnm idcin iff ipmovie iss jv mm mods moflex paf pdv pmp psxstr rl2 roq "
    "rpl sdr2 sga siff smk smush thp tiertexseq tmv usm vividas vmd wc3movie wsvqa yop"
)
_SOUND = "aac ac3 aiff au caf eac3 flac mp3 wav w64 wv"
"""So that their files can be told to have no pictures."""

_PICTURES = (
    "bmp cri dds dpx exr gem gif hdr j2k jpeg jpegls jpegxl jpegxs pam pbm pcx pfm pgm pgmyuv pgx "
    "phm photocd pictor png ppm psd qdraw qoi sgi sunrast tiff vbn webp xbm xpm xwd"
)
_PIPES = " ".join(f"{name}_pipe" for name in _PICTURES.split())


def _options(*formats: str) -> dict[str, str]:
    return {
        "format_whitelist": ",".join(" ".join(formats).split()),
        "protocol_whitelist": "file",
    }


VIDEO_OPTIONS = _options(_GENERAL, _ELEMENTARY, _CAMERAS, _GAMES, _SOUND, _PIPES)
"""For `av.open`. Single pictures are among them only to be told from what is no video at all."""

IMAGE_OPTIONS = {**_options(_PIPES, "image2 fits gif apng mjpeg"), "pattern_type": "none"}
"""For `av.open`: the file itself is meant, whatever patterns its name holds."""

_IMAGE_NAMES = (
    "bmp dds dpx exr fits hdr j2c j2k jp2 jpc jpeg jpg jls pam pbm pcx pfm pgm png pnm ppm psd qoi "
    "ras sgi sun tga tif tiff webp xbm xpm xwd"
)
IMAGE_SUFFIXES = frozenset(f".{name}" for name in _IMAGE_NAMES.split())
"""The pictures that a folder is searched for."""
