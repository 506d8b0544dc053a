/*
 * The life of coroutines: created, run, ended, joined.
 *
 * Each has a record of ours in addition to the library's thread. Ended ones go to a pool with their
 * condition variable, since the library keeps their stacks too and never frees one: a few of these
 * keep their pages, the others return them (co_stack.c).
 *
 * The first coroutine is the caller of co_init() on the process's own stack.
 */
#include "co/co.h"
#include "co/co_private.h"

#include <assert.h>
#include <st.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#ifdef CO_SANITIZED
#define CO_STACK_SIZE (512 * 1024) /* instrumented frames are several times as large */
#else
#define CO_STACK_SIZE (CO_STACK_USABLE + 4096) /* plus the guard page */
#endif

#define CO_POOL_MAX 4096
/* Stacks of ended coroutines that keep their pages. */
#define CO_WARM_STACKS 64

static struct {
    struct co first; /* the caller of co_init */
    struct co *pool; /* ended ones, with their condition variable */
    size_t pool_len;
    size_t count;       /* alive, the reactor included; 0 before co_spawn_first() */
    size_t stacks;      /* alive on one of the library's stacks */
    size_t stacks_made; /* the library never frees one */
    uint64_t id_next;
    uint64_t id_seed;
} life;

/* Eight letters and digits from a counter: unique for 2^40 coroutines, without being consecutive.
 */
static void co_make_id(char *id)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
    const uint64_t mask = (1ull << 40) - 1;
    uint64_t v = life.id_next++ & mask;

    v = (v * 0x9e3779b97full + life.id_seed) & mask; /* an odd factor: a bijection */
    v ^= v >> 19;
    v = (v * 0xd6e8feb865ull) & mask;
    for (int i = 0; i < 8; i++)
        id[i] = digits[v >> (5 * i) & 31];
    id[8] = '\0';
}

static struct co *co_make(void)
{
    struct co *co = life.pool;
    void *st_cond;

    if (co != NULL) {
        life.pool = co->next;
        life.pool_len--;
        st_cond = co->st_cond;
        memset(co, 0, sizeof(*co));
    } else {
        co = calloc(1, sizeof(*co));
        st_cond = st_cond_new();
        if (co == NULL || st_cond == NULL) {
            if (st_cond != NULL)
                st_cond_destroy(st_cond);
            free(co);
            return NULL;
        }
    }
    co->st_cond = st_cond;
    co->timer_index = -1;
    co_make_id(co->id);
    return co;
}

static void co_drop(struct co *co)
{
    assert(co->timer_index == -1 && co->cond == NULL);
    if (life.pool_len < CO_POOL_MAX) {
        co->next = life.pool;
        life.pool = co;
        life.pool_len++;
        return;
    }
    st_cond_destroy(co->st_cond);
    free(co);
}

static MAY_YIELD void *co_main(void *arg)
{
    struct co *self = arg;

    co_switch_in(self);
    self->fn(self->arg);
    co_switch_end();
    /* This coroutine's stack is not yet among the free ones. */
    co_stack_leave(self, life.stacks_made - life.stacks >= CO_WARM_STACKS);
    life.count--;
    life.stacks--;
    if (!self->joinable) {
        co_drop(self);
        return NULL;
    }
    self->done = 1;
    if (self->joiner != NULL)
        co_wake(self->joiner);
    return NULL;
}

static struct co *co_start(MAY_YIELD void (*fn)(void *arg), void *arg, int joinable)
{
    struct co *co = co_make();
    int fresh;

    assert(fn != NULL && life.count > 0);
    if (co == NULL)
        return NULL;
    co->fn = fn;
    co->arg = arg;
    co->joinable = joinable != 0;
    CO_KEPT_BEGIN();
    co->st_thread = st_thread_create(co_main, co, 0, CO_STACK_SIZE);
    CO_KEPT_END();
    if (co->st_thread == NULL) {
        co_drop(co);
        return NULL;
    }
    life.count++;
    life.stacks++;
    /* All stacks have the same size: the library maps one only if no ended one is left. */
    fresh = life.stacks > life.stacks_made;
    if (fresh)
        life.stacks_made = life.stacks;
    co_stack_adopt(co, co->st_thread, CO_STACK_SIZE, fresh);
    return co;
}

struct co *co_spawn(MAY_YIELD void (*fn)(void *arg), void *arg)
{
    return co_start(fn, arg, 0);
}

struct co *co_spawn_joinable(MAY_YIELD void (*fn)(void *arg), void *arg)
{
    return co_start(fn, arg, 1);
}

void co_join(struct co *co)
{
    assert(co != NULL && co->joinable && co->joiner == NULL && co != co_self());
    while (!co->done) {
        co->joiner = co_self();
        co_park_deaf();
    }
    co_drop(co);
}

void co_reap(struct co *co)
{
    assert(co != NULL && co->joinable && co->joiner == NULL && co->done);
    co_drop(co);
}

struct err *co_spawn_first(void)
{
    struct co *first = &life.first;

    assert(life.count == 0 && first->st_thread == NULL);
    if (getrandom(&life.id_seed, sizeof(life.id_seed), GRND_NONBLOCK) != sizeof(life.id_seed))
        life.id_seed = (uint64_t)clock_wall();
    first->st_thread = st_thread_self();
    first->st_cond = st_cond_new();
    first->timer_index = -1;
    if (first->st_cond == NULL)
        return err_new(ERR_NOMEM, "coroutines");
    co_make_id(first->id);
    life.count = 1;
    co_switch_in(first);
    return NULL;
}

size_t co_count(void)
{
    return life.count > 0 ? life.count - 1 : 0;
}
