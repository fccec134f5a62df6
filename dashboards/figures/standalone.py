"""A figure as a page that needs nothing but itself: opened by a double click, without a network."""

import html
import json
from typing import Any, NamedTuple

from dashboards.figures.theme import FONT, THEMES, ThemeName


class Caption(NamedTuple):
    """What is said of a figure that left its study."""

    title: str
    summary: str
    about: list[str]
    """Study, trial, versions, dates: a phrase each."""


# No source is allowed but the file itself: nothing can be fetched, whatever a figure holds.
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; base-uri 'none'; form-action 'none'"
)
DRAW = """
const served = JSON.parse(document.getElementById("figure").textContent);
const config = {displaylogo: false, responsive: false, showSendToCloud: false, displayModeBar: true,
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"]};
Plotly.newPlot("plot", {data: served.data, layout: served.layout, frames: served.frames, config});
"""
SHEET = """
body {{ margin: 0; padding: 24px; background: {ground}; color: {text}; font: 15px/1.5 {font}; }}
main {{ max-width: {width}px; margin: 0 auto; }}
h1 {{ font-size: 1.25rem; margin: 0 0 6px; }}
.finding {{ margin: 0 0 12px; }}
.scroll {{ overflow-x: auto; }}
footer {{ margin-top: 12px; color: {muted}; font-size: 0.86rem; overflow-wrap: anywhere; }}
@media print {{ body {{ padding: 0; }} .modebar {{ display: none; }} }}
"""


def standalone_page(
    figure: dict[str, Any], caption: Caption, theme: ThemeName, plotly_js: str
) -> str:
    """HTML with plotly.js inside; `figure` is dressed Plotly JSON without a title of its own."""
    colours = THEMES[theme]
    sheet = SHEET.format(
        **colours._asdict(), font=FONT, width=int(figure["layout"].get("width") or 900)
    )
    said = html.escape(f"{caption.title} {caption.summary}")
    return "".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n',
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
            '<link rel="icon" href="data:,">\n',
            f"<title>{html.escape(caption.title)}</title>\n<style>{sheet}</style>\n</head>\n",
            f"<body>\n<main>\n<h1>{html.escape(caption.title)}</h1>\n",
            f'<p class="finding">{html.escape(caption.summary)}</p>\n',
            f'<div class="scroll"><div id="plot" role="img" aria-label="{said}"></div></div>\n',
            f"<footer>{html.escape(' · '.join(caption.about))}</footer>\n</main>\n",
            f'<script type="application/json" id="figure">{_harmless(figure)}</script>\n',
            f"<script>{plotly_js}</script>\n<script>{DRAW}</script>\n</body>\n</html>\n",
        ]
    )


def _harmless(value: dict[str, Any]) -> str:
    """JSON that cannot end its element, whatever text is in it."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
