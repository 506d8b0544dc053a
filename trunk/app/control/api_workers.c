/*
 * Gathers the API's answers over the workers' own sockets. For a page of a long list each worker
 * first sends the ids that it has, which tells where the page begins and ends in its own list; then
 * it sends these objects, in parts that neither side needs long to write or to read.
 */
#include "app/control/api_workers.h"

#include "app/control/api_merge.h"
#include "app/control/api_page.h"
#include "app/workers/worker_private.h"
#include "base/buf.h"
#include "base/str.h"
#include "co/http_client.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#define GATHER_BODY_MAX ((size_t)16 * 1024 * 1024)
#define GATHER_TIMEOUT  USEC_PER_SEC

static int is_shared(const struct server *server, const char *name)
{
    return worker_of(server) != NULL && api_merge_find(name) != NULL;
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
    if (err == NULL && body.len > 0)
        answer = json_loadb((const char *)buf_data(&body), body.len, 0, NULL);
    if (err != NULL)
        log_err(worker->server->log, LOG_WARN, err, "API: no response from worker %d: %s", slot + 1,
                err_text(err));
    err_free(err);
    http_client_close(client);
    buf_fini(&body);
    return answer;
}

/* What a page of a list needs to know of one object. */
struct found {
    const char *id; /* points into the worker's answer */
    int slot;
};

struct gathering {
    const struct api_gather_call *call;
    const struct api_merge *merge;
    struct worker *worker;
    json_t *body;
    json_t *list;  /* NULL: one object is requested */
    json_t *index; /* by id */
    usec_t deadline;
    json_t *keys[CONFIG_PROCESSES_MAX]; /* the answers that `found` points into */
    struct found *found;                /* of all workers, by id */
    size_t found_count;
};

/* Which objects a worker is asked for: at most count, by their ids. */
struct range {
    size_t count;
    const char *after, *upto;
};

/* A part of the answer of one worker; *part NULL: no answer. 0, or -1 if out of memory. */
static int part_get(const struct gathering *all, int slot, const struct range *range, json_t **part,
                    usec_t timeout)
{
    const struct worker *worker = all->worker;
    struct api_query query = *all->call->query;
    char url[512];

    *part = NULL;
    query.is_part = 1;
    query.start = 0;
    query.count = range->count;
    query.after = range->after;
    query.upto = range->upto;
    if (slot == worker->slot) {
        *part = json_object();
        return *part != NULL && all->call->answer(&query, *part) >= 0 ? 0 : -1;
    }
    /* Our ids contain only these characters; others could change the meaning of the address. */
    if (worker->share->slot[slot].state != WORKER_READY || worker->share->slot[slot].is_late ||
        query.id[strspn(query.id, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0' ||
        str_format(url, sizeof(url),
                   "http://worker/api/v1/%s%s%s?count=%zu&" API_GATHER_AFTER "=%s&" API_GATHER_UPTO
                   "=%s&" API_GATHER_PUBLIC "=%d",
                   all->call->name, *query.id != '\0' ? "/" : "", query.id, query.count,
                   query.after, query.upto, query.is_public != 0) != 0)
        return 0;
    *part = ask(worker, slot, url, timeout);
    return 0;
}

static usec_t time_left(const struct gathering *all)
{
    usec_t left = co_left(all->deadline);

    return left < GATHER_TIMEOUT ? left : GATHER_TIMEOUT;
}

/* ---- merging ---- */

/* Merges an object that may be at several workers. */
static int merge_thing(struct gathering *all, json_t *theirs)
{
    const char *id = json_string_value(json_object_get(theirs, "id"));
    json_t *mine = id != NULL ? json_object_get(all->index, id) : NULL;

    if (mine != NULL) {
        api_merge_add(all->merge, mine, theirs);
        return 0;
    }
    if (id != NULL && json_object_set(all->index, id, theirs) != 0)
        return -1;
    return json_array_append(all->list, theirs);
}

/* Merges the answer of one worker. */
static int add_answer(struct gathering *all, const json_t *answer)
{
    const json_t *list = json_object_get(answer, all->call->name);
    json_t *theirs = json_object_get(answer, all->merge->single);
    json_t *mine = json_object_get(all->body, all->merge->single);

    for (size_t i = 0; all->list != NULL && i < json_array_size(list); i++)
        if (merge_thing(all, json_array_get(list, i)) != 0)
            return -1;
    if (all->list != NULL || !json_is_object(theirs))
        return 0;
    if (!json_is_object(mine))
        return json_object_set(all->body, all->merge->single, theirs);
    api_merge_add(all->merge, mine, theirs);
    return 0;
}

/* ---- pages ---- */

static int keys_add(struct gathering *all, int slot)
{
    const json_t *keys = json_object_get(all->keys[slot], "keys");
    size_t count = json_array_size(keys);
    struct found *found = realloc(all->found, (all->found_count + count + 1) * sizeof(*all->found));

    if (found == NULL)
        return -1;
    all->found = found;
    for (size_t i = 0; i < count; i++) {
        const char *id = json_string_value(json_array_get(keys, i));

        if (id != NULL)
            found[all->found_count++] = (struct found){id, slot};
    }
    return 0;
}

static int found_compare(const void *a, const void *b)
{
    const struct found *x = a;
    const struct found *y = b;
    int order = strcmp(x->id, y->id);

    return order != 0 ? order : x->slot - y->slot;
}

/* The ids of the page: *first to before *end. An id that several workers have counts once. */
static void page_find(const struct gathering *all, size_t *first, size_t *end)
{
    const struct api_query *query = all->call->query;
    size_t seen = 0;

    *first = *end = all->found_count;
    for (size_t i = 0; i < all->found_count; i++) {
        if (i > 0 && strcmp(all->found[i].id, all->found[i - 1].id) == 0)
            continue;
        if (seen == query->start)
            *first = i;
        if (seen == query->start + query->count) {
            *end = i;
            return;
        }
        seen++;
    }
}

static int page_has(const struct gathering *all, int slot, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++)
        if (all->found[i].slot == slot)
            return 1;
    return 0;
}

/* Gets one worker's objects of the page, beginning each part after the last id of the one before:
 * objects that come or go meanwhile are then neither missed nor counted twice. */
static MAY_YIELD int page_get(struct gathering *all, int slot, size_t first, size_t end)
{
    struct range range = {API_PAGE_PART, first > 0 ? all->found[first - 1].id : "",
                          all->found[end - 1].id};
    char last[API_ID_SIZE];
    size_t size;

    do {
        json_t *part = NULL;
        const json_t *list;
        const char *id;
        int rc = part_get(all, slot, &range, &part, time_left(all));

        if (rc == 0 && part != NULL)
            rc = add_answer(all, part);
        list = json_object_get(part, all->call->name);
        size = json_array_size(list);
        id = size > 0 ? json_string_value(json_object_get(json_array_get(list, size - 1), "id"))
                      : NULL;
        if (id == NULL || str_copy(last, sizeof(last), id) != 0)
            size = 0;
        json_decref(part);
        if (rc != 0)
            return -1;
        range.after = last;
        co_yield ();
    } while (size == API_PAGE_PART && co_left(all->deadline) > 0);
    return 0;
}

static int compare_ids(const void *a, const void *b)
{
    const char *x = json_string_value(json_object_get(*(json_t *const *)a, "id"));
    const char *y = json_string_value(json_object_get(*(json_t *const *)b, "id"));

    return strcmp(x != NULL ? x : "", y != NULL ? y : "");
}

/* Puts the page's objects into the body, by id. */
static int page_put(struct gathering *all)
{
    size_t size = json_array_size(all->list);
    json_t **item = calloc(size + 1, sizeof(json_t *));
    json_t *page = json_array();
    int rc = item == NULL || page == NULL ? -1 : 0;

    for (size_t i = 0; i < size && rc == 0; i++)
        item[i] = json_array_get(all->list, i);
    if (rc == 0)
        qsort(item, size, sizeof(json_t *), compare_ids);
    for (size_t i = 0; i < size && rc == 0; i++)
        rc = json_array_append(page, item[i]);
    free(item);
    if (rc == 0)
        return json_object_set_new(all->body, all->call->name, page);
    json_decref(page);
    return -1;
}

static MAY_YIELD int gather_page(struct gathering *all)
{
    size_t first, end;
    int rc = 0;

    for (int i = 0; i < all->worker->share->count && rc == 0; i++) {
        rc = part_get(all, i, &(struct range){0, "", ""}, &all->keys[i], time_left(all));
        if (rc == 0 && all->keys[i] != NULL)
            rc = keys_add(all, i);
    }
    if (rc == 0 && all->found_count > 0)
        qsort(all->found, all->found_count, sizeof(*all->found), found_compare);
    page_find(all, &first, &end);
    for (int i = 0; i < all->worker->share->count && rc == 0; i++)
        if (page_has(all, i, first, end))
            rc = page_get(all, i, first, end);
    if (rc == 0)
        rc = page_put(all);
    free(all->found);
    for (int i = 0; i < all->worker->share->count; i++)
        json_decref(all->keys[i]);
    return rc;
}

/* ---- other answers ---- */

static MAY_YIELD int gather_all(struct gathering *all)
{
    struct range range = {all->call->query->count, "", ""};
    int rc = 0;

    for (int i = 0; i < all->worker->share->count && rc == 0; i++) {
        json_t *part = NULL;

        rc = part_get(all, i, &range, &part, time_left(all));
        if (rc == 0 && part != NULL)
            rc = add_answer(all, part);
        json_decref(part);
    }
    if (rc == 0 && all->list != NULL)
        rc = json_object_set(all->body, all->call->name, all->list);
    return rc;
}

/* Counts each stream once, even if several workers have viewers of it. */
static int count_streams(const struct gathering *all)
{
    json_t *sums = json_object_get(json_object_get(all->body, "data"), "srs");
    size_t count = registry_count(all->worker->share->registry);

    return sums == NULL ? 0 : json_object_set_new(sums, "streams", json_integer((json_int_t)count));
}

static int gather(const struct api_gather_call *call, json_t *body, usec_t timeout)
{
    struct gathering *all = calloc(1, sizeof(*all));
    int is_list = *call->query->id == '\0';
    int rc = -1;

    if (all == NULL)
        return -1;
    all->call = call;
    all->merge = api_merge_find(call->name);
    all->worker = worker_of(call->query->server);
    all->body = body;
    all->index = json_object();
    all->deadline = co_deadline(timeout);
    assert(all->worker != NULL && all->merge != NULL);
    if (is_list && strcmp(all->merge->single, "data") != 0)
        all->list = json_array();
    if (all->index != NULL)
        rc = all->list != NULL && all->merge->is_paged ? gather_page(all) : gather_all(all);
    if (rc == 0)
        rc = count_streams(all);
    if (rc == 0 && all->list == NULL && json_object_get(body, all->merge->single) == NULL)
        rc = 1;
    json_decref(all->index);
    json_decref(all->list);
    free(all);
    return rc;
}

const struct api_gather api_workers_gather = {.is_shared = is_shared, .gather = gather};
