#include "image/seam.h"

#include <string.h>

#include "base/sys.h"
#include "base/vma.h"
#include "image/lent.h"

/* A thread that works on what was read before could store to the page between our look
 * and the mapping. */
bool oc_seam_heals(char *page, const struct oc_image *image, int image_fd, uint64_t place,
                   char *scratch)
{
    return oc_lent_continues(page, image, place) && oc_sys_single_threaded() &&
           oc_vma_lendable(page, oc_page, NULL) == OC_VMA_LENDABLE &&
           oc_sys_pread_all(image_fd, scratch, oc_page, place) == (ssize_t)oc_page &&
           memcmp(page, scratch, oc_page) == 0;
}
