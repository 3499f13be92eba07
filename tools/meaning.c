/* The library's words in the user's: meaning.h.  A test compares them with the code and the manual.
 */
#include "config.h"
#include "meaning.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *why, *text;
} meanings[] = {
    {"another file", "the file was replaced while it was read"},
    {"closed meanwhile", "another thread closed the descriptor"},
    {"file size limit", "the limit of file sizes (ulimit -f) forbids an image"},
    {"first piece", "a small part, as a stream begins: lent if another follows elsewhere"},
    {"foreign memory", "the buffer is not private anonymous memory of the program's"},
    {"image in the way", "an image of that name does not hold what it should"},
    {"longer than its size", "the file goes on behind the size that its file system tells"},
    {"memory that may be pinned", "a device or io_uring may hold on to the buffer"},
    {"no home", "there is no place for images"},
    {"no identity", "the file's identity could not be found out"},
    {"no image", "the image could not be made"},
    {"no memory", "there was no memory to fill the image with"},
    {"no room", "no home has room for an image of the file"},
    {"no room in the image", "the home has no room for more of the file"},
    {"not worth it", "the file was found to change, or to be read as a stream"},
    {"nothing read", "nothing could be read, or the file changed meanwhile"},
    {"reused buffer", "the same memory is read into again and again, as for a stream"},
    {"rewritten in memory", "the program changed most of what it was lent, or did lately"},
    {"small", "less than ONECOPY_LEND_MIN is left of the file there"},
    {"special memory", "the buffer is locked, on a stack, or otherwise special"},
    {"switched off", "lending is switched off"},
    {"too costly to look at", "looking at the buffer's memory would cost more than it gives"},
    {"too many at once", "too many threads lend at once"},
    {"too many images", "the process uses too many images"},
    {"too many mappings", "the process is near vm.max_map_count"},
    {"unknown memory", "/proc/self/smaps could not tell what the buffer is"},
};

const char *meaning_of(const char *why)
{
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
        if (strcmp(meanings[i].why, why) == 0)
            return meanings[i].text;
    return "see onecopy(7)";
}
