/*
 * Write-protects what relocation has filled in (PT_GNU_RELRO): tables of functions, the
 * destructors, constant tables that hold pointers. A shared program's loader does it; a static-pie
 * has none, and musl's start-up code leaves it out. There is nothing to call.
 */
#include <link.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

static void protect(uintptr_t from, uintptr_t to)
{
    uintptr_t page_mask = ~((uintptr_t)sysconf(_SC_PAGESIZE) - 1);
    from &= page_mask;
    to &= page_mask;
    if (from < to && mprotect((void *)from, to - from, PROT_READ) < 0)
        __builtin_trap();
}

/* Returns 1, which ends the walk: the first object is the program itself. */
static int visit(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size;
    (void)context;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        uintptr_t from = info->dlpi_addr + header->p_vaddr;
        if (header->p_type == PT_GNU_RELRO)
            protect(from, from + header->p_memsz);
    }
    return 1;
}

__attribute__((constructor)) static void before_main(void)
{
    (void)dl_iterate_phdr(visit, NULL);
}
