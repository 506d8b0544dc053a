/*
 * Resolves names to addresses with c-ares.
 *
 * One c-ares channel serves all look-ups, so that a thousand concurrent ones share its few sockets.
 * These are in an epoll descriptor of their own (level-triggered), which the reactor treats as one
 * connection; a coroutine waits for it and for c-ares' own time-outs, and sleeps while there are no
 * queries. A querying coroutine waits only for its own answer. If it gives up earlier, the query
 * remains as an orphan and is freed when c-ares has finished it.
 *
 * c-ares reads resolv.conf once per channel: a channel without queries is recreated when that file
 * has changed.
 */
#include "co/resolve.h"
#include "base/str.h"
#include "co/co_private.h"
#include "co/net.h"

#include <ares.h>
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#define RESOLVE_CONF       "/etc/resolv.conf"
#define RESOLVE_TRY_MS     2000
#define RESOLVE_TRIES      3
#define RESOLVE_EVENTS     32
#define RESOLVE_NAME_MAX   255
#define RESOLVE_ACTIVE_MAX 10000

#define RESOLVE_SERVERS_MAX 512

/* Shared by the querying coroutine and c-ares; freed by the last of the two. */
struct resolve_query {
    struct co *waiter; /* NULL once it has given up */
    int done;
    int status;
    struct resolve_list list;
};

static struct {
    ares_channel channel;
    int have_channel;
    int have_library;
    struct net_conn *epoll; /* the channel's sockets, as one descriptor */
    struct co *worker;
    size_t active; /* queries in progress */
    struct timespec conf_mtime;
    char servers[RESOLVE_SERVERS_MAX]; /* "" = from resolv.conf */
} resolver;

/* ---- the channel ---- */

/* c-ares opens, changes and closes a socket. */
static void resolve_socket(void *arg, ares_socket_t fd, int readable, int writable)
{
    struct epoll_event event = {.data.fd = fd};

    (void)arg;
    event.events = (readable ? EPOLLIN : 0u) | (writable ? EPOLLOUT : 0u);
    if (event.events == 0)
        (void)epoll_ctl(resolver.epoll->fd, EPOLL_CTL_DEL, fd, &event);
    else if (epoll_ctl(resolver.epoll->fd, EPOLL_CTL_MOD, fd, &event) != 0)
        (void)epoll_ctl(resolver.epoll->fd, EPOLL_CTL_ADD, fd, &event);
}

static struct timespec resolve_conf_mtime(void)
{
    struct timespec none = {0, 0};
    struct stat st;

    return stat(RESOLVE_CONF, &st) == 0 ? st.st_mtim : none;
}

static struct err *resolve_channel(void)
{
    struct timespec mtime;
    struct ares_options options = {
        .timeout = RESOLVE_TRY_MS, .tries = RESOLVE_TRIES, .sock_state_cb = resolve_socket};
    int status;

    if (resolver.have_channel && resolver.active > 0)
        return NULL;
    mtime = resolve_conf_mtime();
    if (resolver.have_channel && mtime.tv_sec == resolver.conf_mtime.tv_sec &&
        mtime.tv_nsec == resolver.conf_mtime.tv_nsec)
        return NULL;
    if (resolver.have_channel)
        ares_destroy(resolver.channel);
    resolver.have_channel = 0;
    status = ares_init_options(&resolver.channel, &options,
                               ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
    if (status != ARES_SUCCESS)
        return err_new(ERR_SYS, "name resolver: %s", ares_strerror(status));
    if (resolver.servers[0] != '\0')
        status = ares_set_servers_ports_csv(resolver.channel, resolver.servers);
    if (status != ARES_SUCCESS) {
        ares_destroy(resolver.channel);
        return err_new(ERR_CONFIG, "name servers \"%s\": %s", resolver.servers,
                       ares_strerror(status));
    }
    resolver.have_channel = 1;
    resolver.conf_mtime = mtime;
    return NULL;
}

static void resolve_process(void)
{
    struct epoll_event events[RESOLVE_EVENTS];
    int n = epoll_wait(resolver.epoll->fd, events, RESOLVE_EVENTS, 0);

    /* A call may close another socket of the batch; c-ares ignores sockets that it does not know.
     */
    for (int i = 0; i < n; i++) {
        int in = (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0;
        int out = (events[i].events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0;

        ares_process_fd(resolver.channel, in ? events[i].data.fd : ARES_SOCKET_BAD,
                        out ? events[i].data.fd : ARES_SOCKET_BAD);
    }
    ares_process_fd(resolver.channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD); /* its time-outs */
    /* Only now: a socket that still has data gives no new edge. */
    if (n <= 0)
        resolver.epoll->ready &= (uint8_t)~NET_IN;
}

static MAY_YIELD void resolve_worker(void *arg)
{
    (void)arg;
    co_set_id("resolver");
    while (!co_is_interrupted()) {
        usec_t timeout = USEC_NEVER;
        struct timeval tv;

        if (resolver.active > 0 && ares_timeout(resolver.channel, NULL, &tv) != NULL)
            timeout = (usec_t)tv.tv_sec * USEC_PER_SEC + tv.tv_usec + USEC_PER_MS;
        (void)net_wait(resolver.epoll, NET_IN, timeout);
        if (resolver.have_channel)
            resolve_process();
    }
}

static struct err *resolve_start(void)
{
    struct err *err;
    int fd;

    if (!resolver.have_library && ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
        return err_new(ERR_SYS, "name resolver: no library");
    resolver.have_library = 1;
    if (resolver.epoll == NULL) {
        fd = epoll_create1(EPOLL_CLOEXEC);
        if (fd < 0)
            return err_sys(errno, "name resolver");
        err = net_wrap_fd(fd, &resolver.epoll);
        if (err != NULL)
            return err;
    }
    if (resolver.worker == NULL)
        resolver.worker = co_spawn(resolve_worker, NULL);
    if (resolver.worker == NULL)
        return err_new(ERR_NOMEM, "name resolver");
    return resolve_channel();
}

struct err *resolve_use_servers(const char *servers)
{
    if (resolver.active > 0)
        return err_new(ERR_BUSY, "name servers: look-ups are under way");
    if (str_copy(resolver.servers, sizeof(resolver.servers), servers != NULL ? servers : "") != 0)
        return err_new(ERR_CONFIG, "name servers: the list is too long");
    if (resolver.have_channel)
        ares_destroy(resolver.channel);
    resolver.have_channel = 0;
    return resolve_start();
}

/* ---- one query ---- */

static int resolve_add(struct resolve_list *list, const void *addr, size_t len)
{
    if (list->count == RESOLVE_ADDRS_MAX || len > sizeof(list->addr[0]))
        return -1;
    memset(&list->addr[list->count], 0, sizeof(list->addr[0]));
    memcpy(&list->addr[list->count], addr, len);
    list->count++;
    return 0;
}

/* Called by c-ares, also inside ares_getaddrinfo(). */
static void resolve_answer(void *arg, int status, int timeouts, struct ares_addrinfo *result)
{
    struct resolve_query *query = arg;
    struct ares_addrinfo_node *node = result != NULL ? result->nodes : NULL;

    (void)timeouts;
    resolver.active--;
    query->done = 1;
    query->status = status;
    for (; node != NULL; node = node->ai_next) {
        if (node->ai_family != AF_INET && node->ai_family != AF_INET6)
            continue;
        if (resolve_add(&query->list, node->ai_addr, (size_t)node->ai_addrlen) != 0)
            break;
    }
    if (result != NULL)
        ares_freeaddrinfo(result);
    if (query->waiter != NULL)
        co_wake(query->waiter);
    else
        free(query);
}

static void resolve_ask(struct resolve_query *query, const char *host, int port)
{
    struct ares_addrinfo_hints hints = {
        .ai_flags = ARES_AI_NUMERICSERV, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    char service[8];

    (void)snprintf(service, sizeof(service), "%d", port);
    resolver.active++;
    ares_getaddrinfo(resolver.channel, host, service, &hints, resolve_answer, query);
    net_wake_owner(resolver.epoll); /* its next time-out has changed */
}

static struct err *resolve_failed(int status)
{
    switch (status) {
    case ARES_ENOTFOUND:
    case ARES_ENODATA:
    case ARES_EBADNAME:
        return err_new(ERR_NOT_FOUND, "no such host");
    case ARES_ETIMEOUT:
        return err_new(ERR_TIMEOUT, "the name servers do not answer");
    case ARES_ENOMEM:
        return err_new(ERR_NOMEM, "out of memory");
    default:
        return err_new(ERR_SYS, "%s", ares_strerror(status));
    }
}

static struct err *resolve_wait(struct resolve_query *query, usec_t deadline)
{
    enum co_wait why = CO_OK;

    query->waiter = co_self();
    while (!query->done && why == CO_OK)
        why = co_park(deadline);
    query->waiter = NULL;
    if (why == CO_INTERRUPTED)
        return err_new(ERR_INTERRUPTED, "interrupted");
    if (!query->done)
        return err_new(ERR_TIMEOUT, "timed out");
    if (query->status != ARES_SUCCESS)
        return resolve_failed(query->status);
    return query->list.count > 0 ? NULL : resolve_failed(ARES_ENODATA);
}

/* Parses a numeric address, IPv6 also in brackets. 0, or -1 for other text. */
static int resolve_literal(const char *host, int port, struct resolve_list *out)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    char bare[INET6_ADDRSTRLEN] = "";
    size_t len = strlen(host);

    if (inet_pton(AF_INET, host, &v4.sin_addr) == 1)
        return resolve_add(out, &v4, sizeof(v4));
    if (len > 2 && host[0] == '[' && host[len - 1] == ']' && len - 2 < sizeof(bare)) {
        memcpy(bare, host + 1, len - 2);
        host = bare;
    }
    if (inet_pton(AF_INET6, host, &v6.sin6_addr) != 1)
        return -1;
    return resolve_add(out, &v6, sizeof(v6));
}

static struct err *resolve_by_ares(const char *host, int port, struct resolve_list *out,
                                   usec_t timeout)
{
    usec_t deadline = co_deadline(timeout);
    struct resolve_query *query;
    struct err *err = resolve_start();

    if (err != NULL)
        return err;
    if (resolver.active >= RESOLVE_ACTIVE_MAX)
        return err_new(ERR_LIMIT, "too many look-ups at once");
    query = calloc(1, sizeof(*query));
    if (query == NULL)
        return err_new(ERR_NOMEM, "out of memory");
    query->waiter = co_self();
    resolve_ask(query, host, port);
    err = resolve_wait(query, deadline);
    if (err == NULL)
        *out = query->list;
    if (query->done)
        free(query);
    return err;
}

struct err *resolve_name(const char *host, int port, struct resolve_list *out, usec_t timeout)
{
    struct err *err;

    assert(host != NULL && out != NULL && port >= 0 && port <= 65535);
    out->count = 0;
    if (resolve_literal(host, port, out) == 0)
        return NULL;
    if (host[0] == '\0' || strlen(host) > RESOLVE_NAME_MAX)
        return err_new(ERR_NOT_FOUND, "resolve \"%.64s\": not a host name", host);
    err = resolve_by_ares(host, port, out, timeout);
    return err != NULL ? err_wrap(err, "resolve %s", host) : NULL;
}
