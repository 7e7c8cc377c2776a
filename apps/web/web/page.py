"""The page of a server, complete in one answer: no script, no font, no image from elsewhere."""

from __future__ import annotations

from html import escape
from string import Template

_PAGE = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Hello, World! - $label</title>
<style>
  :root { color-scheme: light dark; }
  body { margin: 0; min-height: 100vh; display: grid; place-content: center; text-align: center;
         font: 1.1rem/1.5 system-ui, sans-serif; }
  h1 { margin: 0; font-size: clamp(2rem, 8vw, 4rem); }
  p { margin: .5rem 0 0; opacity: .7; }
</style>
</head>
<body>
<main>
<h1>Hello, World!</h1>
<p>$label</p>
</main>
</body>
</html>
""")


def page(label: str) -> str:
    """The HTML page of the server that calls itself `label`."""
    return _PAGE.substitute(label=escape(label))
