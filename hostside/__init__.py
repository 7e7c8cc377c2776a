"""What runs on a host, as root: makes it match a role, tells how it is, and takes the role away again.

Standard library only, Python 3.9 or newer; `bundle` packs the package into one file that needs nothing else.
"""
