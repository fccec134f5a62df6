"""Texts that do harm wherever a page takes them for something else than text.

Every one that could make an element gives it the attribute `data-made`, and every one that could
run sets `window.made`, so that what comes through is noticed whatever it does.
"""

RUN = "window.made=1;alert(1)"

PAYLOADS: tuple[str, ...] = (
    # Elements and attributes.
    f"<script data-made>{RUN}</script>",
    f"</script><script data-made>{RUN}</script>",
    f'<img data-made src=x onerror="{RUN}">',
    f'"><img data-made src=x onerror="{RUN}">',
    f"'><img data-made src=x onerror='{RUN}'>",
    f'" data-made onfocus="{RUN}" autofocus x="',
    f"' data-made onmouseover='{RUN}' x='",
    f'<svg data-made onload="{RUN}"><desc>x</desc></svg>',
    f"<svg data-made><animate onbegin='{RUN}' attributeName=x dur=1s></svg>",
    f"<details data-made open ontoggle='{RUN}'><summary>x</summary></details>",
    f"<iframe data-made srcdoc='<script>{RUN}</script>'></iframe>",
    "<base data-made href='https://evil.example/'>",
    "<meta data-made http-equiv=refresh content='0;url=https://evil.example/'>",
    "<link data-made rel=stylesheet href='https://evil.example/x.css'>",
    "<form data-made action='https://evil.example/'><button>go</button></form>",
    "<style data-made>*{display:none}</style>",
    f"</textarea><img data-made src=x onerror='{RUN}'>",
    f"</title><img data-made src=x onerror='{RUN}'>",
    f"--><img data-made src=x onerror='{RUN}'><!--",
    f"<!--<img data-made src=x onerror='{RUN}'>",
    f"<math data-made><mtext><table><mglyph><style><img src=x onerror='{RUN}'></style></math>",
    f"<template data-made><img src=x onerror='{RUN}'></template>",
    # Addresses.
    f"javascript:{RUN}",
    f"<a data-made href='javascript:{RUN}'>click</a>",
    f"data:text/html,<script>{RUN}</script>",
    "//evil.example/x",
    # Plotly's own markup, templates and formulas.
    f'<a href="javascript:{RUN}">click</a>',
    '<a href="https://evil.example/" target="_blank">click</a>',
    "<br><b>bold</b><sup>2</sup><span style='color:red;background:url(https://evil.example/)'>x</span>",
    "%{customdata[0]} %{x:.3f} %{fullData.name}<extra></extra>",
    "$\\href{javascript:alert(1)}{x}$",
    # Template languages, and the ends of scripts and of JSON.
    "{{7*7}} {% raw %} ${7*7} #{7*7} <%= 7*7 %>",
    '"]};window.made=1;//',
    "\\u003cscript data-made\\u003e &lt;b data-made&gt; &#60;i data-made&#62;",
    # Style sheets.
    "url(https://evil.example/x.png)",
    "red;background:url('https://evil.example/y.png')}*{display:none}",
    # Letters that hide or turn others, and those that files cannot hold.
    "\u202etxt.exe\u202c \u2066x\u2069 \u200b\u200d\ufeff end",
    "line\u2028para\u2029next\u0085",
    "Z\u0351\u036b\u0343\u036a\u0302a\u0301lgo \U0001f469\u200d\U0001f52c",
    # Spreadsheets, YAML, and what is long.
    "=HYPERLINK(\"https://evil.example/\",\"x\")",
    "- [a, b]: &x !!python/object:os.system",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "x" * 110,
)  # fmt: skip
