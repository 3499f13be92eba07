/* Every op of the table: made on both sides, and compared. */
#ifndef OC_TEST_OPS_H
#define OC_TEST_OPS_H

#include "diff.h"

/* A sanitizer's runtime locks no memory; reallocates an array, or a block that shrinks, by
 * making another and keeping the first, pages and all; and leaves its malloc locked in the child
 * that one of several threads forks. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define SANITIZED true
#else
#define SANITIZED false
#endif

typedef void op_fn(struct world *w, const struct op *op);

/* ops_read.c */
op_fn op_read, op_pread, op_seek_read, op_hot_pread, op_common_pread, op_readv, op_preadv;
op_fn op_seek, op_tell, op_bad_read, op_write_only;
/* ops_load.c */
op_fn op_load, op_reload;
/* ops_fd.c */
op_fn op_open, op_close, op_dup, op_dup_onto, op_dup_number, op_fcntl, op_close_range;
op_fn op_stranger, op_pass, op_hand_over;
/* ops_transfer.c */
op_fn op_sendfile, op_splice, op_copy_range, op_fionread, op_lock_here;
/* ops_stream.c */
op_fn op_stream_open, op_stream_adopt, op_stream_reopen, op_stream_close, op_stream_read;
op_fn op_stream_seek, op_stream_chars, op_stream_beside;
/* ops_file.c */
op_fn op_write, op_write_own, op_truncate, op_replace, op_store, op_punch;
/* ops_memory.c */
op_fn op_map, op_allocate, op_release, op_reallocate, op_set, op_map_over, op_unmap_part;
op_fn op_map_over_lent, op_remap, op_protect, op_advise, op_lock_memory;
/* ops_process.c */
op_fn op_look, op_child, op_program;

#endif
