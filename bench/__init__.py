"""The measured goals: one module per figure, each against the real hosts of the lab."""
