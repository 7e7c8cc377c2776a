"""The description that the HTTP API gives of itself."""

from kv_store.record import MAX_KEY_BYTES, MAX_VALUE_BYTES

DESCRIPTION = f"""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Key-value store</title>
<style>
  :root {{ color-scheme: light dark; }}
  body {{ max-width: 42rem; margin: 3rem auto; padding: 0 1rem; font: 1rem/1.6 system-ui, sans-serif; }}
  pre {{ padding: .8rem 1rem; overflow-x: auto; background: #8882; border-radius: .4rem; }}
</style>
</head>
<body>
<h1>Key-value store</h1>
<p>Values append: a key keeps all of its values, in the order in which they came.
An answer 201 means that the value is on the disk.</p>
<h2>Read</h2>
<pre>GET /?key=colour          →  200  red, green</pre>
<p>A key without values answers 200 with nothing. With <code>Accept: application/json</code>:
<code>{{"key": "colour", "values": ["red", "green"]}}</code>.</p>
<h2>Append</h2>
<pre>POST /                    key=colour&amp;val=red        (a form)
POST /                    {{"key": "colour", "val": "red"}}   (application/json)</pre>
<p>A key has 1 to {MAX_KEY_BYTES} bytes, a value at most {MAX_VALUE_BYTES} bytes of UTF-8.</p>
<h2>Health</h2>
<pre>GET /health               →  200  ok</pre>
</body>
</html>
"""
