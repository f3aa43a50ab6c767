"""The page of the demonstration: one HTML file that needs nothing but the pictures beside it."""

from __future__ import annotations

import html
import shlex
from collections.abc import Sequence
from string import Template

import cv2
import numpy as np

from zoo.demo.section import Number, Section, Shown

_CARD = 256  # side of each half, pixels
_STYLE = """\
:root { color-scheme: light dark; --paper: #fbfaf7; --ink: #22252b; --soft: #666b76;
  --line: #dfdcd3; --panel: #fff; --mark: #b4462b; --code: #f1efe8; }
@media (prefers-color-scheme: dark) { :root { --paper: #16181d; --ink: #e6e4de; --soft: #9a9ea8;
  --line: #33363e; --panel: #1f2229; --mark: #f0916f; --code: #101216; } }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 17px/1.6 system-ui, -apple-system, "Segoe UI", "Noto Sans", sans-serif; }
main, header, footer { max-width: 1160px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 64px; }
h1 { font: 600 clamp(34px, 6vw, 58px)/1.08 Georgia, "Times New Roman", serif; margin: 0 0 16px;
  letter-spacing: -.01em; }
h2 { font: 600 32px/1.2 Georgia, "Times New Roman", serif; margin: 0; }
.lead { font-size: 20px; max-width: 44em; margin: 0; }
.soft, figcaption, footer { color: var(--soft); }
.paper { margin: 4px 0 0; font-size: 15px; }
.idea { max-width: 44em; }
a { color: var(--mark); text-underline-offset: 3px; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); gap: 16px;
  margin: 40px 0 0; padding: 0; list-style: none; }
.cards a { display: block; height: 100%; overflow: hidden; text-decoration: none; color: inherit;
  background: var(--panel); border: 1px solid var(--line); border-radius: 12px; }
.cards a:hover, .cards a:focus-visible { border-color: var(--mark); }
.cards img { display: block; width: 100%; height: auto; }
.cards div { padding: 10px 14px 14px; line-height: 1.35; }
.cards span { display: block; font-size: 15px; color: var(--soft); }
section { padding: 56px 0 8px; margin-top: 56px; border-top: 1px solid var(--line); }
figure { margin: 28px 0; }
figure div { background: #fff; border: 1px solid var(--line); border-radius: 12px; padding: 8px;
  overflow-x: auto; }
figure img { display: block; max-width: 100%; height: auto; margin: 0 auto; }
figcaption { font-size: 15px; margin-top: 8px; max-width: 52em; }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(210px, 1fr)); gap: 16px;
  margin: 24px 0; padding: 0; }
.numbers div { background: var(--panel); border: 1px solid var(--line); border-radius: 12px;
  padding: 14px 18px; }
.numbers dt { font-size: 15px; color: var(--soft); line-height: 1.35; }
.numbers dd { margin: 4px 0 0; font-size: 28px; font-weight: 600;
  font-variant-numeric: tabular-nums; }
.numbers small { display: block; font-size: 15px; font-weight: 400; color: var(--soft);
  line-height: 1.5; }
pre { margin: 12px 0; padding: 14px 18px; white-space: pre-wrap; overflow-wrap: anywhere;
  background: var(--code); border: 1px solid var(--line); border-radius: 12px;
  font: 14px/1.6 ui-monospace, "SF Mono", "DejaVu Sans Mono", monospace; }
footer { padding-top: 40px; padding-bottom: 64px; font-size: 15px; }
footer table { border-collapse: collapse; margin: 12px 0; }
footer td, footer th { padding: 3px 18px 3px 0; text-align: left; }
footer code { font-size: 13px; }
@media (max-width: 640px) { header { padding-top: 36px; } section { margin-top: 32px;
  padding-top: 36px; } body { font-size: 16px; } figure img { max-width: none; } }
"""
_PAGE = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Face-GAN zoo: what it does</title>
<style>
$style</style>
</head>
<body>
<header>
<h1>Five papers, alive again</h1>
<p class="lead">The classic face GANs on TensorFlow 2 and Keras 3, each loaded pretrained and put to
work on $faces faces that none of them has seen. The faces are rendered, nobody's likeness; the
models were trained on two CPU cores. Everything here was made in this run, in $seconds seconds.</p>
<nav aria-label="papers"><ul class="cards">
$cards
</ul></nav>
</header>
<main>
$sections
</main>
<footer>
$footer
</footer>
</body>
</html>
""")


def card_name(key: str) -> str:
    """File name of a section's card."""
    return f"card_{key}.png"


def card(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Both side by side: (H, 2 H, 3) uint8."""
    size = (_CARD, _CARD)
    halves = [cv2.resize(half, size, interpolation=cv2.INTER_LANCZOS4) for half in (before, after)]
    return np.hstack(halves)


def page(sections: Sequence[Section], shown: dict[str, Shown], protocol: dict) -> str:
    """The whole page.

    Args:
        sections: in order.
        shown: of each key.
        protocol: as in `results.json`.
    """
    with_cards = [section for section in sections if shown[section.key].card is not None]
    return _PAGE.substitute(
        style=_STYLE,
        faces=protocol["faces"],
        seconds=protocol["seconds"],
        cards="\n".join(_card(section) for section in with_cards),
        sections="\n".join(_section(section, shown[section.key], protocol) for section in sections),
        footer=_footer(protocol),
    )


def _card(section: Section) -> str:
    title, deed = html.escape(section.title), html.escape(section.deed)
    return (
        f'<li><a href="#{section.key}"><img src="pictures/{card_name(section.key)}" '
        f'width="{2 * _CARD}" height="{_CARD}" alt="{title}: before and after">'
        f"<div>{title}<span>{deed}</span></div></a></li>"
    )


def _section(section: Section, shown: Shown, protocol: dict) -> str:
    parts = [
        f'<section id="{section.key}">',
        f"<h2>{html.escape(section.title)}</h2>",
        f'<p class="soft paper">{html.escape(section.paper)}</p>',
        f'<p class="idea">{html.escape(section.text)}</p>',
        *map(_figure, shown.pictures),
    ]
    if shown.numbers:
        parts += ['<dl class="numbers">', *map(_number, shown.numbers.values()), "</dl>"]
    links = [
        f'<a href="{html.escape(protocol["judged"][name])}/index.html">{html.escape(name)}</a>'
        for name in section.presets
        if name in protocol["judged"] and shown.numbers
    ]
    if links:
        parts.append(f'<p class="soft">All that was measured: {", ".join(links)}.</p>')
    parts.append(f"<pre><code>{html.escape(shown.python.rstrip())}</code></pre>")
    parts.append(f"<pre><code>{html.escape(shlex.join(map(str, shown.shell)))}</code></pre>")
    return "\n".join([*parts, "</section>"])


def _figure(picture) -> str:
    height, width = picture.pixels.shape[:2]
    text = html.escape(picture.text)
    return (
        f'<figure><div><img src="pictures/{html.escape(picture.stem)}.png" width="{width}" '
        f'height="{height}" loading="lazy" alt="{text}"></div>'
        f"<figcaption>{text}</figcaption></figure>"
    )


def _number(number: Number) -> str:
    others = "".join(
        f"<small>{html.escape(name)} {html.escape(number.form.format(value))}</small>"
        for name, value in number.others.items()
    )
    told = html.escape(number.form.format(number.value))
    return f"<div><dt>{html.escape(number.label)}</dt><dd>{told}{others}</dd></div>"


def _footer(protocol: dict) -> str:
    rows = [
        f"<tr><td>{html.escape(name)}</td><td><code>{html.escape(facts['sha256'][:16])}</code></td>"
        f"<td>{html.escape(str(facts['licence']))}</td></tr>"
        for name, facts in protocol["presets"].items()
    ]
    made = html.escape(", ".join(f"{k} {v}" for k, v in protocol["environment"].items()))
    return "\n".join(
        [
            f"<p>Judged on {protocol['faces']} SynthFaces portraits of seed {protocol['seed']}, "
            f"{protocol['size']} pixels, people that no recipe trains on; edits on a third of "
            f"them, turning on {protocol['people_turned']} people. So few faces give a first "
            "impression; the pinned protocols of <code>zoo eval</code> take more. "
            'All numbers: <a href="results.json">results.json</a>. "Truth" is the rendered '
            "picture, Telea is OpenCV's inpainting.</p>",
            "<table><tr><th>preset</th><th>SHA-256</th><th>licence</th></tr>",
            *rows,
            "</table>",
            f"<p>{made}.</p>",
            "<p>A face belongs to a person: ask before you edit somebody's picture, and say that "
            "it was edited. A filled or turned face is a guess, not a likeness.</p>",
        ]
    )
