/*
 * PROXY headers. That a header is there is never guessed for a trusted proxy (the protocol's own
 * rule): one that was set up to send none would pass on whatever header its clients make up. Of
 * everybody else so many bytes are looked at, and left where they are, as tell such a header from
 * what a client says first, so that the log can name the mistake.
 */
#include "app/server/server_proxy.h"

#include "app/config/trust.h"
#include "app/core/log_limit.h"
#include "base/str.h"
#include "co/co.h"
#include "proto/proxy_protocol.h"

#include <assert.h>

#define SERVER_PROXY_PIECE 256 /* most headers come in one */

/* Takes the header and nothing behind it. ERR_PROTO says what is wrong with it. */
static struct err *header_read(struct net_conn *conn, struct proxy_protocol *header,
                               usec_t deadline)
{
    uint8_t piece[SERVER_PROXY_PIECE];
    enum scan scan = SCAN_MORE;

    proxy_protocol_init(header);
    while (scan == SCAN_MORE) {
        size_t got = 0;
        size_t used;
        struct err *err = net_peek(conn, piece, sizeof(piece), &got, co_left(deadline));

        if (err != NULL)
            return err;
        scan = proxy_protocol_feed(header, piece, got, &used);
        if (scan == SCAN_BAD)
            return err_new(ERR_PROTO, "%s", header->reason);
        while (used > 0) {
            err = io_read(&conn->io, piece, used, &got, co_left(deadline));
            if (err != NULL)
                return err;
            used -= got;
        }
    }
    conn->bytes_in = 0; /* it is no payload */
    return NULL;
}

/* Whether what comes first is a header, without taking any of it. */
static struct err *header_look(struct net_conn *conn, int *is_there, usec_t deadline)
{
    uint8_t begin[PROXY_PROTOCOL_MARK];
    enum scan scan = SCAN_MORE;
    size_t got = 0;

    while (scan == SCAN_MORE) {
        struct err *err = net_peek(conn, begin, sizeof(begin), &got, co_left(deadline));

        if (err != NULL)
            return err;
        scan = proxy_protocol_begins(begin, got);
    }
    *is_there = scan == SCAN_DONE;
    return NULL;
}

/* What the peer did wrong is a warning; that it left is not. */
static int refuse(struct server *server, const struct net_conn *conn, struct err *err)
{
    log_peer_err(server, err_is_quiet(err) ? LOG_INFO : LOG_WARN, "bad PROXY header", conn->ip, err,
                 "PROXY header of %s: %s", conn->ip[0] != '\0' ? conn->ip : "unix", err_text(err));
    err_free(err);
    return -1;
}

static int accept_any(struct server *server, struct net_conn *conn, const char **why,
                      usec_t deadline)
{
    int is_there = 0;
    struct err *err = header_look(conn, &is_there, deadline);

    if (err == NULL && is_there) {
        *why = "a PROXY header is taken from trusted_proxies only";
        err = err_new(ERR_DENIED, "refused: this address is none of trusted_proxies");
    }
    return err != NULL ? refuse(server, conn, err) : 0;
}

int server_proxy_accept(struct server *server, struct net_conn *conn, const char **why,
                        usec_t timeout)
{
    usec_t deadline = co_deadline(timeout);
    struct proxy_protocol header;
    char proxy[IP_TEXT_MAX];
    struct err *err;

    assert(conn->tls == NULL && why != NULL);
    *why = NULL;
    if (!trust_has(&server->config->trusted_proxies, conn->ip))
        return accept_any(server, conn, why, deadline);
    err = header_read(conn, &header, deadline);
    if (err != NULL) {
        if (err_code(err) == ERR_PROTO) {
            *why = "a proxy must send a PROXY header here";
            err = err_wrap(err, "refused: a trusted proxy must send one");
        }
        return refuse(server, conn, err);
    }
    if (header.says == PROXY_PROTOCOL_NOBODY)
        return 0;
    (void)str_copy(proxy, sizeof(proxy), conn->ip);
    conn->ip[0] = '\0';
    if (header.says == PROXY_PROTOCOL_IP)
        ip_print(&header.ip, conn->ip);
    conn->port = header.port;
    log_debug(server->log, "PROXY header of %s: the client is %s:%d", proxy, conn->ip, conn->port);
    return 1;
}
