/*
 * What kind of memory is at an address?  Asked of the kernel (/proc/self/smaps,
 * VmFlags and ProtectionKey; /proc/self/status), with verdicts remembered for a
 * mapping until some call of the program may have changed its nature.
 */
#ifndef OC_VMA_H
#define OC_VMA_H

#include <stdbool.h>
#include <stddef.h>

enum oc_vma_verdict {
    OC_VMA_LENDABLE = 0, /* private anonymous rw memory that nothing special is known of */
    OC_VMA_FOREIGN,      /* not private anonymous rw, or not mapped throughout */
    OC_VMA_SPECIAL,      /* locked, wipe-on-fork, protection key, huge TLB, a stack, ... */
    OC_VMA_PINNED,       /* touched, and the process has or may have pinned pages */
    OC_VMA_UNKNOWN,      /* /proc cannot be read */
    OC_VMA_COSTLY,       /* not looked at: so small a read would not pay for it */
};

/* A word for messages: "foreign", "special", ... */
const char *oc_vma_word(enum oc_vma_verdict verdict);

/*
 * May [addr, addr+len), page-aligned, be replaced by a private file mapping?
 * All of it must lie in private anonymous read-write mappings whose VmFlags are
 * all on the list of harmless ones, and hold no page of the calling thread's
 * stack; touched memory only while VmPin and VmLck are 0 and nobody has called
 * oc_vma_pins_possible().  *touched (may be NULL) tells whether any page of it was.
 */
enum oc_vma_verdict oc_vma_lendable(void *addr, size_t len, bool *touched);

/* Is all of [addr, addr+len), page-aligned, private anonymous read-write memory of which
 * nothing special is known?  Touched or not; never from memory. */
bool oc_vma_plain(const void *addr, size_t len);

/* Where the private anonymous memory around ADDR begins, over mappings without a gap: no
 * block of malloc's that holds ADDR begins earlier.  NULL when unknown. */
void *oc_vma_floor(const void *addr);

/* Where the mapping that ADDR lies in ends; ADDR where unknown. */
void *oc_vma_ceiling(const void *addr);

/* Was the mapping of [addr, addr+len) looked at in vain so lately that this read is not worth
 * another look?  (len: bytes to be read.)  Cheap. */
bool oc_vma_is_refused(const void *addr, size_t len);
/* The program unmaps or replaces it: something else may lie there soon. */
void oc_vma_unmapped(const void *addr, size_t len);

/* The program has put guard pages there: it is special from now on. */
void oc_vma_guarded(const void *addr, size_t len);

/* Forget remembered verdicts: after madvise, mlock, mprotect, ... of the program. */
void oc_vma_forget(void);

/* The program used vmsplice, or opened a device that may pin memory: from now on
 * touched memory is never lendable in this process. */
void oc_vma_pins_possible(void);
/* May touched memory be pinned, or is some of the process's memory locked? */
bool oc_vma_may_be_pinned(void);

#endif
