#!/bin/bash
# Run the driver on the faulty build.  FAULT_PLACES: how many places of each system
# call to try, 0 for all of them (some ten thousand runs).
set -u
builddir=$(cd "${top_builddir:-.}" && pwd)
exec "$builddir/tests/faults/drive" "$builddir/tests/faults/.libs/libfaulty.so" \
    "$builddir/tests/faults/host" "${FAULT_PLACES:-2}"
