"""Thumbnails drawn as SVG: the topic chooses motif and hue, the length how much there is to see, the video the rest."""

import hashlib
import math
from collections.abc import Callable

_WIDTH, _HEIGHT = 320, 180


def hue(text: str) -> int:
    """A hue in degrees, the same for the same text."""
    return int.from_bytes(_digest(text)[:2], "big") % 360


def thumbnail(topic: str, video: str, duration_s: float) -> str:
    """The picture of a video as an SVG element, the same for the same arguments; it says nothing to a screen reader."""
    base, seed = hue(topic), _digest(video)
    num_layers = 3 if duration_s < 240 else 5 if duration_s < 1200 else 7
    motif = _MOTIFS[_digest(topic)[3] % len(_MOTIFS)]
    sky = f'<rect width="320" height="180" fill="{_colour(base, 62, 30 + seed[0] % 12)}"/>'
    light = (
        f'<circle cx="{40 + seed[1] % 240}" cy="{24 + seed[2] % 50}" r="{14 + seed[3] % 16}" '
        f'fill="{_colour(base + 40, 85, 72)}"/>'
    )
    return (
        '<svg class="art" viewBox="0 0 320 180" preserveAspectRatio="xMidYMid slice" aria-hidden="true">'
        f"{sky}{light}{motif(base, seed, num_layers)}</svg>"
    )


def _hills(base: int, seed: bytes, num_layers: int) -> str:
    def hill(i: int) -> str:
        top = 72 + i * 84 // num_layers
        a, b, c = (seed[(3 * i + k) % 16] % 46 - 23 for k in range(3))
        return (
            f'<path d="M0 {top + a}C80 {top - 30 + b} 150 {top + 34 + c} 220 {top + a - b // 2}S300 {top + c} 320 {top}'
            f'V180H0z" fill="{_colour(base + 9 * i, 58, 46 - i * 26 // num_layers)}"/>'
        )

    return "".join(map(hill, range(num_layers)))


def _rings(base: int, seed: bytes, num_layers: int) -> str:
    x, y = 70 + seed[4] % 180, 60 + seed[5] % 60
    return "".join(
        f'<circle cx="{x}" cy="{y}" r="{150 - i * 130 // num_layers}" fill="{_colour(base + 14 * i, 66, 34 + 5 * i)}"/>'
        for i in range(num_layers)
    )


def _towers(base: int, seed: bytes, num_layers: int) -> str:
    number = num_layers + 3
    width = _WIDTH / number

    def tower(i: int) -> str:
        height = 46 + seed[i % 16] % 92
        return (
            f'<rect x="{i * width + 2:.0f}" y="{_HEIGHT - height}" width="{width - 4:.0f}" height="{height}" rx="5" '
            f'fill="{_colour(base + 6 * i, 52, 44 + seed[(i + 5) % 16] % 22)}"/>'
        )

    return "".join(map(tower, range(number)))


def _waves(base: int, seed: bytes, num_layers: int) -> str:
    def wave(i: int) -> str:
        y, swing = 50 + i * 116 // num_layers, 10 + seed[i % 16] % 24
        return (
            f'<path d="M-10 {y}q42 {-swing} 85 0t85 0 85 0 85 0" fill="none" stroke="{_colour(base + 12 * i, 74, 66)}" '
            f'stroke-width="{4 + seed[(i + 3) % 16] % 9}" stroke-linecap="round"/>'
        )

    return "".join(map(wave, range(num_layers)))


def _beams(base: int, seed: bytes, num_layers: int) -> str:
    x, y = 50 + seed[6] % 220, 150 + seed[7] % 30
    number = 2 * num_layers

    def beam(i: int) -> str:
        first, last = (math.pi * (1 + (i + part) / number) for part in (0.12, 0.72))
        ends = " ".join(f"{x + 360 * math.cos(a):.0f} {y + 360 * math.sin(a):.0f}" for a in (first, last))
        return f'<polygon points="{x} {y} {ends}" fill="{_colour(base + 10 * i, 68, 48 + i % 3 * 9)}"/>'

    return "".join(map(beam, range(number)))


def _tiles(base: int, seed: bytes, num_layers: int) -> str:
    number = num_layers + 1
    side = _WIDTH / number

    def tile(i: int) -> str:
        column, row = i % number, i // number
        size = side * (0.3 + seed[(i * 7 + row) % 16] / 255 * 0.62)
        x, y = column * side + (side - size) / 2, row * side + (side - size) / 2
        return (
            f'<rect x="{x:.0f}" y="{y:.0f}" width="{size:.0f}" height="{size:.0f}" rx="{size / 4:.0f}" '
            f'fill="{_colour(base + 5 * (column + row), 64, 42 + seed[i % 16] % 24)}"/>'
        )

    return "".join(map(tile, range(number * math.ceil(_HEIGHT / side))))


_MOTIFS: tuple[Callable[[int, bytes, int], str], ...] = (_hills, _rings, _towers, _waves, _beams, _tiles)


def _digest(text: str) -> bytes:
    return hashlib.md5(text.encode(), usedforsecurity=False).digest()


def _colour(degrees: int, saturation: int, lightness: int) -> str:
    return f"hsl({degrees % 360} {saturation}% {lightness}%)"
