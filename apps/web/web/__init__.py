"""The sample web application: a page, a health answer that can say "draining", and a WebSocket echo."""
