# shellcheck shell=bash disable=SC2034,SC2154
# The tests of files in numpy, h5py, pandas and zarr, as Debian installs them; a part is a folder
# or file of them.
packages="python3-numpy python3-h5py-serial python3-pandas python3-zarr python3-pytest python3-hypothesis"
quick=""
parts="numpy/lib/tests/test_format.py numpy/lib/tests/test_loadtxt.py numpy/lib/tests/test__datasource.py
    numpy/core/tests/test_memmap.py h5py/_debian_h5py_serial/tests pandas/tests/io/parser/common
    pandas/tests/io/pytables pandas/tests/io/test_pickle.py pandas/tests/io/test_common.py
    pandas/tests/io/test_compression.py pandas/tests/io/test_stata.py zarr/tests/test_storage.py"

run_part() {
    local status=0 site=/usr/lib/python3/dist-packages
    # The sources are not the user's to write to.
    (cd "$work" && under env PYTHONDONTWRITEBYTECODE=1 "$python" -m pytest -q -p no:cacheprovider \
        -W ignore --basetemp "$work/temp" --junit-xml "$work/cases.xml" "$site/$1" >"$work/said" 2>&1) || status=$?
    [ $status = 0 ] || { echo "-- $pass $1: $status"; tail -n 400 "$work/said"; } >>"$cache/said-$suite-$pass"
    [ ! -s "$work/cases.xml" ] || "$python" "$here/junit.py" "$work/cases.xml" "$1" | while IFS=$'\t' read -r name what; do
        result "$name" "$what"
    done
    result "$1" "$([ $status = 0 ] && echo pass || echo fail)"
    rm -rf "$work/cases.xml" "$work/temp"
}
