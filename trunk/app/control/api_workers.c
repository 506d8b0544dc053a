/*
 * Gathers the API's answers over the workers' own sockets. A stream with viewers at several workers
 * is one stream: each worker counts its own viewers, and the publisher's worker counts the input.
 * So numbers are added, and everything else is taken from the worker with the publisher.
 */
#include "app/control/api_workers.h"

#include "app/workers/worker_private.h"
#include "base/buf.h"
#include "base/str.h"
#include "co/http_client.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#define GATHER_BODY_MAX ((size_t)64 * 1024 * 1024)
#define GATHER_TIMEOUT  USEC_PER_SEC

/* The names of a list, and of one object in it. */
static const char *const shared[][2] = {
    {"streams", "stream"}, {"clients", "client"}, {"vhosts", "vhost"}, {"summaries", "data"}};

#define SHARED_COUNT (sizeof(shared) / sizeof(shared[0]))

static const char *one_of(const char *name)
{
    for (size_t i = 0; i < SHARED_COUNT; i++)
        if (strcmp(shared[i][0], name) == 0)
            return shared[i][1];
    return NULL;
}

int api_workers_is_shared(const struct server *server, const char *name)
{
    return worker_of(server) != NULL && one_of(name) != NULL;
}

/* ---- requests ---- */

static struct err *read_body(struct http_client *client, struct buf *out, usec_t timeout)
{
    struct err *err = NULL;

    while (err == NULL) {
        const uint8_t *data = NULL;
        size_t len = 0;

        err = http_client_read(client, &data, &len, timeout);
        if (err == NULL && buf_append(out, data, len) != 0)
            return err_new(ERR_LIMIT, "response too long");
    }
    if (err_code(err) != ERR_CLOSED)
        return err;
    err_free(err);
    return NULL;
}

/* The answer of one worker; NULL if it does not answer. */
static json_t *ask(const struct worker *worker, int slot, const char *url, usec_t timeout)
{
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    struct http_client_options options = {
        .host = "worker", .unix_path = path, .connect_timeout = timeout};
    struct http_client *client = NULL;
    json_t *answer = NULL;
    struct buf body;
    struct err *err = NULL;

    if (worker_share_path(worker->share, slot, path, sizeof(path)) != 0)
        return NULL;
    buf_init(&body, GATHER_BODY_MAX);
    err = http_client_open(&client, url, &options, timeout);
    if (err == NULL && http_client_status(client) == 200)
        err = read_body(client, &body, timeout);
    if (err == NULL)
        answer = json_loadb((const char *)buf_data(&body), body.len, 0, NULL);
    else
        log_err(worker->server->log, LOG_WARN, err, "API: no response from worker %d: %s", slot + 1,
                err_text(err));
    err_free(err);
    http_client_close(client);
    buf_fini(&body);
    return answer;
}

/* ---- adding ---- */

static void add_number(json_t *to, const json_t *from, const char *key)
{
    json_t *mine = json_object_get(to, key);
    const json_t *theirs = json_object_get(from, key);

    if (json_is_integer(mine) && json_is_integer(theirs))
        (void)json_integer_set(mine, json_integer_value(mine) + json_integer_value(theirs));
}

static int has_publisher(const json_t *thing)
{
    return json_is_true(json_object_get(json_object_get(thing, "publish"), "active"));
}

/* Adds the same object of another worker. */
static void add_thing(json_t *to, const json_t *from)
{
    static const char *const sums[] = {"clients",    "streams",    "frames",
                                       "send_bytes", "recv_bytes", "conn_srs"};
    static const char *const facts[] = {"publish", "video", "audio"};
    const json_t *rate = json_object_get(from, "kbps");

    for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++)
        add_number(to, from, sums[i]);
    add_number(json_object_get(to, "kbps"), rate, "recv_30s");
    add_number(json_object_get(to, "kbps"), rate, "send_30s");
    /* Each worker reports the memory of all processes, but only its own streams' memory. */
    if (json_object_get(to, "memory") != NULL)
        add_number(json_object_get(to, "memory"), json_object_get(from, "memory"), "streams");
    if (json_object_get(to, "srs") != NULL)
        add_thing(json_object_get(to, "srs"), json_object_get(from, "srs"));
    for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]) && has_publisher(from); i++)
        (void)json_object_set(to, facts[i], json_object_get(from, facts[i]));
}

/* ---- merging ---- */

struct gathering {
    const struct api_workers_call *call;
    const char *single; /* the name of one object */
    json_t *body;
    json_t *list;  /* in the body; NULL: one object is requested */
    json_t *index; /* by id */
    int is_paged;  /* no object is at two workers: each is asked for the missing rest of the page */
    size_t skip, count; /* of the missing rest */
};

/* Merges an object that may be at several workers. */
static int merge_thing(struct gathering *all, json_t *theirs)
{
    const char *id = json_string_value(json_object_get(theirs, "id"));
    json_t *mine = id != NULL ? json_object_get(all->index, id) : NULL;

    if (mine != NULL) {
        add_thing(mine, theirs);
        return 0;
    }
    if (id != NULL && json_object_set(all->index, id, theirs) != 0)
        return -1;
    return json_array_append(all->list, theirs);
}

static int add_list(struct gathering *all, const json_t *answer)
{
    const json_t *theirs = json_object_get(answer, all->call->name);
    size_t total = (size_t)json_integer_value(json_object_get(answer, "total"));

    for (size_t i = 0; i < json_array_size(theirs); i++)
        if (all->is_paged ? json_array_append(all->list, json_array_get(theirs, i)) != 0
                          : merge_thing(all, json_array_get(theirs, i)) != 0)
            return -1;
    if (!all->is_paged)
        return 0;
    all->skip -= total < all->skip ? total : all->skip;
    all->count -= json_array_size(theirs) < all->count ? json_array_size(theirs) : all->count;
    return 0;
}

/* Merges the answer of one worker. */
static int add_answer(struct gathering *all, const json_t *answer)
{
    json_t *theirs = json_object_get(answer, all->single);
    json_t *mine = json_object_get(all->body, all->single);

    if (all->list != NULL)
        return add_list(all, answer);
    if (!json_is_object(theirs))
        return 0;
    if (!json_is_object(mine))
        return json_object_set(all->body, all->single, theirs);
    add_thing(mine, theirs);
    return 0;
}

static int compare_ids(const void *a, const void *b)
{
    const char *x = json_string_value(json_object_get(*(json_t *const *)a, "id"));
    const char *y = json_string_value(json_object_get(*(json_t *const *)b, "id"));

    return strcmp(x != NULL ? x : "", y != NULL ? y : "");
}

/* Sorts the list by id, like each worker's part, and keeps the page that begins at start. */
static int cut_list(struct gathering *all)
{
    const struct api_query *query = all->call->query;
    size_t size = json_array_size(all->list);
    json_t **item = calloc(size + 1, sizeof(json_t *));
    json_t *page = json_array();
    int failed = item == NULL || page == NULL;

    for (size_t i = 0; i < size && !failed; i++)
        item[i] = json_array_get(all->list, i);
    if (!failed)
        qsort(item, size, sizeof(json_t *), compare_ids);
    for (size_t i = query->start; i < size && i - query->start < query->count && !failed; i++)
        failed = json_array_append(page, item[i]) != 0;
    free(item);
    if (failed) {
        json_decref(page);
        return -1;
    }
    return json_object_set_new(all->body, all->call->name, page);
}

/* Counts each stream once, even if several workers have viewers of it. */
static int count_streams(const struct worker *worker, const json_t *body)
{
    json_t *sums = json_object_get(json_object_get(body, "data"), "srs");

    return json_object_set_new(sums, "streams",
                               json_integer((json_int_t)registry_count(worker->share->registry)));
}

/* Gets the answer of one worker; *part NULL: no answer. 0, or -1 if out of memory. */
static int part_get(const struct gathering *all, int slot, json_t **part, usec_t timeout)
{
    const struct worker *worker = worker_of(all->call->query->server);
    struct api_query query = *all->call->query;
    char url[512];

    *part = NULL;
    if (all->is_paged && all->list != NULL && all->count == 0)
        return 0;
    query.is_part = 1;
    query.start = all->skip;
    query.count = all->count;
    if (slot == worker->slot) {
        *part = json_object();
        return *part != NULL && all->call->answer(&query, *part) >= 0 ? 0 : -1;
    }
    /* Our ids contain only these characters; others could change the meaning of the address. */
    if (worker->share->slot[slot].state != WORKER_READY || worker->share->slot[slot].is_late ||
        query.id[strspn(query.id, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0' ||
        str_format(url, sizeof(url), "http://worker/api/v1/%s%s%s?start=%zu&count=%zu",
                   all->call->name, *query.id != '\0' ? "/" : "", query.id, query.start,
                   query.count) != 0)
        return 0;
    *part = ask(worker, slot, url, timeout);
    return 0;
}

static int gather_all(struct gathering *all, usec_t timeout)
{
    const struct worker *worker = worker_of(all->call->query->server);
    int failed = 0;

    for (int i = 0; i < worker->share->count && !failed; i++) {
        json_t *part = NULL;

        failed =
            part_get(all, i, &part, timeout) != 0 || (part != NULL && add_answer(all, part) != 0);
        json_decref(part);
    }
    if (!failed && strcmp(all->call->name, "streams") == 0 && all->list != NULL)
        failed = cut_list(all) != 0;
    if (!failed && strcmp(all->call->name, "summaries") == 0)
        failed = count_streams(worker, all->body) != 0;
    return failed ? -1 : 0;
}

int api_workers_gather(const struct api_workers_call *call, json_t *body, usec_t timeout)
{
    const struct api_query *query = call->query;
    struct gathering all = {.call = call,
                            .single = one_of(call->name),
                            .body = body,
                            .index = json_object(),
                            .is_paged = strcmp(call->name, "clients") == 0};
    int rc = all.index != NULL ? 0 : -1;

    assert(worker_of(query->server) != NULL && all.single != NULL);
    all.skip = all.is_paged ? query->start : 0;
    all.count = all.is_paged ? query->count : query->start + query->count;
    if (rc == 0 && *query->id == '\0' && strcmp(all.single, "data") != 0) {
        all.list = json_array();
        rc = json_object_set_new(body, call->name, all.list);
    }
    if (rc == 0)
        rc = gather_all(&all, timeout < GATHER_TIMEOUT ? timeout : GATHER_TIMEOUT);
    json_decref(all.index);
    if (rc == 0 && all.list == NULL && json_object_get(body, all.single) == NULL)
        return 1;
    return rc;
}
