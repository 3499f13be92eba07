/* Imports of ELF objects, by families: doctor_imports.h. */
#include "config.h"
#include "doctor_imports.h"

#include <fcntl.h>
#include <gelf.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *family;
    const char *names; /* each between spaces; a '*' at the end of one stands for anything */
} families[] = {
    {"read", " read pread pread64 readv preadv preadv64 preadv2 preadv64v2 "},
    {"stdio", " fread fread_unlocked "},
    {"fortified", " __read_chk __pread_chk __pread64_chk __fread_chk __fread_unlocked_chk "
                  "__open_2 __open64_2 __openat_2 __openat64_2 "},
    {"open", " open open64 openat openat64 fopen fopen64 fdopen "},
    {"c++ streams", " _ZNSt13basic_filebuf* _ZNSt14basic_ifstream* _ZTVSt14basic_ifstream* "
                    "_ZNSi4readEPcl "},
    {"small stdio", " fgets fgetc getc fscanf __isoc99_fscanf getline getdelim __getdelim "},
    {"mmap", " mmap mmap64 "},
    {"io_uring", " io_uring_* __io_uring_* "},
    {"asynchronous", " aio_read aio_read64 lio_listio io_submit "},
    {"syscall", " syscall "},
};

static bool is_one_of(const char *names, const char *name)
{
    for (const char *at = names + 1; *at;) {
        size_t len = strcspn(at, " ");
        bool open_end = at[len - 1] == '*';
        if (strncmp(at, name, len - open_end) == 0 && (open_end || name[len] == '\0'))
            return true;
        at += len + 1;
    }
    return false;
}

static json_t *member(json_t *object, const char *key, json_t *fresh)
{
    json_t *value = json_object_get(object, key);
    if (value)
        json_decref(fresh);
    else
        json_object_set_new(object, key, value = fresh);
    return value;
}

static void add_name(json_t *all, const char *name, const char *object)
{
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        if (!is_one_of(families[i].names, name))
            continue;
        json_t *family = member(all, families[i].family, json_object());
        json_array_append_new(member(family, name, json_array()), json_string(object));
    }
}

/* The symbols that others have to define. */
static void add_symbols(json_t *all, Elf *elf, Elf_Scn *scn, const GElf_Shdr *header,
                        const char *object)
{
    Elf_Data *data = elf_getdata(scn, NULL);
    size_t count = header->sh_entsize ? header->sh_size / header->sh_entsize : 0;
    GElf_Sym sym;

    for (size_t i = 0; data && i < count; i++) {
        if (!gelf_getsym(data, (int)i, &sym) || sym.st_shndx != SHN_UNDEF)
            continue;
        const char *name = elf_strptr(elf, header->sh_link, sym.st_name);
        if (name && *name)
            add_name(all, name, object);
    }
}

static bool needs_musl(Elf *elf, Elf_Scn *scn, const GElf_Shdr *header)
{
    Elf_Data *data = elf_getdata(scn, NULL);
    size_t count = header->sh_entsize ? header->sh_size / header->sh_entsize : 0;
    GElf_Dyn dyn;

    for (size_t i = 0; data && i < count; i++) {
        if (!gelf_getdyn(data, (int)i, &dyn) || dyn.d_tag != DT_NEEDED)
            continue;
        const char *name = elf_strptr(elf, header->sh_link, dyn.d_un.d_val);
        if (name && (strstr(name, "musl") || strcmp(name, "libc.so") == 0))
            return true;
    }
    return false;
}

static bool is_go(const char *section)
{
    return strcmp(section, ".note.go.buildid") == 0 || strcmp(section, ".go.buildinfo") == 0 ||
           strcmp(section, ".gopclntab") == 0;
}

static struct object_facts walk(json_t *all, Elf *elf, const char *object)
{
    struct object_facts facts = {.elf = true};
    size_t names;
    GElf_Shdr header;

    if (elf_getshdrstrndx(elf, &names) != 0)
        return facts;
    for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));) {
        if (!gelf_getshdr(scn, &header))
            continue;
        const char *name = elf_strptr(elf, names, header.sh_name);
        facts.go = facts.go || (name && is_go(name));
        if (header.sh_type == SHT_DYNSYM)
            add_symbols(all, elf, scn, &header, object);
        if (header.sh_type == SHT_DYNAMIC)
            facts.musl = facts.musl || needs_musl(elf, scn, &header);
    }
    return facts;
}

struct object_facts imports_add(json_t *all, const char *path, const char *object)
{
    struct object_facts facts = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    Elf *elf = NULL;

    elf_version(EV_CURRENT);
    if (fd >= 0)
        elf = elf_begin(fd, ELF_C_READ, NULL);
    if (elf && elf_kind(elf) == ELF_K_ELF)
        facts = walk(all, elf, object);
    elf_end(elf);
    if (fd >= 0)
        close(fd);
    return facts;
}
