/* What ops there are, how often in which mode, and how their fields are drawn. */
#include "diff.h"
#include "ops.h"

#include <string.h>

/* Name, function, how often in modes plain, forked, threads, shared, writers, signals; cheap? */
/* clang-format off */
const struct op_kind op_kinds[] = {
    {"read",           op_read,           {30, 30, 30, 30,  0, 30}, true},
    {"pread",          op_pread,          {30, 24, 30, 20,  0, 30}, true},
    {"seek_read",      op_seek_read,      {40, 36, 40, 40,  0, 40}, true},
    {"hot_pread",      op_hot_pread,      {10,  8, 10,  6,  0, 10}, false},
    {"write_only",     op_write_only,     { 1,  1,  1,  1,  0,  1}, false},
    {"common_pread",   op_common_pread,   { 3,  3, 12,  3,  0,  6}, true},
    {"readv",          op_readv,          { 6,  6,  6,  6,  0,  6}, true},
    {"preadv",         op_preadv,         { 6,  4,  6,  4,  0,  6}, true},
    {"load",           op_load,           { 5,  3,  5,  3,  0,  5}, false},
    {"reload",         op_reload,        { 1,  1,  1,  1,  0,  1}, false},
    {"seek",           op_seek,           {10, 12, 10, 12,  0, 10}, true},
    {"tell",           op_tell,           {10, 12, 10, 12,  0, 10}, true},
    {"bad_read",       op_bad_read,       { 3,  2,  3,  2,  0,  3}, true},
    {"open",           op_open,           {12, 12, 12, 10,  0, 12}, false},
    {"close",          op_close,          { 3,  4,  3,  3,  0,  3}, false},
    {"dup",            op_dup,            { 3,  5,  3, 14,  0,  3}, false},
    {"dup_onto",       op_dup_onto,       { 2,  3,  2,  8,  0,  2}, false},
    {"dup_number",     op_dup_number,     { 2,  3,  2,  8,  0,  2}, false},
    {"fcntl",          op_fcntl,          { 3,  3,  3,  3,  0,  3}, false},
    {"close_range",    op_close_range,    { 1,  1,  1,  1,  0,  1}, false},
    {"stranger",       op_stranger,       { 1,  1,  1,  1,  0,  1}, false},
    {"pass",           op_pass,           { 2,  2,  2,  6,  0,  2}, false},
    {"hand_over",      op_hand_over,      { 0,  0,  0,  8,  0,  0}, false},
    {"sendfile",       op_sendfile,       { 2,  2,  2,  5,  0,  0}, false},
    {"splice",         op_splice,         { 2,  2,  2,  4,  0,  0}, false},
    {"copy_range",     op_copy_range,     { 2,  2,  2,  3,  0,  0}, false},
    {"fionread",       op_fionread,       { 2,  2,  2,  3,  0,  2}, true},
    {"lock_here",      op_lock_here,      { 1,  0,  0,  3,  0,  1}, false},
    {"stream_open",    op_stream_open,    { 2,  0,  2,  2,  0,  2}, false},
    {"stream_adopt",   op_stream_adopt,   { 2,  0,  2,  2,  0,  2}, false},
    {"stream_reopen",  op_stream_reopen,  { 1,  0,  1,  0,  0,  1}, false},
    {"stream_close",   op_stream_close,   { 1,  0,  1,  1,  0,  1}, false},
    {"stream_read",    op_stream_read,    { 8,  0,  8,  5,  0,  8}, false},
    {"stream_seek",    op_stream_seek,    { 3,  0,  3,  2,  0,  3}, false},
    {"stream_chars",   op_stream_chars,   { 3,  0,  3,  2,  0,  3}, false},
    {"stream_beside",  op_stream_beside,  { 3,  0,  3,  3,  0,  3}, false},
    {"write",          op_write,          { 5,  4,  4,  4,  0,  4}, false},
    {"write_own",      op_write_own,      { 3,  3,  2,  3,  0,  3}, false},
    {"truncate",       op_truncate,       { 2,  1,  1,  1,  0,  2}, false},
    {"replace",        op_replace,        { 2,  2,  2,  1,  0,  2}, false},
    {"store",          op_store,          { 3,  2,  2,  2,  0,  3}, false},
    {"punch",          op_punch,          { 1,  1,  1,  0,  0,  0}, false},
    {"map",            op_map,            { 4,  3,  4,  3,  0,  4}, false},
    {"allocate",       op_allocate,       { 4,  3,  4,  3,  0,  4}, false},
    {"release",        op_release,        { 3,  2,  3,  2,  0,  3}, false},
    {"reallocate",     op_reallocate,     { 4,  2,  4,  2,  0,  4}, false},
    {"set",            op_set,            { 3,  2,  3,  2,  0,  3}, false},
    {"map_over",       op_map_over,       { 2,  1,  2,  1,  0,  2}, false},
    {"map_over_lent",  op_map_over_lent,  { 1,  0,  0,  1,  0,  0}, false},
    {"unmap_part",     op_unmap_part,     { 1,  1,  1,  1,  0,  1}, false},
    {"remap",          op_remap,          { 2,  1,  2,  1,  0,  2}, false},
    {"protect",        op_protect,        { 3,  2,  3,  1,  0,  3}, false},
    {"advise",         op_advise,         { 3,  2,  3,  1,  0,  3}, false},
    {"lock_memory",    op_lock_memory,    { 1,  0,  1,  0,  0,  0}, false},
    {"look",           op_look,           { 1,  1,  1,  1,  0,  1}, false},
    {"child",          op_child,          { 1,  1,  1,  2,  0,  0}, false},
    {"program",        op_program,        { 0,  1,  0,  1,  0,  0}, false},
    {"fork",           op_fork,           { 0,  5,  0,  0,  0,  0}, false},
    {"exit",           op_exit,           { 0,  2,  0,  0,  0,  0}, false},
    {"exec",           op_exec,           { 0,  1,  0,  0,  0,  0}, false},
};
/* clang-format on */

const unsigned op_kind_count = sizeof op_kinds / sizeof op_kinds[0];

/* splitmix64 */
uint64_t chance_next(struct chance *c)
{
    uint64_t z = c->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint32_t chance_below(struct chance *c, uint32_t n)
{
    return n == 0 ? 0 : (uint32_t)((chance_next(c) >> 32) * n >> 32);
}

static unsigned weight(unsigned kind, const struct drawing *how)
{
    return op_kinds[kind].weight[how->mode] * (op_kinds[kind].cheap ? how->density : 1);
}

static uint8_t draw_kind(struct chance *c, const struct drawing *how)
{
    unsigned sum = 0, k = 0;

    for (unsigned i = 0; i < op_kind_count; i++)
        sum += weight(i, how);
    for (unsigned left = chance_below(c, sum); left >= weight(k, how); k++)
        left -= weight(k, how);
    return (uint8_t)k;
}

/* A length: small ones, some across pages and sections, some to be lent. */
static uint32_t draw_length(struct chance *c, unsigned scale)
{
    uint32_t r = chance_below(c, 20);

    if (r < 8)
        return chance_below(c, 65);
    if (r < 12)
        return chance_below(c, 4097);
    if (r < 14)
        return 4096 * (1 + chance_below(c, 8)) * scale - 3 + chance_below(c, 7);
    if (r < 18)
        return (4097 + chance_below(c, 16000)) * scale;
    return chance_below(c, r == 18 ? 70000 : 160000) * scale;
}

static int64_t draw_odd(struct chance *c)
{
    static const int64_t odd[] = {-1,
                                  INT64_MIN,
                                  INT64_MAX,
                                  INT64_MAX - 100,
                                  -4096,
                                  1 << 30,
                                  (int64_t)1 << 32,
                                  ((int64_t)1 << 44) - 50,
                                  ((int64_t)1 << 48) - 1};
    return odd[chance_below(c, sizeof odd / sizeof odd[0])];
}

static int64_t draw_offset(struct chance *c, struct op *op, unsigned scale)
{
    uint32_t r = chance_below(c, 100);

    if (r < 3)
        return draw_odd(c);
    if (r < 20) {
        op->from_end = 1;
        return (int64_t)chance_below(c, r < 12 ? 20 : 9000) - (r < 12 ? 15 : 8000);
    }
    return chance_below(c, (r < 75 ? 16384 : 90000) * scale);
}

static void draw(struct op *op, struct chance *c, const struct drawing *how)
{
    memset(op, 0, sizeof *op);
    op->kind = draw_kind(c, how);
    op->how = (uint8_t)chance_next(c);
    op->fd = (uint8_t)chance_below(c, FDS);
    op->fd2 = (uint8_t)chance_below(c, FDS);
    op->file = (uint8_t)chance_below(c, FILES + COMMON);
    op->block = (uint8_t)chance_below(c, BLOCKS);
    op->at = chance_below(c, 3) == 0 ? 4096 * chance_below(c, 8) : chance_below(c, 40000);
    op->n = draw_length(c, how->scale);
    op->off = draw_offset(c, op, how->scale);
    if (op_kinds[op->kind].cheap && how->density > 1 && chance_below(c, how->density) > 0)
        op->n %= 300;
}

void ops_draw(struct op *ops, uint32_t count, const struct drawing *how)
{
    struct chance c = {how->seed * MODES + how->mode};
    unsigned actor = 0, stay = how->mode == THREADS ? 1 : 5 * how->density;

    for (uint32_t i = 0; i < count; i++) {
        draw(&ops[i], &c, how);
        if (chance_below(&c, stay) == 0)
            actor = chance_below(&c, ACTORS);
        ops[i].actor = (uint8_t)actor;
    }
}

void op_print(FILE *out, uint32_t number, const struct op *op)
{
    fprintf(out,
            "%6u  actor %u  %-13s how %-3u fd %u fd2 %u file %u block %u at %u n %u off %s%lld\n",
            number, op->actor, op_kinds[op->kind].name, op->how, op->fd, op->fd2, op->file,
            op->block, op->at, op->n, op->from_end ? "end" : "", (long long)op->off);
}
