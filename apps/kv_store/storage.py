#!/usr/bin/env python3
"""`storage.py --key K` prints the values of a key, `storage.py --key K --val V` appends one."""

import sys

from kv_store.cli import main

if __name__ == "__main__":
    sys.exit(main())
