"""Stand-ins for Pulumi's official plugins, for machines that cannot download them.

They do the little this program asks of the official ones, refuse the rest, say at every start what they are, and reach
no host outside their lab.
"""
