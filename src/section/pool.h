/*
 * The partial-mapping cache: sections of matched files, mapped in a bounded
 * pool of address space, from which small reads are copied.
 *
 * Address space: one reservation of oc_options.pool bytes, cut into slots of
 * oc_options.section bytes.  A slot holds a section: the file's bytes
 * [index * section, (index + 1) * section), mapped read-only and MADV_DONTFORK
 * through the descriptor that asked for it, and recorded with its description:
 * a mapping keeps the open file description alive (flock locks, ETXTBSY, busy
 * mounts), so all sections of a description go when its last descriptor does.
 *
 * Readers take no lock: look the key up in a small hash table, publish the slot
 * as this thread's hazard, look again, copy, clear the hazard.  Whoever unmaps
 * clears the key first and then asks oc_thread_hazard; a slot that is in use is
 * left dying and unmapped by whoever finds it free next (the leaving reader
 * included).  Mapping and unmapping happen under oc_lock.
 */
#ifndef OC_POOL_H
#define OC_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "file/file.h"

struct oc_section;

/* The slot that holds byte OFF of the file, published as this thread's hazard; *at is
 * the mapped address of that byte and *room how many bytes follow it in the section.
 * *saved keeps the hazard of an interrupted copy.  NULL: not mapped. */
struct oc_section *oc_pool_enter(oc_file_id id, uint64_t off, const char **at, size_t *room,
                                 const void **saved);
void oc_pool_leave(struct oc_section *section, const void *saved);

/*
 * A small read of N bytes at OFF missed and the kernel served it: remember, and map the
 * section when it has proved worth it.  FD is the program's descriptor, OWNER its
 * description.  Never maps ranges that are not in the page cache.
 */
void oc_pool_missed(oc_file_id id, const void *owner, int fd, uint64_t off, size_t n);

/* Unmap what was mapped through OWNER.  Under oc_lock. */
void oc_pool_drop_owner(const void *owner);

/* In the child of fork: the pool's mappings are not there. */
void oc_pool_in_child(void);

/* Bytes of address space now mapped as sections. */
size_t oc_pool_mapped(void);

#endif
