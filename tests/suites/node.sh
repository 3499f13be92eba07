# shellcheck shell=bash disable=SC2034,SC2154
# Node's own tests, by the node that is installed; a part is what their names begin with.
packages="nodejs"
source="nodejs"
quick=""
limit=60
parts="fs file child-process process signal cluster worker pipe stdin stdout stdio zlib readline stream-pipeline
    buffer fixed-queue http-agent net-server dgram vm-module require cwd"

run_part() {
    local test flags
    for test in "$cache/$source/test/parallel/test-$1"*.js; do
        flags=$(sed -n 's,^// Flags: ,,p' "$test")
        # shellcheck disable=SC2086
        outcome "$(basename "$test")" env TEST_SERIAL_ID=0 NODE_TEST_DIR="$work" node $flags "$test"
    done
}
