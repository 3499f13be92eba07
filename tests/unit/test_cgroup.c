/*
 * What a memory cgroup leaves room for: files as the kernel shows them, versions 1 and 2, in a
 * mount namespace where /sys/fs/cgroup and /proc are the test's.
 */
#include <CUnit/CUnit.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/cgroup.h"
#include "tap.h"

#define V1 "/sys/fs/cgroup/memory"
#define V2 "/sys/fs/cgroup"

enum { CANNOT = 77 };

static void put(const char *path, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(const char *path, const char *format, ...)
{
    va_list args;
    FILE *f = fopen(path, "w");

    if (!f)
        _exit(2);
    va_start(args, format);
    vfprintf(f, format, args);
    va_end(args);
    fclose(f);
}

static void group(const char *path, bool one, const char *limit, unsigned used, unsigned active,
                  unsigned inactive)
{
    char name[300];

    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        _exit(2);
    snprintf(name, sizeof name, "%s/memory.%s", path, one ? "limit_in_bytes" : "max");
    put(name, "%s\n", limit);
    snprintf(name, sizeof name, "%s/memory.%s", path, one ? "usage_in_bytes" : "current");
    put(name, "%u\n", used);
    snprintf(name, sizeof name, "%s/memory.stat", path);
    put(name, "anon 77777\n%sactive_file %u\nmapped_file 5555\n%sinactive_file %u\nslab 9\n",
        one ? "total_" : "", active, one ? "total_" : "", inactive);
}

static void of_process(const char *lines)
{
    put("/proc/self/cgroup", "%s", lines);
}

static bool private_mounts(void)
{
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", "/sys/fs/cgroup", "tmpfs", 0, NULL) != 0 ||
        mount("none", "/proc", "tmpfs", 0, NULL) != 0)
        return false;
    return mkdir("/proc/self", 0700) == 0 && mkdir(V1, 0700) == 0;
}

/* With no limit one is not looked for again at once. */
static bool room_is(uint64_t room)
{
    uint64_t got = oc_cgroup_room();

    for (int i = 0; got == UINT64_MAX && room != got && i < 100; i++)
        got = oc_cgroup_room();
    for (int i = 0; room == UINT64_MAX && got == room && i < 100; i++)
        got = oc_cgroup_room();
    if (got != room)
        fprintf(stderr, "# %llu, not %llu\n", (unsigned long long)got, (unsigned long long)room);
    return got == room;
}

static int second_version(void *arg)
{
    (void)arg;
    if (!private_mounts())
        return CANNOT;
    if (!room_is(UINT64_MAX))
        return 3;
    group(V2 "/a", false, "1000000", 400000, 100000, 50000);
    group(V2 "/a/b", false, "max", 5, 0, 0);
    of_process("0::/a/b\n");
    if (!room_is(750000))
        return 4;
    group(V2 "/a/b", false, "600000", 100000, 0, 0); /* the nearest limit */
    if (!room_is(500000))
        return 5;
    group(V2 "/a/b", false, "600000", 100000, 90000, 20000); /* more cache than is used */
    if (!room_is(600000))
        return 6;
    group(V2 "/a/b", false, "600000", 700000, 1000, 0);
    if (!room_is(0))
        return 7;
    group(V2 "/a/b", false, "600000", 600001, 1, 0);
    if (!room_is(0))
        return 8;
    of_process("0::/nowhere\n"); /* only the last step is there: no limit */
    if (!room_is(UINT64_MAX))
        return 9;
    put(V2 "/memory.max", "5000\n");
    put(V2 "/memory.current", "1000\n");
    return room_is(4000) ? 0 : 10;
}

static int first_version(void *arg)
{
    char lines[800];

    (void)arg;
    if (!private_mounts())
        return CANNOT;
    group(V1 "/x", true, "1000000", 400000, 100000, 50000);
    of_process("9:cpu,cpuacct:/y\n4:cpu,memory:/x\n1:name=systemd:/z\n");
    if (!room_is(750000))
        return 3;
    of_process("4:memory:/x\n");
    if (!room_is(750000))
        return 4;
    of_process("4:memory,cpu:/x\n");
    if (!room_is(750000))
        return 5;
    of_process("4:memoryless:/x\n4:xmemory:/x\n4:cpu:/memory:/x\n4\n:\n");
    if (!room_is(UINT64_MAX))
        return 6;
    group(V1 "/x", true, "9223372036854771712", 400000, 0, 0); /* none */
    of_process("4:memory:/x\n");
    if (!room_is(UINT64_MAX))
        return 7;
    group(V2 "/x", false, "700", 300, 0, 0);
    of_process("4:memory:/x\n0::/x\n"); /* both at once */
    if (!room_is(400))
        return 8;
    memset(lines, 'l', sizeof lines); /* a path that is too long: the last step only */
    memcpy(lines, "0::/", 4);
    strcpy(lines + 700, "\n");
    of_process(lines);
    if (!room_is(UINT64_MAX))
        return 9;
    put(V2 "/memory.max", "5000\n");
    return room_is(0) ? 0 : 10; /* what is used is not known: all of it */
}

static void in_namespace(int (*body)(void *))
{
    int status = oc_tap_child(body, NULL);

    if (status == CANNOT)
        printf("# no mount namespace of its own to be had\n");
    else
        CU_ASSERT_EQUAL(status, 0);
}

static void test_second(void)
{
    in_namespace(second_version);
}

static void test_first(void)
{
    in_namespace(first_version);
}

int main(void)
{
    static const struct oc_tap_test tests[] = {
        {"limits of version 2", test_second},
        {"limits of version 1, and of both", test_first},
        {NULL, NULL},
    };
    return oc_tap_suite("cgroup", tests);
}
