#!/bin/bash
# The blocks of doc/recipes.md, as far as what reads them is installed.
# shellcheck source=tests/shim/tool-tap.sh
. "$(dirname "$0")/tool-tap.sh"
python=/usr/bin/python3
[ -x "$python" ] || python=$(command -v python3) || skip_all "no python3"
# shellcheck disable=SC2154
library=$builddir/src/.libs/libonecopy-preload.so
home=$work/home

# Each block goes to a file of the name that its first line has behind "# /..." or "// ".
"$python" - "$srcdir/doc/recipes.md" "$work/blocks" <<'END'
import os, re, sys
os.mkdir(sys.argv[2])
for block in re.findall(r"^```\w+\n(.*?)^```$", open(sys.argv[1]).read(), re.M | re.S):
    name = re.match(r"(?:#|//) (\S+)\n", block)
    with open(os.path.join(sys.argv[2], name[1].replace("/", "-").strip("-")), "w") as out:
        out.write(block)
END
blocks=$work/blocks
is "$(find "$blocks" -type f -printf '%f\n' | sort)" "Snakefile
compose.yaml
deployment.yaml
etc-supervisor-conf.d-worker.conf
etc-systemd-system-onecopy-clean@.service
etc-systemd-system-onecopy-clean@.timer
etc-systemd-system-worker.service.d-onecopy.conf
nextflow.config" "every block has its name"

# ---- systemd ----
units=$work/units
mkdir -p "$units/worker.service.d"
printf '[Service]\nExecStart=/bin/true\nUser=daemon\n' >"$units/worker.service"
cp "$blocks/etc-systemd-system-worker.service.d-onecopy.conf" "$units/worker.service.d/onecopy.conf"
for unit in service timer; do
    sed "s|/usr/bin/onecopy|$onecopy|" "$blocks/etc-systemd-system-onecopy-clean@.$unit" >"$units/onecopy-clean@.$unit"
done
if command -v systemd-analyze >/dev/null; then
    run env SYSTEMD_UNIT_PATH="$units:" systemd-analyze verify --man=no "$units/worker.service" \
        "$units/onecopy-clean@daemon.service" "$units/onecopy-clean@daemon.timer"
    is "$status $(grep -e onecopy -e worker <<<"$err")" "0 " "systemd takes the units"
else
    skip "no systemd" "systemd takes the units"
fi

# ---- YAML ----
if "$python" -c 'import yaml' 2>/dev/null; then
    "$python" - "$blocks" >"$work/yaml" 2>&1 <<'END'
import sys, yaml
compose = yaml.safe_load(open(sys.argv[1] + "/compose.yaml"))
worker = compose["services"]["worker"]
volume = compose["volumes"][worker["volumes"][1].split(":")[0]]["driver_opts"]
print(worker["environment"]["ONECOPY_DIR"] == worker["volumes"][1].split(":")[1],
      "uid=" + worker["user"].split(":")[0] in volume["o"].split(","))
pod = yaml.safe_load(open(sys.argv[1] + "/deployment.yaml"))["spec"]["template"]["spec"]
volumes = {v["name"] for v in pod["volumes"]}
box, = pod["containers"]
mounts = {m["name"]: m["mountPath"] for m in box["volumeMounts"]}
env = {e["name"]: e["value"] for e in box["env"]}
made = pod["initContainers"][0]["command"]
print(all(m["name"] in volumes for c in pod["initContainers"] + [box] for m in c["volumeMounts"]),
      made[-1] == env["ONECOPY_DIR"], made[made.index("-o") + 1] == str(box["securityContext"]["runAsUser"]),
      env["LD_PRELOAD"].startswith(mounts["library"] + "/"), env["ONECOPY_FILES"].startswith(mounts["models"] + "/"))
END
    is "$(<"$work/yaml")" "True True"$'\n'"True True True True True" "containers: YAML, with names, paths and users that fit"
else
    skip "no PyYAML" "containers"
fi

# ---- supervisord: four workers, one image ----
supervisor=
stop_supervisor() {
    [ -z "$supervisor" ] || kill "$supervisor" 2>/dev/null
    wait 2>/dev/null
    supervisor=
}
trap 'stop_supervisor; rm -rf "$work"' EXIT
supervise() {
    mkdir "$work/models"
    head -c 6000000 /dev/urandom >"$work/models/one.bin"
    cat >"$work/worker" <<END
import sys, time
data = open("$work/models/one.bin", "rb").read()
open("$work/ready" + sys.argv[2], "w").write("ready")
time.sleep(600)
END
    {
        printf '[supervisord]\nlogfile=%s\npidfile=%s\nchildlogdir=%s\n' "$work/log" "$work/pid" "$work"
        sed -e "s|libonecopy-preload.so\"|$library\",ONECOPY_DIR=\"$home\"|" -e "s|/srv/models|$work/models|" \
            -e "s|/srv/worker/bin/worker|$python $work/worker|" "$blocks/etc-supervisor-conf.d-worker.conf"
    } >"$work/supervisord.conf"
    supervisord -n -c "$work/supervisord.conf" >"$work/supervisord.out" 2>&1 &
    supervisor=$!
    for _ in $(seq 600); do
        [ "$(find "$work" -name 'ready80*' -size +0 | wc -l)" = 4 ] && break
        sleep 0.1
    done
    run "$onecopy" stat --dir "$home" --json
    stop_supervisor
}
if command -v supervisord >/dev/null; then
    supervise
    is "$("$python" -c 'import json, sys; j = json.load(open(sys.argv[1])); print([i["users"] for i in j["images"]], j["saved_bytes"] > 17000000)' \
        "$work/.out" 2>&1)" "[4] True" "supervisord: four workers use one image"
else
    skip "no supervisord" "supervisord"
fi

# ---- Snakemake ----
if command -v snakemake >/dev/null; then
    mkdir "$work/flow" "$work/ref"
    head -c 3000000 /dev/urandom >"$work/ref/hg38.fa.bwt"
    sed -e "s|LD_PRELOAD=libonecopy-preload.so|LD_PRELOAD=$library ONECOPY_DIR=$home|" -e "s|/ref/|$work/ref/|g" \
        -e "s|cksum <\(.*\) >|$python $work/sum \1 >|" "$blocks/Snakefile" >"$work/flow/Snakefile"
    echo 'import sys, zlib; print(zlib.crc32(open(sys.argv[1], "rb").read()))' >"$work/sum"
    run env HOME="$work" XDG_CACHE_HOME="$work" snakemake -s "$work/flow/Snakefile" -d "$work/flow" -j 2
    is "$status $(sort -u "$work"/flow/*.sum | wc -l) $(find "$work/flow" -name '*.sum' | wc -l)" "0 1 8" "Snakemake: eight jobs, one result"
    run "$onecopy" clean --dir "$home" --json
    is "$("$python" -c 'import json, sys; j = json.load(open(sys.argv[1])); print(j["kept"], j["in_use"])' "$work/.out" 2>&1)" "1 0" \
        "and the image is kept for the next"
else
    skip "no Snakemake" "Snakemake"
    skip "no Snakemake" "and the image is kept for the next"
fi
done_testing
