"""The tokens of the pages: light and dark have the same ones, and what is read together has contrast."""

import re
from math import cos, radians, sin
from pathlib import Path

import pytest

TOKENS = Path(__file__).parents[1] / "src" / "web" / "styles" / "tokens.css"
Colour = tuple[float, float, float]


def blocks() -> tuple[str, str]:
    light, dark = TOKENS.read_text().split("@media")[0].split(':root[data-theme="dark"] {')
    return light, dark


def tokens() -> dict[str, dict[str, Colour]]:
    light, dark = blocks()
    return {"light": colours(light), "dark": colours(dark)}


def colours(block: str) -> dict[str, Colour]:
    """Those that cover what is beneath them: a tint has no contrast of its own."""
    found = re.findall(r"--([\w-]+): oklch\(([\d.]+) ([\d.]+) ([\d.]+)\);", block)
    return {name: srgb((float(lightness), float(chroma), float(hue))) for name, lightness, chroma, hue in found}


def srgb(colour: Colour) -> Colour:
    """An OKLCH colour as a screen has it, each part from 0 to 1 (as CSS Color 4 says)."""
    lightness, chroma, hue = colour
    a, b = chroma * cos(radians(hue)), chroma * sin(radians(hue))
    long, medium, short = (
        (lightness + x * a + y * b) ** 3
        for x, y in ((0.3963377774, 0.2158037573), (-0.1055613458, -0.0638541728), (-0.0894841775, -1.2914855480))
    )
    return (
        encoded(4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short),
        encoded(-1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short),
        encoded(-0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short),
    )


def encoded(part: float) -> float:
    part = min(max(part, 0.0), 1.0)
    return 12.92 * part if part <= 0.0031308 else 1.055 * part ** (1 / 2.4) - 0.055


def decoded(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def luminance(screen: Colour) -> float:
    red, green, blue = map(decoded, screen)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def tinted(ground: Colour, tint: Colour, opacity: float) -> Colour:
    """What is seen of a ground through a tint."""
    red, green, blue = (above * opacity + beneath * (1 - opacity) for above, beneath in zip(tint, ground, strict=True))
    return red, green, blue


def contrast(one: Colour, other: Colour) -> float:
    """Of two colours of the screen: 1 to 21, as WCAG 2 has it."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


GROUNDS = ("background", "card", "popover", "muted")
READ_TOGETHER = [
    *[(text, ground) for text in ("foreground", "muted-foreground") for ground in GROUNDS],
    *[(f"{tone}-text", ground) for tone in ("destructive", "success", "warning", "info") for ground in GROUNDS],
    *[(f"sender-{hue}", "bubble-other") for hue in range(7)],
    *[(f"bubble-{side}-meta", f"bubble-{side}") for side in ("own", "other")],
    *[("bubble-link", f"bubble-{side}") for side in ("own", "other")],
    ("muted-foreground", "accent"),
    ("muted-foreground", "secondary"),
    ("keyboard-foreground", "keyboard-hover"),
]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_is_read_together_has_contrast(theme: str) -> None:
    palette = tokens()[theme]
    pairs = [(name, name.removesuffix("-foreground")) for name in palette if name.endswith("-foreground")]
    pairs = [(text, ground) for text, ground in pairs if ground in palette]
    assert len(pairs) > 10
    for text, ground in [*pairs, *READ_TOGETHER]:
        assert contrast(palette[text], palette[ground]) >= 4.5, (theme, text, ground)
    for edge in ("input", "ring", "primary", "success", "bubble-accent"):
        for ground in ("background", "card"):
            assert contrast(palette[edge], palette[ground]) >= 3, (theme, edge, ground)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_stands_on_a_tint_in_a_bubble_has_contrast_too(theme: str) -> None:
    palette = tokens()[theme]
    block = blocks()[theme == "dark"]
    tint = re.search(r"--bubble-tint: oklch\(([\d.]+) ([\d.]+) ([\d.]+) / ([\d.]+)\);", block)
    assert tint
    lightness, chroma, hue, opacity = map(float, tint.groups())
    for side in ("own", "other"):
        ground = tinted(palette[f"bubble-{side}"], srgb((lightness, chroma, hue)), opacity)
        for text in ("bubble-link", f"bubble-{side}-foreground"):
            assert contrast(palette[text], ground) >= 4.5, (theme, text, side)


def test_both_themes_say_the_same_colours() -> None:
    light, dark = tokens().values()
    assert light.keys() == dark.keys()
