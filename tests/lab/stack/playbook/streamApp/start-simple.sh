#!/bin/sh
cd /opt/streamApp || exit 1
exec python3 /opt/streamApp/app.py
