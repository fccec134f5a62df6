"""What lets a browser tell that a trace or an axis of an update is the one that was there before.

Plotly keeps what a person did under a fixed `uirevision`: the zoom of an axis, the traces switched
off in the legend. It finds a trace by its place in the figure unless it has a `uid`, so that the
first diverged trial would switch another kind of trial off; and it would keep the zoomed range of
an axis that has meanwhile changed its unit, its parameter or from linear to logarithmic.
"""

import hashlib
import re
from collections import Counter
from typing import Any

_NUMBERS = re.compile(r"[\d.,]+")
_AXIS = re.compile(r"^[xy]axis\d*$")


def identify(figure: dict[str, Any]) -> None:
    """Give traces a `uid` and axes a `uirevision`, in place; figure: Plotly JSON.

    A trace is known by its name without the numbers in it (`pruned (12)`, `best: trial 7`), and its
    turn among those of that name; an axis by its title and type.
    """
    seen: Counter[str] = Counter()
    for trace in figure["data"]:
        name = _NUMBERS.sub("#", str(trace.get("name") or trace.get("type") or ""))
        # plotly.js makes class names and selectors of it: letters and digits only.
        trace["uid"] = f"t{hashlib.sha256(name.encode()).hexdigest()[:8]}n{seen[name]}"
        seen[name] += 1
    layout = figure["layout"]
    for key in [key for key in layout if _AXIS.match(key)]:
        axis = layout[key]
        title = axis.get("title") or {}
        axis["uirevision"] = f"{axis.get('type', '')} {title.get('text', '')}"
