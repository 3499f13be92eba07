/*
 * Start and end.
 */
#include "shim/real.h"

#include "base/guard.h"
#include "base/options.h"
#include "shim/whole.h"

static const char *getenv_fn(const char *name)
{
    return getenv(name);
}

__attribute__((constructor)) static void start(void)
{
    int saved = errno;
    oc_real_resolve();
    if (oc_options_read(getenv_fn) && oc_options.rules.rules && !oc_options.disable) {
        static struct oc_guard_libc libc;
        libc.sigaction = oc_real.sigaction;
        oc_guard_use(&libc);
        oc_fd_streams_end = oc_whole_end_all;
        pthread_atfork(oc_serve_fork_before, oc_serve_fork_parent, oc_serve_fork_child);
        (void)at_quick_exit(oc_serve_stop); /* full: images are left to the next start */
        oc_shim_open_start();
        oc_serve_start();
    }
    errno = saved;
}

__attribute__((destructor)) static void stop(void)
{
    int saved = errno;
    oc_serve_stop();
    errno = saved;
}
