"""A key-value store in one file: values append, what is acknowledged is durable, a kill at any byte loses nothing."""
