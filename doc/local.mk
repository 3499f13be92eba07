EXTRA_DIST += doc/design.md doc/HACKING.md
