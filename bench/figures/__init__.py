"""One module per figure of the goals; each has `measure(bench) -> Result`."""
