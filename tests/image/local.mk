# Images under the preload, against an adversary.
image_kit = tests/image/kit.c tests/image/kit.h
EXTRA_DIST += tests/image/image-tap.sh

check_PROGRAMS += tests/image/stale tests/image/copyup
tests_image_stale_SOURCES = tests/image/stale.c $(image_kit)
tests_image_copyup_SOURCES = tests/image/copyup.c $(image_kit)

dist_check_SCRIPTS += tests/image/stale.sh
TESTS += tests/image/stale.sh

dist_check_SCRIPTS += tests/image/clocks.sh
TESTS += tests/image/clocks.sh

check_PROGRAMS += tests/image/handlers
tests_image_handlers_SOURCES = tests/image/handlers.c $(image_kit)
dist_check_SCRIPTS += tests/image/handlers.sh
TESTS += tests/image/handlers.sh

check_PROGRAMS += tests/image/life
tests_image_life_SOURCES = tests/image/life.c $(image_kit)
dist_check_SCRIPTS += tests/image/life.sh
TESTS += tests/image/life.sh

check_PROGRAMS += tests/image/homes
tests_image_homes_SOURCES = tests/image/homes.c $(image_kit)
dist_check_SCRIPTS += tests/image/homes.sh
TESTS += tests/image/homes.sh

check_PROGRAMS += tests/image/stream
tests_image_stream_SOURCES = tests/image/stream.c $(image_kit)
dist_check_SCRIPTS += tests/image/stream.sh
TESTS += tests/image/stream.sh

check_PROGRAMS += tests/image/steps
tests_image_steps_SOURCES = tests/image/steps.c $(image_kit)
dist_check_SCRIPTS += tests/image/steps.sh
TESTS += tests/image/steps.sh

check_PROGRAMS += tests/image/chaos
tests_image_chaos_SOURCES = tests/image/chaos.c $(image_kit)
dist_check_SCRIPTS += tests/image/chaos.sh
TESTS += tests/image/chaos.sh

check_PROGRAMS += tests/image/where
tests_image_where_SOURCES = tests/image/where.c $(image_kit)
dist_check_SCRIPTS += tests/image/where.sh
TESTS += tests/image/where.sh

dist_check_SCRIPTS += tests/image/share.sh
TESTS += tests/image/share.sh

check_PROGRAMS += tests/image/kept
tests_image_kept_SOURCES = tests/image/kept.c $(image_kit)
tests_image_kept_LDADD = -lpthread
dist_check_SCRIPTS += tests/image/kept.sh
TESTS += tests/image/kept.sh

check_PROGRAMS += tests/image/cache
tests_image_cache_SOURCES = tests/image/cache.c $(image_kit)
dist_check_SCRIPTS += tests/image/cache.sh
TESTS += tests/image/cache.sh

dist_check_SCRIPTS += tests/image/hostile.sh
TESTS += tests/image/hostile.sh

dist_check_SCRIPTS += tests/image/liars.sh
TESTS += tests/image/liars.sh
EXTRA_DIST += tests/image/liar.py tests/image/lied.py

dist_check_SCRIPTS += tests/image/copied.sh
TESTS += tests/image/copied.sh
