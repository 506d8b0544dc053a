/* The claims and publishers of publication_kit.h. */
#include "publication_kit.h"

#include "app/stream/stream.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct kit kit;

static const struct source_config source_config = {
    .gop_cache = 1, .gop_cache_max_frames = 100, .gop_cache_max_bytes = 1024 * 1024};

static void trace(const char *format, ...)
{
    size_t len = strlen(kit.trace);
    va_list args;

    va_start(args, format);
    (void)vsnprintf(kit.trace + len, sizeof(kit.trace) - len, format, args);
    va_end(args);
}

void kit_traced(const char *words)
{
    ck_assert_str_eq(kit.trace, words);
    kit.trace[0] = '\0';
}

/* ---- claims ---- */

static void stay(int i, enum kit_step step)
{
    struct kit_claim *c = &kit.claim[i];

    if (c->stays != step)
        return;
    c->is_staying = 1;
    while (c->stays == step && co_cond_wait(&kit.go, USEC_NEVER) != CO_INTERRUPTED)
        continue;
    c->is_staying = 0;
}

static enum claim_verdict claim(int i, uint64_t *token, int over_weak,
                                struct directory_place *elsewhere)
{
    struct kit_claim *c = &kit.claim[i];
    enum claim_verdict verdict = over_weak ? c->over_weak : c->verdict;

    trace(over_weak ? "weak%d " : "claim%d ", i);
    stay(i, KIT_CLAIM);
    if (verdict == CLAIM_ELSEWHERE)
        (void)snprintf(elsewhere->rtmp, sizeof(elsewhere->rtmp), "there:%d", i);
    if (c->is_exclusive && c->held != 0)
        verdict = CLAIM_BUSY;
    if (verdict == CLAIM_GRANTED || verdict == CLAIM_ALONE)
        c->held = *token = ++c->last;
    else if (c->keeps_token)
        *token = ++c->last;
    return verdict;
}

static void release(int i, uint64_t token)
{
    trace("release%d ", i);
    ck_assert_uint_ne(token, 0);
    if (kit.claim[i].held == token)
        kit.claim[i].held = 0;
}

static enum claim_verdict find(int i, struct directory_place *elsewhere)
{
    if (!kit.claim[i].has_find)
        return CLAIM_GRANTED;
    trace("find%d ", i);
    if (kit.claim[i].find == CLAIM_ELSEWHERE)
        (void)snprintf(elsewhere->rtmp, sizeof(elsewhere->rtmp), "found:%d", i);
    return kit.claim[i].find;
}

static void step(const char *name, int i, enum kit_step at)
{
    trace("%s%d ", name, i);
    stay(i, at);
}

#define ROW(i)                                                                                   \
    static enum claim_verdict claim_##i(struct publication *p, uint64_t *token, int over_weak,   \
                                        struct directory_place *elsewhere, usec_t timeout)       \
    {                                                                                            \
        (void)p;                                                                                 \
        (void)timeout;                                                                           \
        return claim(i, token, over_weak, elsewhere);                                            \
    }                                                                                            \
    static void release_##i(struct stream *stream, uint64_t token)                               \
    {                                                                                            \
        (void)stream;                                                                            \
        release(i, token);                                                                       \
    }                                                                                            \
    static int is_held_##i(const struct stream *stream, uint64_t token)                          \
    {                                                                                            \
        (void)stream;                                                                            \
        return kit.claim[i].is_shared || kit.claim[i].held == token;                             \
    }                                                                                            \
    static enum claim_verdict find_##i(struct publication *p, struct directory_place *elsewhere, \
                                       usec_t timeout)                                           \
    {                                                                                            \
        (void)p;                                                                                 \
        (void)timeout;                                                                           \
        return find(i, elsewhere);                                                               \
    }                                                                                            \
    static void settle_##i(struct publication *p, uint64_t token, usec_t timeout)                \
    {                                                                                            \
        (void)p;                                                                                 \
        (void)token;                                                                             \
        (void)timeout;                                                                           \
        step("settle", i, KIT_SETTLE);                                                           \
    }                                                                                            \
    static void opened_##i(struct publication *p, uint64_t token)                                \
    {                                                                                            \
        ck_assert_ptr_eq(p->stream->publication, p);                                             \
        ck_assert_uint_eq(p->token[i], token);                                                   \
        trace("opened%d ", i);                                                                   \
    }                                                                                            \
    static void linger_##i(struct publication *p, uint64_t token)                                \
    {                                                                                            \
        (void)p;                                                                                 \
        (void)token;                                                                             \
        step("linger", i, KIT_LINGER);                                                           \
    }                                                                                            \
    static void answered_##i(struct stream *stream)                                              \
    {                                                                                            \
        (void)stream;                                                                            \
        trace("answered%d ", i);                                                                 \
    }                                                                                            \
    static const struct claim row_##i = {.name = #i,                                             \
                                         .claim = claim_##i,                                     \
                                         .release = release_##i,                                 \
                                         .is_held = is_held_##i,                                 \
                                         .find = find_##i,                                       \
                                         .settle = settle_##i,                                   \
                                         .opened = opened_##i,                                   \
                                         .linger = linger_##i,                                   \
                                         .answered = answered_##i};

ROW(0)
ROW(1)
/* What the others may leave out is left out here. */
static enum claim_verdict claim_2(struct publication *p, uint64_t *token, int over_weak,
                                  struct directory_place *elsewhere, usec_t timeout)
{
    (void)p;
    (void)timeout;
    return claim(2, token, over_weak, elsewhere);
}

static void release_2(struct stream *stream, uint64_t token)
{
    (void)stream;
    release(2, token);
}

static const struct claim row_2 = {.name = "2", .claim = claim_2, .release = release_2};

static const struct claim *const rows[] = {&row_0, &row_1, &row_2, NULL};
static const struct observer *const no_observers[] = {NULL};
static const struct tables tables = {.observers = no_observers, .claims = rows};

/* ---- publishers ---- */

static void evict(void *arg, enum evict_reason why)
{
    struct kit_publisher *one = arg;

    trace("evict ");
    one->evicted++;
    one->why = why;
    if (one->ends_at_evict) {
        publication_end(one->p);
        one->p = NULL;
    }
}

static int ask(void *arg)
{
    struct kit_publisher *one = arg;

    one->asked++;
    return one->is_alive;
}

static int grant(void *arg, usec_t timeout)
{
    struct kit_publisher *one = arg;

    (void)timeout;
    trace("grant ");
    while (one->is_grant_held)
        (void)co_cond_wait(&kit.go, USEC_NEVER);
    return one->is_refused ? -1 : 0;
}

static const struct publisher_ops ops = {.evict = evict, .ask = ask};
static const struct publisher_ops ops_granted = {.evict = evict, .ask = ask, .grant = grant};

struct kit_publisher kit_publisher(enum publisher_kind kind)
{
    struct kit_publisher one = {.is_alive = 1};

    one.publisher = (struct publisher){.ops = &ops, .kind = kind};
    return one;
}

struct kit_publisher kit_publisher_granted(void)
{
    struct kit_publisher one = kit_publisher(PUBLISHER_ENCODER);

    one.publisher.ops = &ops_granted;
    return one;
}

static void prepare(struct kit_publisher *one)
{
    one->publisher.arg = one;
    one->publisher.vhost = &one->vhost;
    one->vhost.play.gop_cache = 1;
    one->vhost.play.gop_cache_max_frames = 100;
    one->vhost.play.gop_cache_max_bytes = (uint64_t)1024 * 1024;
    one->is_done = 0;
}

static void run_begin(void *arg)
{
    struct kit_publisher *one = arg;

    one->verdict =
        publication_begin(kit.stream, &one->publisher, &one->p, &one->elsewhere, USEC_PER_SEC);
    one->is_done = 1;
}

static void run_end(void *arg)
{
    struct kit_publisher *one = arg;

    if (one->linger)
        publication_finish(one->p, one->timeout);
    else
        publication_end(one->p);
    one->p = NULL;
    one->is_done = 1;
}

enum publication_verdict kit_begin(struct kit_publisher *one)
{
    prepare(one);
    run_begin(one);
    return one->verdict;
}

void kit_end(struct kit_publisher *one)
{
    run_end(one);
}

void kit_publish(struct kit_publisher *one)
{
    ck_assert_int_eq(kit_begin(one), PUBLICATION_OURS);
    ck_assert_ptr_eq(kit.stream->publication, one->p);
    ck_assert_int_eq(source_state(kit.source), SOURCE_LIVE);
    kit.trace[0] = '\0';
}

void kit_finish(struct kit_publisher *one)
{
    kit_end(one);
    kit.trace[0] = '\0';
}

enum publication_verdict kit_reserve(struct kit_publisher *one)
{
    prepare(one);
    return publication_reserve(kit.stream, &one->publisher, &one->p);
}

void kit_start_begin(struct kit_publisher *one)
{
    prepare(one);
    one->co = co_spawn_joinable(run_begin, one);
    ck_assert_ptr_nonnull(one->co);
}

void kit_start_end(struct kit_publisher *one, int linger, usec_t timeout)
{
    one->is_done = 0;
    one->linger = linger;
    one->timeout = timeout;
    one->co = co_spawn_joinable(run_end, one);
    ck_assert_ptr_nonnull(one->co);
}

void kit_join(struct kit_publisher *one)
{
    co_join(one->co);
    ck_assert_int_eq(one->is_done, 1);
}

void kit_stays(int i)
{
    while (!kit.claim[i].is_staying)
        co_yield ();
}

void kit_go(int i)
{
    kit.claim[i].stays = KIT_NOWHERE;
    co_cond_broadcast(&kit.go);
}

void kit_asked(const struct kit_publisher *one)
{
    while (one->asked == 0)
        co_yield ();
}

/* ---- the stream ---- */

void kit_open(void)
{
    memset(&kit, 0, sizeof(kit));
    http_test_runtime();
    http_test_init(&kit.t);
    kit.t.server.tables = &tables;
    kit.t.server.hub = hub_new(4, 4);
    ck_assert_ptr_nonnull(kit.t.server.hub);
    err_free(co_cond_init(&kit.go));
    observer_layout(&kit.t.server);
    hub_on_new(kit.t.server.hub, stream_attach, &kit.t.server);
    hub_on_free(kit.t.server.hub, stream_detach, &kit.t.server);
    kit.source = hub_get(kit.t.server.hub, "__defaultVhost__/a/s", &source_config);
    ck_assert_ptr_nonnull(kit.source);
    kit.stream = source_data(kit.source);
}

/* The test has left nothing. */
void kit_close(void)
{
    ck_assert_ptr_null(kit.stream->publication);
    ck_assert_ptr_null(kit.stream->reserved);
    ck_assert_int_ne(source_state(kit.source), SOURCE_LIVE);
    for (int i = 0; i < KIT_CLAIMS; i++)
        ck_assert_uint_eq(kit.claim[i].held, 0);
    hub_free(kit.t.server.hub);
    co_cond_fini(&kit.go);
    http_test_fini(&kit.t);
}

void kit_lose_claim(int i)
{
    kit.claim[i].held = 0;
}
