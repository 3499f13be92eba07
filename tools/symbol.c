/* Functions by place: symbol.h. */
#include "config.h"
#include "symbol.h"

#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <unistd.h>

/* Where the loader puts the byte at OFFSET, relative to the object's base. */
static bool address_of(Elf *elf, uint64_t offset, uint64_t *address)
{
    size_t count;
    GElf_Phdr part;

    if (elf_getphdrnum(elf, &count) != 0)
        return false;
    for (size_t i = 0; i < count; i++)
        if (gelf_getphdr(elf, (int)i, &part) && part.p_type == PT_LOAD && offset >= part.p_offset &&
            offset - part.p_offset < part.p_filesz) {
            *address = offset - part.p_offset + part.p_vaddr;
            return true;
        }
    return false;
}

static bool find_in(Elf *elf, Elf_Scn *scn, const GElf_Shdr *header, uint64_t address, char *name,
                    size_t size)
{
    Elf_Data *data = elf_getdata(scn, NULL);
    size_t count = header->sh_entsize ? header->sh_size / header->sh_entsize : 0;
    GElf_Sym sym;

    for (size_t i = 0; data && i < count; i++) {
        if (!gelf_getsym(data, (int)i, &sym) || GELF_ST_TYPE(sym.st_info) != STT_FUNC ||
            address < sym.st_value || address - sym.st_value >= sym.st_size)
            continue;
        const char *text = elf_strptr(elf, header->sh_link, sym.st_name);
        return text && *text && snprintf(name, size, "%s", text) < (int)size;
    }
    return false;
}

static bool find(Elf *elf, uint64_t offset, char *name, size_t size)
{
    GElf_Shdr header;
    uint64_t address;

    if (!address_of(elf, offset, &address))
        return false;
    for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));)
        if (gelf_getshdr(scn, &header) &&
            (header.sh_type == SHT_SYMTAB || header.sh_type == SHT_DYNSYM) &&
            find_in(elf, scn, &header, address, name, size))
            return true;
    return false;
}

bool symbol_at(const char *path, uint64_t offset, char *name, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool found = false;

    if (fd < 0)
        return false;
    elf_version(EV_CURRENT);
    Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
    if (elf && elf_kind(elf) == ELF_K_ELF)
        found = find(elf, offset, name, size);
    elf_end(elf);
    close(fd);
    return found;
}
