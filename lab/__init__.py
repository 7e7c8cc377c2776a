"""Real Debian hosts on one machine: each with its own systemd, sshd, disk and network, for development and tests."""
