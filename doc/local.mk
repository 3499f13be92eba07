EXTRA_DIST += doc/design.md doc/HACKING.md

dist_man_MANS += doc/onecopy.7
