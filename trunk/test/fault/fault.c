/*
 * Sites: where a call comes from, and whether it fails there.
 *
 * The stack is walked by its unwind tables, because libraries have no frame pointers, and State
 * Threads, which is linked statically, has none either. Only the server's own functions count, so
 * that a site keeps its name with another version of a library. Nothing is done unless the test
 * records sites or has armed one: a server without a test is not slowed down.
 */
#include "test/fault/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <sanitizer/lsan_interface.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <unwind.h>

/* The linker's: the program's start, and the end of its code. */
extern const char __executable_start[], etext[];
extern const char __start_fault_text[], __stop_fault_text[];

struct fault_control *fault_control;

static int is_inside; /* unwinding may allocate */

struct walk {
    uint64_t frames[FAULT_FRAMES];
    int count;
};

static FAULT_RAW _Unwind_Reason_Code walk_frame(struct _Unwind_Context *context, void *arg)
{
    struct walk *walk = arg;
    uintptr_t at = _Unwind_GetIP(context);
    uintptr_t start = (uintptr_t)__executable_start;

    if (at == 0)
        return _URC_END_OF_STACK;
    if (at >= (uintptr_t)__start_fault_text && at < (uintptr_t)__stop_fault_text)
        return _URC_NO_REASON;
    if (at >= start && at < (uintptr_t)etext)
        walk->frames[walk->count++] = at - start;
    return walk->count < FAULT_FRAMES ? _URC_NO_REASON : _URC_END_OF_STACK;
}

static FAULT_RAW uint64_t site_hash(enum fault_call call, const struct walk *walk)
{
    uint64_t hash = 0x9e3779b97f4a7c15ull + (uint64_t)call;

    for (int i = 0; i < FAULT_HASHED; i++) {
        hash = (hash ^ walk->frames[i]) * 0xff51afd7ed558ccdull;
        hash ^= hash >> 32;
    }
    return hash != 0 && hash != FAULT_ANY_SITE ? hash : 1;
}

static FAULT_RAW void site_count(uint64_t hash, enum fault_call call, const struct walk *walk)
{
    for (uint64_t i = 0; i < FAULT_SITES; i++) {
        struct fault_site *site = &fault_control->sites[(hash + i) % FAULT_SITES];
        uint64_t was = 0;

        if (__atomic_compare_exchange_n(&site->hash, &was, hash, 0, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST)) {
            site->call = call;
            for (int k = 0; k < FAULT_FRAMES; k++)
                site->frames[k] = walk->frames[k];
            was = hash;
        }
        if (was == hash) {
            __atomic_add_fetch(&site->count, 1, __ATOMIC_SEQ_CST);
            return;
        }
    }
    __atomic_add_fetch(&fault_control->lost, 1, __ATOMIC_SEQ_CST);
}

/* The armed site is reached: whether it is this call's turn. */
static FAULT_RAW int site_fails(void)
{
    if (__atomic_sub_fetch(&fault_control->skip, 1, __ATOMIC_SEQ_CST) >= 0)
        return 0;
    if (__atomic_sub_fetch(&fault_control->count, 1, __ATOMIC_SEQ_CST) < 0)
        return 0;
    __atomic_add_fetch(&fault_control->hits, 1, __ATOMIC_SEQ_CST);
    return (int)fault_control->effect;
}

__attribute__((noinline)) FAULT_RAW int fault_at(enum fault_call call)
{
    struct fault_control *control = fault_control;
    struct walk walk = {.count = 0};
    int saved = errno;
    int effect = 0;
    uint64_t hash;

    if (control == NULL || is_inside || (!control->recording && control->site == 0))
        return 0;
    is_inside = 1;
    if (control->site == FAULT_ANY_SITE && control->call == (uint64_t)call) {
        effect = site_fails();
    } else {
        (void)_Unwind_Backtrace(walk_frame, &walk);
        hash = site_hash(call, &walk);
        /* Without a function of the server it is the sanitizer's own. */
        if (control->recording && walk.count > 0)
            site_count(hash, call, &walk);
        if (control->site == hash && walk.count > 0)
            effect = site_fails();
    }
    is_inside = 0;
    errno = saved;
    return effect;
}

FAULT_RAW void fault_check_leaks(void)
{
    struct fault_control *control = fault_control;

    if (control == NULL || control->leak_wanted == control->leak_checked)
        return;
    is_inside = 1;
    control->leaks = (uint64_t)__lsan_do_recoverable_leak_check();
    is_inside = 0;
    control->leak_checked = control->leak_wanted;
}

/* Before main(); the processes that are forked later inherit it. */
__attribute__((constructor)) FAULT_RAW static void fault_open(void)
{
    const char *path = getenv(FAULT_ENV);
    struct fault_control *control;
    int fd;

    if (path == NULL)
        return;
    fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        _exit(125);
    control = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (control == MAP_FAILED || control->magic != FAULT_MAGIC)
        _exit(125);
    fault_control = control;
}
