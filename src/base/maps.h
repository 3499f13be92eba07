/*
 * Which mapping is at an address?  The kernel's answer: by PROCMAP_QUERY where
 * it has it (Linux 6.11), else from the text of /proc/self/maps.
 */
#ifndef OC_MAPS_H
#define OC_MAPS_H

#include <stdbool.h>
#include <stdint.h>

struct oc_map {
    uint64_t start, end;
    int prot; /* PROT_READ, PROT_WRITE, PROT_EXEC */
    bool shared;
    uint64_t off;
    uint64_t dev, ino; /* as the kernel prints them: dev need not be st_dev. 0, 0: no file */
};

/* A descriptor to ask through, to be closed by the caller (oc_own_close); or a negated errno. */
int oc_maps_open(void);

/* The mapping that covers ADDR, or else the first one above.  0, -ENOENT when there is
 * none, or another negated errno. */
int oc_maps_find(int fd, uint64_t addr, struct oc_map *map);

/* "7f0012340000-7f0012350000 rw-p 00000000 00:00 0   [heap]": false when it is not such a
 * line.  *name is what follows the inode, "" for nothing. */
bool oc_maps_parse(const char *line, struct oc_map *map, const char **name);

#endif
