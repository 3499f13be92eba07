# Real programs, as Debian ships them.
dist_check_SCRIPTS += tests/programs/quick.sh
TESTS += tests/programs/quick.sh

# The whole table, doc/programs.md: by hand.
EXTRA_DIST += tests/programs/run tests/programs/exact \
	tests/programs/suite/case.py tests/programs/suite/exactly.py tests/programs/suite/inputs.py \
	tests/programs/suite/measure.py tests/programs/suite/show.py \
	tests/programs/list/aligners.py tests/programs/list/models.py \
	tests/programs/list/services.py tests/programs/list/structured.py \
	tests/programs/drive/Load.java tests/programs/drive/bam tests/programs/drive/draw.py \
	tests/programs/drive/fed tests/programs/drive/fpm tests/programs/drive/gunicorn.py tests/programs/drive/keys \
	tests/programs/drive/load.R tests/programs/drive/load.js tests/programs/drive/load.lua \
	tests/programs/drive/load.php tests/programs/drive/load.pl tests/programs/drive/load.py \
	tests/programs/drive/load.rb tests/programs/drive/members.py tests/programs/drive/nginx.py \
	tests/programs/drive/postgres tests/programs/drive/redis tests/programs/drive/sql.py \
	tests/programs/drive/star tests/programs/drive/tiles
