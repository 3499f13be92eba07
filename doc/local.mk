EXTRA_DIST += \
	doc/HACKING.md \
	doc/catalogue.md \
	doc/design.md \
	doc/first-five-minutes.md \
	doc/images.md \
	doc/memory.svg \
	doc/policy.md \
	doc/promises.md \
	doc/programs.md \
	doc/recipes.md \
	doc/reliability.md \
	doc/security.md \
	doc/performance.md \
	doc/planted-faults.md \
	doc/sizes.svg \
	doc/tracing.md

dist_man_MANS += doc/onecopy.7
dist_man_MANS += doc/libonecopy.3
