/*
 * PROXY headers. For a trusted proxy the server never guesses whether a header is present (the
 * protocol forbids it): a proxy that is set up to send none would pass on headers that its clients
 * forge. From all other peers the server peeks at just enough bytes to recognize a header, so that
 * the log can name the mistake.
 */
#include "app/server/server_proxy.h"

#include "app/config/trust.h"
#include "app/core/log_limit.h"
#include "base/str.h"
#include "co/co.h"
#include "proto/proxy_protocol.h"

#include <assert.h>

#define SERVER_PROXY_PIECE 256 /* most headers come in one */

/* Reads the header and nothing after it. ERR_PROTO says what is wrong with it. */
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
    conn->bytes_in = 0; /* the header is not payload */
    return NULL;
}

/* Whether the first bytes are a header, without consuming them. */
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

/* A peer's mistake is a warning; a disconnect is not. */
static int refuse(struct server *server, const struct net_conn *conn, struct err *err)
{
    log_peer_err(server, err_is_quiet(err) ? LOG_INFO : LOG_WARN, "bad PROXY header", conn->ip, err,
                 "PROXY header from %s: %s", conn->ip[0] != '\0' ? conn->ip : "unix",
                 err_text(err));
    err_free(err);
    return -1;
}

static int accept_any(struct server *server, struct net_conn *conn, const char **why,
                      usec_t deadline)
{
    int is_there = 0;
    struct err *err = header_look(conn, &is_there, deadline);

    if (err == NULL && is_there) {
        *why = "PROXY headers are accepted from trusted_proxies only";
        err = err_new(ERR_DENIED, "refused: this address is not in trusted_proxies");
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
            *why = "a trusted proxy must send a PROXY header here";
            err = err_wrap(err, "refused: a trusted proxy must send a PROXY header");
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
    log_debug(server->log, "PROXY header from %s: client is %s:%d", proxy, conn->ip, conn->port);
    return 1;
}
