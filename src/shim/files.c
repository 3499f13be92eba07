/*
 * What seeks in a FILE, and what else takes bytes from one or looks at its buffer: see whole.h.
 * Everything but the seek is libc's own, after the stream has become one like any other; other
 * streams pay a look at a number that is zero.
 */
/* No bodies of these functions from libc's headers, which clang would keep ours from standing
 * beside, and hide. */
#ifndef __NO_INLINE__
#define __NO_INLINE__ 1
#endif

#include "shim/whole.h"

/* ---- seeking ---- */

OC_EXPORT int fseek(FILE *f, long off, int whence)
{
    return oc_whole_seek(f, off, whence) ? 0 : OC_REAL_LATE(fseek)(f, off, whence);
}

OC_EXPORT int fseeko(FILE *f, off_t off, int whence)
{
    return oc_whole_seek(f, off, whence) ? 0 : OC_REAL_LATE(fseeko)(f, off, whence);
}

OC_EXPORT int fseeko64(FILE *f, off64_t off, int whence)
{
    return oc_whole_seek(f, off, whence) ? 0 : OC_REAL_LATE(fseeko64)(f, off, whence);
}

OC_EXPORT void rewind(FILE *f)
{
    oc_whole_leave(f);
    OC_REAL_LATE(rewind)(f);
}

OC_EXPORT int fsetpos(FILE *f, const fpos_t *to)
{
    oc_whole_leave(f);
    return OC_REAL_LATE(fsetpos)(f, to);
}

OC_EXPORT int fsetpos64(FILE *f, const fpos64_t *to)
{
    oc_whole_leave(f);
    return OC_REAL_LATE(fsetpos64)(f, to);
}

/* Old second names, here and below. */
OC_EXPORT int _IO_fsetpos(FILE *f, const fpos_t *to)
{
    return fsetpos(f, to);
}

OC_EXPORT int _IO_fsetpos64(FILE *f, const fpos64_t *to)
{
    return fsetpos64(f, to);
}

/* ---- the buffer ---- */

/* NULL flushes what is written, and so nothing of ours. */
OC_EXPORT int fflush(FILE *f)
{
    if (f)
        oc_whole_leave(f);
    return OC_REAL_LATE(fflush)(f);
}

OC_EXPORT int fflush_unlocked(FILE *f)
{
    if (f)
        oc_whole_leave(f);
    return OC_REAL_LATE(fflush_unlocked)(f);
}

OC_EXPORT int setvbuf(FILE *f, char *buf, int mode, size_t size)
{
    oc_whole_end(f);
    return OC_REAL_LATE(setvbuf)(f, buf, mode, size);
}

OC_EXPORT void setbuffer(FILE *f, char *buf, size_t size)
{
    oc_whole_end(f);
    OC_REAL_LATE(setbuffer)(f, buf, size);
}

OC_EXPORT int _IO_fflush(FILE *f)
{
    return fflush(f);
}

OC_EXPORT int _IO_setvbuf(FILE *f, char *buf, int mode, size_t size)
{
    return setvbuf(f, buf, mode, size);
}

OC_EXPORT void _IO_setbuffer(FILE *f, char *buf, size_t size)
{
    setbuffer(f, buf, size);
}

OC_EXPORT void setbuf(FILE *f, char *buf)
{
    oc_whole_end(f);
    OC_REAL_LATE(setbuf)(f, buf);
}

OC_EXPORT void setlinebuf(FILE *f)
{
    oc_whole_end(f);
    OC_REAL_LATE(setlinebuf)(f);
}

OC_EXPORT size_t __fbufsize(FILE *f)
{
    oc_whole_leave(f);
    return OC_REAL_LATE(__fbufsize)(f);
}

OC_EXPORT void __fpurge(FILE *f)
{
    oc_whole_leave(f);
    OC_REAL_LATE(__fpurge)(f);
}

/* ---- characters and lines ---- */

OC_EXPORT int fgetc(FILE *f)
{
    oc_whole_leave(f);
    return OC_REAL_LATE(fgetc)(f);
}

OC_EXPORT int getc(FILE *f)
{
    oc_whole_leave(f);
    return OC_REAL_LATE(getc)(f);
}

OC_EXPORT int fgetc_unlocked(FILE *f)
{
    oc_whole_leave(f);
    return OC_REAL_LATE(fgetc_unlocked)(f);
}

OC_EXPORT int getc_unlocked(FILE *f)
{
    oc_whole_leave(f);
    return OC_REAL_LATE(getc_unlocked)(f);
}

OC_EXPORT int getw(FILE *f)
{
    oc_whole_leave(f);
    return OC_REAL_LATE(getw)(f);
}

/* What a program called for getc, built with glibc before 2.28. */
OC_EXPORT int _IO_getc(FILE *f)
{
    return getc(f);
}

OC_EXPORT int getchar(void)
{
    oc_whole_leave(stdin);
    return OC_REAL_LATE(getchar)();
}

OC_EXPORT int getchar_unlocked(void)
{
    oc_whole_leave(stdin);
    return OC_REAL_LATE(getchar_unlocked)();
}

OC_EXPORT int ungetc(int c, FILE *f)
{
    oc_whole_leave(f);
    return OC_REAL_LATE(ungetc)(c, f);
}

OC_EXPORT int _IO_ungetc(int c, FILE *f)
{
    return ungetc(c, f);
}

OC_EXPORT char *fgets(char *s, int n, FILE *f)
{
    oc_whole_leave(f);
    return OC_REAL_LATE(fgets)(s, n, f);
}

OC_EXPORT char *_IO_fgets(char *s, int n, FILE *f)
{
    return fgets(s, n, f);
}

OC_EXPORT char *fgets_unlocked(char *s, int n, FILE *f)
{
    oc_whole_leave(f);
    return OC_REAL_LATE(fgets_unlocked)(s, n, f);
}

OC_EXPORT char *__fgets_chk(char *s, size_t size, int n, FILE *f)
{
    oc_whole_leave(f);
    return OC_REAL_LATE(__fgets_chk)(s, size, n, f);
}

OC_EXPORT char *__fgets_unlocked_chk(char *s, size_t size, int n, FILE *f)
{
    oc_whole_leave(f);
    return OC_REAL_LATE(__fgets_unlocked_chk)(s, size, n, f);
}

OC_EXPORT ssize_t getdelim(char **line, size_t *size, int end, FILE *f)
{
    oc_whole_leave(f);
    return OC_REAL_LATE(getdelim)(line, size, end, f);
}

OC_EXPORT ssize_t __getdelim(char **line, size_t *size, int end, FILE *f)
    __attribute__((alias("getdelim")));

OC_EXPORT ssize_t getline(char **line, size_t *size, FILE *f)
{
    oc_whole_leave(f);
    return OC_REAL_LATE(getline)(line, size, f);
}

/* Under labels of their own: stdio.h may have given these names others. */
typedef int scan_in_fn(const char *format, ...);
typedef int vscan_in_fn(const char *format, va_list args);
OC_EXPORT scan_in_fn oc_scanf __asm__("scanf"), oc_scanf99 __asm__("__isoc99_scanf"),
    oc_scanf23 __asm__("__isoc23_scanf");
OC_EXPORT vscan_in_fn oc_vscanf __asm__("vscanf"), oc_vscanf99 __asm__("__isoc99_vscanf"),
    oc_vscanf23 __asm__("__isoc23_vscanf");
typedef int scan_fn(FILE *f, const char *format, ...);
typedef int vscan_fn(FILE *f, const char *format, va_list args);
OC_EXPORT scan_fn oc_fscanf __asm__("fscanf"), oc_fscanf99 __asm__("__isoc99_fscanf"),
    oc_fscanf23 __asm__("__isoc23_fscanf");
OC_EXPORT vscan_fn oc_vfscanf __asm__("vfscanf"), oc_vfscanf99 __asm__("__isoc99_vfscanf"),
    oc_vfscanf23 __asm__("__isoc23_vfscanf");

int oc_vfscanf(FILE *f, const char *format, va_list args)
{
    oc_whole_leave(f);
    return OC_REAL_LATE(vfscanf)(f, format, args);
}

int oc_vfscanf99(FILE *f, const char *format, va_list args)
{
    oc_whole_leave(f);
    return OC_REAL_LATE(__isoc99_vfscanf)(f, format, args);
}

/* Since glibc 2.38; no program calls it before. */
int oc_vfscanf23(FILE *f, const char *format, va_list args)
{
    oc_whole_leave(f);
    vscan_fn *real = OC_REAL_LATE(__isoc23_vfscanf);
    return real ? real(f, format, args) : oc_vfscanf99(f, format, args);
}

int oc_fscanf(FILE *f, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int result = oc_vfscanf(f, format, args);
    va_end(args);
    return result;
}

int oc_fscanf99(FILE *f, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int result = oc_vfscanf99(f, format, args);
    va_end(args);
    return result;
}

int oc_fscanf23(FILE *f, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int result = oc_vfscanf23(f, format, args);
    va_end(args);
    return result;
}

/* ---- the same of standard input ---- */

int oc_vscanf(const char *format, va_list args)
{
    return oc_vfscanf(stdin, format, args);
}

int oc_vscanf99(const char *format, va_list args)
{
    return oc_vfscanf99(stdin, format, args);
}

int oc_vscanf23(const char *format, va_list args)
{
    return oc_vfscanf23(stdin, format, args);
}

int oc_scanf(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int result = oc_vfscanf(stdin, format, args);
    va_end(args);
    return result;
}

int oc_scanf99(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int result = oc_vfscanf99(stdin, format, args);
    va_end(args);
    return result;
}

int oc_scanf23(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int result = oc_vfscanf23(stdin, format, args);
    va_end(args);
    return result;
}
