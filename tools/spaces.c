/* Which processes share an address space: spaces.h.  kcmp(2) orders them, so a sorted list will do.
 */
#include "config.h"
#include "spaces.h"

#include <linux/kcmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What kcmp returns; anything below is an error. */
enum order { SAME, LESS, GREATER };

static long order(pid_t a, pid_t b)
{
    return syscall(SYS_kcmp, a, b, KCMP_VM, 0UL, 0UL);
}

void spaces_begin(struct spaces *spaces, size_t room)
{
    *spaces = (struct spaces){.list = calloc(room + 1, sizeof *spaces->list)};
    if (!spaces->list)
        abort();
}

void spaces_free(struct spaces *spaces)
{
    free(spaces->list);
}

bool spaces_first(struct spaces *spaces, pid_t pid)
{
    size_t from = 0, to = spaces->count;

    while (from < to) {
        size_t middle = (from + to) / 2;
        switch (order(pid, spaces->list[middle])) {
        case SAME:
            return false;
        case LESS:
            to = middle;
            break;
        case GREATER:
            from = middle + 1;
            break;
        default: /* one of the two has ended, or may not be asked about */
            return true;
        }
    }
    memmove(spaces->list + from + 1, spaces->list + from,
            (spaces->count - from) * sizeof *spaces->list);
    spaces->list[from] = pid;
    spaces->count++;
    return true;
}
