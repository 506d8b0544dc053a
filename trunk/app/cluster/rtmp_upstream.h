#ifndef APP_CLUSTER_RTMP_UPSTREAM_H
#define APP_CLUSTER_RTMP_UPSTREAM_H

/*
 * An RTMP connection to another server, for everything that acts as a client: a pull, a forward,
 * the publish relay of an edge, token_traverse. Covers all steps until media flows.
 */
#include "app/config/config.h"
#include "co/net.h"
#include "co/tls.h"
#include "proto/rtmp_talk.h"

#define RTMP_UPSTREAM_HOPS_MAX 3 /* redirections */

struct rtmp_upstream {
    struct net_conn *conn; /* both NULL: not connected */
    struct rtmp_talk *talk;
    int hops; /* redirections so far */
};

struct rtmp_upstream_options {
    const struct config *config; /* borrowed until the connection is open */
    enum rtmp_intent intent;     /* play or publish */
    const char *via; /* RTMP_VIA_PROPERTY; borrowed while the connection exists; NULL: none */
    struct tls *tls; /* for rtmps; borrowed; NULL: such an address is refused */
    struct net_conn **shown; /* where the connection is stored while it exists, so that others can
                                abort it with io_close(); NULL: nowhere */
};

/*
 * Connects to the first target, does the handshake and requests to play or publish, all within the
 * timeout. Redirections (ex.code 302) are followed; ERR_LIMIT beyond RTMP_UPSTREAM_HOPS_MAX.
 * ERR_DENIED: the server refused. After an error there is nothing to close.
 */
struct err *rtmp_upstream_open(struct rtmp_upstream *up, const struct rtmp_target *first,
                               const struct rtmp_upstream_options *options, usec_t timeout);
/*
 * Some servers redirect a player only after they have granted the play: whether err, from the
 * connection's talk, is such a redirection.
 */
int rtmp_upstream_is_sent_on(const struct rtmp_upstream *up, const struct err *err);
/* Closes the connection and connects to the address that the server redirects to. As
 * rtmp_upstream_open(), and the limit counts all redirections. */
struct err *rtmp_upstream_follow(struct rtmp_upstream *up, const struct rtmp_target *first,
                                 const struct rtmp_upstream_options *options, usec_t timeout);

void rtmp_upstream_close(struct rtmp_upstream *up, struct net_conn **shown);

/* For senders: processes what the server has sent meanwhile. Never yields. ERR_CLOSED when the
 * connection has ended, ERR_DENIED when the server refuses after it has granted. */
struct err *rtmp_upstream_listen(struct rtmp_upstream *up);

#endif
