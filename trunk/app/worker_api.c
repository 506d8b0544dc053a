/*
 * Gathering the API's answers over the workers' own sockets. A stream that is
 * watched at several workers is one stream: each counts its own viewers, and the
 * one that has the publisher counts what came in, so numbers are added, and all else is taken from
 * the one with the publisher.
 */
#include "app/worker_api.h"

#include "app/worker_private.h"
#include "base/buf.h"
#include "base/str.h"
#include "co/http_client.h"

#include <assert.h>
#include <string.h>
#include <sys/un.h>

#define GATHER_BODY_MAX ((size_t)16 * 1024 * 1024)
#define GATHER_TIMEOUT  USEC_PER_SEC

/* The names of a list, and of one thing in it. */
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

int worker_api_is_shared(const struct server *server, const char *name)
{
    return server->worker != NULL && one_of(name) != NULL;
}

/* ---- asking ---- */

static struct err *read_body(struct http_client *client, struct buf *out, usec_t timeout)
{
    struct err *err = NULL;

    while (err == NULL) {
        const uint8_t *data = NULL;
        size_t len = 0;

        err = http_client_read(client, &data, &len, timeout);
        if (err == NULL && buf_append(out, data, len) != 0)
            return err_new(ERR_LIMIT, "the answer is too long");
    }
    if (err_code(err) != ERR_CLOSED)
        return err;
    err_free(err);
    return NULL;
}

/* What one worker answers; NULL when it does not. */
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
        log_warn(worker->server->log, "API: worker %d: %s", slot + 1, err_text(err));
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

/* The same thing at another worker. */
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
    if (json_object_get(to, "srs") != NULL)
        add_thing(json_object_get(to, "srs"), json_object_get(from, "srs"));
    for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]) && has_publisher(from); i++)
        (void)json_object_set(to, facts[i], json_object_get(from, facts[i]));
}

static json_t *find_thing(const json_t *list, const json_t *like)
{
    const char *id = json_string_value(json_object_get(like, "id"));

    for (size_t i = 0; id != NULL && i < json_array_size(list); i++) {
        json_t *thing = json_array_get(list, i);
        const char *other = json_string_value(json_object_get(thing, "id"));

        if (other != NULL && strcmp(other, id) == 0)
            return thing;
    }
    return NULL;
}

static int add_list(json_t *to, const json_t *from)
{
    for (size_t i = 0; i < json_array_size(from); i++) {
        json_t *theirs = json_array_get(from, i);
        json_t *mine = find_thing(to, theirs);

        if (mine != NULL)
            add_thing(mine, theirs);
        else if (json_array_append(to, theirs) != 0)
            return -1;
    }
    return 0;
}

/* The answer of one worker into ours. */
static int add_answer(json_t *body, const json_t *answer, const char *name, int *code)
{
    const char *single = one_of(name);
    json_t *theirs = json_object_get(answer, single);
    json_t *mine = json_object_get(body, single);

    if (json_is_array(json_object_get(body, name)))
        return add_list(json_object_get(body, name), json_object_get(answer, name));
    if (!json_is_object(theirs))
        return 0;
    *code = 0;
    if (json_is_object(mine)) {
        add_thing(mine, theirs);
        return 0;
    }
    return json_object_set(body, single, theirs);
}

/* Each stream once, wherever it is watched. */
static int count_streams(const struct worker *worker, const json_t *body)
{
    json_t *sums = json_object_get(json_object_get(body, "data"), "srs");

    return json_object_set_new(sums, "streams",
                               json_integer((json_int_t)registry_count(worker->share->registry)));
}

/*
 * Takes our own list out of the body and leaves an empty one: all lists stand in the order of the
 * workers, so that the next page of one who asks is the same whichever worker he comes to.
 */
static json_t *list_out(json_t *body, const char *name)
{
    json_t *mine = json_object_get(body, name);
    json_t *empty;

    if (!json_is_array(mine))
        return NULL;
    json_incref(mine);
    empty = json_array();
    if (empty != NULL && json_object_set_new(body, name, empty) == 0)
        return mine;
    json_decref(mine);
    return NULL;
}

int worker_api_gather(const struct server *server, const char *name, const char *id, json_t *body,
                      int *code, size_t count, usec_t timeout)
{
    const struct worker *worker = server->worker;
    char url[512];
    json_t *mine;
    int failed = 0;

    assert(worker != NULL);
    mine = list_out(body, name);
    if (timeout > GATHER_TIMEOUT)
        timeout = GATHER_TIMEOUT;
    if (str_format(url, sizeof(url), "http://worker/api/v1/%s%s%s?start=0&count=%zu", name,
                   *id != '\0' ? "/" : "", id, count) != 0)
        url[0] = '\0'; /* no id is so long */
    for (int i = 0; i < worker->share->count && !failed; i++) {
        json_t *answer = NULL;

        if (i == worker->slot)
            failed = mine != NULL && add_list(json_object_get(body, name), mine) != 0;
        else if (url[0] != '\0' && worker->share->slot[i].state == WORKER_READY)
            answer = ask(worker, i, url, timeout);
        if (answer != NULL)
            failed = add_answer(body, answer, name, code) != 0;
        json_decref(answer);
    }
    json_decref(mine);
    if (!failed && strcmp(name, "summaries") == 0)
        failed = count_streams(worker, body) != 0;
    return failed ? -1 : 0;
}

void worker_api_cut(json_t *body, const char *name, size_t start, size_t count)
{
    json_t *list = json_object_get(body, name);

    if (!json_is_array(list))
        return;
    for (; start > 0 && json_array_size(list) > 0; start--)
        (void)json_array_remove(list, 0);
    while (json_array_size(list) > count)
        (void)json_array_remove(list, json_array_size(list) - 1);
}
