EXTRA_DIST += doc/images.md doc/catalogue.md doc/design.md doc/HACKING.md doc/policy.md doc/recipes.md doc/tracing.md

dist_man_MANS += doc/onecopy.7
dist_man_MANS += doc/libonecopy.3
