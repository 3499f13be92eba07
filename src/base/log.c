/*
 * Messages: formatted into a line on the stack, sent in one piece.
 *
 * The program must not notice that we speak.  So a message is dropped rather
 * than sent where it could block (a full pipe), and the signals that a write
 * can raise (SIGPIPE, SIGXFSZ) are kept away from the program.
 */
#include "base/log.h"
#include "base/own.h"

#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "base/sys.h"

enum { LINE = 1024, MASK_SIZE = _NSIG / 8 };

#ifndef SYS_rt_sigtimedwait
#define SYS_rt_sigtimedwait SYS_rt_sigtimedwait_time64
#endif
#ifndef SYS_ppoll
#define SYS_ppoll SYS_ppoll_time64
#endif

enum oc_log_level oc_log_level = OC_LOG_ERROR;

static const char *log_path;
static _Atomic unsigned log_count;

/* What descriptor 2 was when the library started.  A program that closes it and
 * opens a file of its own there must not find our words in that file. */
static struct {
    bool known;
    bool open;
    dev_t dev;
    ino_t ino;
} err;

/* ---- formatting ---- */

struct out {
    char *text;
    size_t size, len; /* len counts what does not fit, too */
};

static void put(struct out *o, char c)
{
    if (o->len + 1 < o->size)
        o->text[o->len] = c;
    o->len++;
}

static void put_text(struct out *o, const char *s)
{
    for (s = s ? s : "(null)"; *s; s++)
        put(o, *s);
}

static void put_number(struct out *o, uint64_t n, unsigned base)
{
    char digits[24];
    int i = 0;

    do
        digits[i++] = "0123456789abcdef"[n % base];
    while ((n /= base) != 0);
    while (i)
        put(o, digits[--i]);
}

static void put_signed(struct out *o, int64_t n)
{
    if (n < 0)
        put(o, '-');
    put_number(o, n < 0 ? 0 - (uint64_t)n : (uint64_t)n, 10);
}

/* How wide an integer conversion is: nothing, l, ll or z. */
enum width { INT, LONG, LLONG, SIZE };

static enum width take_width(const char **f)
{
    if (**f == 'z') {
        (*f)++;
        return SIZE;
    }
    if (**f != 'l')
        return INT;
    (*f)++;
    if (**f != 'l')
        return LONG;
    (*f)++;
    return LLONG;
}

/* va_list may be an array type, which decays when passed: hence the struct. */
struct args {
    va_list ap;
};

static int64_t take_signed(struct args *a, enum width w)
{
    switch (w) {
    case LONG:
        return va_arg(a->ap, long);
    case LLONG:
        return va_arg(a->ap, long long);
    case SIZE:
        return va_arg(a->ap, ssize_t);
    default:
        return va_arg(a->ap, int);
    }
}

static uint64_t take_unsigned(struct args *a, enum width w)
{
    switch (w) {
    case LONG:
        return va_arg(a->ap, unsigned long);
    case LLONG:
        return va_arg(a->ap, unsigned long long);
    case SIZE:
        return va_arg(a->ap, size_t);
    default:
        return va_arg(a->ap, unsigned);
    }
}

/* One conversion, *f behind its '%'; false for one that is not ours. */
static bool convert(struct out *o, const char **f, struct args *a)
{
    enum width w = take_width(f);

    switch (**f) {
    case 'd':
        put_signed(o, take_signed(a, w));
        break;
    case 'u':
        put_number(o, take_unsigned(a, w), 10);
        break;
    case 'x':
        put_number(o, take_unsigned(a, w), 16);
        break;
    case 's':
        put_text(o, va_arg(a->ap, const char *));
        break;
    case 'c':
        put(o, (char)va_arg(a->ap, int));
        break;
    case '%':
        put(o, '%');
        break;
    default:
        return false;
    }
    (*f)++;
    return true;
}

/* Behind a conversion we don't know, no argument can be trusted: the rest of the
 * format is printed as it is. */
static void format_into(struct out *o, const char *f, struct args *a)
{
    while (*f) {
        const char *percent = f;

        if (*f++ != '%') {
            put(o, *percent);
        } else if (!convert(o, &f, a)) {
            put_text(o, percent);
            return;
        }
    }
}

int oc_format(char *out, unsigned long size, const char *format, ...)
{
    struct out o = {.text = out, .size = size};
    struct args a;

    va_start(a.ap, format);
    format_into(&o, format, &a);
    va_end(a.ap);
    if (size)
        out[o.len < size ? o.len : size - 1] = '\0';
    return (int)o.len;
}

/* ---- sending ---- */

static bool can_write(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int64_t zero[2] = {0, 0};

    return oc_syscall(SYS_ppoll, (long)&p, 1, (long)zero, 0, MASK_SIZE, 0) == 1 &&
           (p.revents & (POLLOUT | POLLERR | POLLNVAL)) == POLLOUT;
}

/* Write with SIGPIPE and SIGXFSZ blocked, and swallow what the write raised, unless
 * the program had it pending already. */
static void write_quietly(int fd, const char *text, size_t len)
{
    const uint64_t ours[2] = {(1ULL << (SIGPIPE - 1)) | (1ULL << (SIGXFSZ - 1)), 0};
    const int64_t zero[2] = {0, 0};
    uint64_t before[2], pending[2] = {0, 0};
    ssize_t ret;

    OC_SYS_4(SYS_rt_sigprocmask, SIG_BLOCK, ours, before, MASK_SIZE);
    OC_SYS_2(SYS_rt_sigpending, pending, MASK_SIZE);
    ret = oc_sys_write(fd, text, len);
    if (ret == -EPIPE || ret == -EFBIG) {
        uint64_t raised[2] = {ours[0] & ~pending[0], 0};

        OC_SYS_4(SYS_rt_sigtimedwait, raised, NULL, zero, MASK_SIZE);
    }
    OC_SYS_4(SYS_rt_sigprocmask, SIG_SETMASK, before, NULL, MASK_SIZE);
}

static bool is_our_stderr(void)
{
    struct stat st;

    if (!err.known)
        return true;
    return err.open && oc_sys_fstat(2, &st) == 0 && st.st_dev == err.dev && st.st_ino == err.ino;
}

void oc_log_write(const char *text, unsigned long len)
{
    if (is_our_stderr() && can_write(2))
        write_quietly(2, text, len);
}

/* O_NONBLOCK: a FIFO that nobody reads must not hold the program up. */
static void write_to_file(const char *path, const char *text, size_t len)
{
    int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    int fd = oc_own_open(path, flags, 0666);

    if (fd < 0)
        return;
    write_quietly(fd, text, len);
    oc_own_close(fd);
}

static void send(char *line, size_t len)
{
    line[len++] = '\n';
    if (log_path)
        write_to_file(log_path, line, len);
    else
        oc_log_write(line, len);
}

void oc_log_to(enum oc_log_level level, const char *path)
{
    struct stat st;

    oc_log_level = level;
    log_path = path;
    err.open = oc_sys_fstat(2, &st) == 0;
    if (err.open) {
        err.dev = st.st_dev;
        err.ino = st.st_ino;
    }
    err.known = true;
}

void oc_log_print(enum oc_log_level level, const char *format, ...)
{
    char line[LINE];
    struct out o = {.text = line, .size = sizeof line};
    struct args a;
    unsigned nth;

    if (level > oc_log_level)
        return;
    nth = atomic_fetch_add_explicit(&log_count, 1, memory_order_relaxed);
    if (nth >= OC_LOG_MAX)
        return;
    put_text(&o, "onecopy[");
    put_signed(&o, oc_sys_pid());
    put_text(&o, "]: ");
    if (nth == OC_LOG_MAX - 1) {
        put_text(&o, "too many messages, the rest is silence");
    } else {
        va_start(a.ap, format);
        format_into(&o, format, &a);
        va_end(a.ap);
    }
    send(line, o.len < sizeof line ? o.len : sizeof line - 1);
}
