#include "image/seam.h"

#include <string.h>

#include "base/sys.h"
#include "base/vma.h"
#include "image/lent.h"

/* A thread that works on what was read before could store to the page between our look
 * and the mapping. */
static bool single_threaded(void)
{
    struct stat st;
    bool single;
    int fd = oc_sys_open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

    if (fd < 0)
        return false;
    single = oc_sys_fstat(fd, &st) == 0 && st.st_nlink == 3; /* ".", ".." and ours */
    oc_sys_close(fd);
    return single;
}

bool oc_seam_heals(char *page, const struct oc_image *image, int image_fd, uint64_t place,
                   char *scratch)
{
    return oc_lent_continues(page, image, place) && single_threaded() &&
           oc_vma_lendable(page, oc_page, NULL) == OC_VMA_LENDABLE &&
           oc_sys_pread_all(image_fd, scratch, oc_page, place) == (ssize_t)oc_page &&
           memcmp(page, scratch, oc_page) == 0;
}
