"""Components: which resources a duty has, in which order they change. No rendered text, no stack names."""
