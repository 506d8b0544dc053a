#ifndef APP_CLUSTER_RTMP_UPSTREAM_H
#define APP_CLUSTER_RTMP_UPSTREAM_H

/*
 * An RTMP connection to another server, as all have it who are its client: a pull, a forward, the
 * relay of an encoder, a question about a viewer. Up to the moment from which media flows.
 */
#include "app/config/config.h"
#include "co/net.h"
#include "co/tls.h"
#include "proto/rtmp_talk.h"

#define RTMP_UPSTREAM_HOPS_MAX 3 /* redirections */

struct rtmp_upstream {
    struct net_conn *conn; /* both NULL: there is none */
    struct rtmp_talk *talk;
};

struct rtmp_upstream_options {
    const struct config *config; /* borrowed until the connection is open */
    enum rtmp_intent intent;     /* what the stream is asked for */
    const char *relay;           /* borrowed for as long as the connection is there; NULL: none */
    struct tls *tls;             /* for rtmps; borrowed; NULL: such an address is refused */
    struct net_conn **shown;     /* where the connection is shown while there is one, for others to
                                    break it off with io_close(); NULL: nowhere */
};

/*
 * Connects to the first target, shakes hands and asks to play or to
 * publish, within the timeout altogether. Who sends us on (ex.code 302) is followed; ERR_LIMIT
 * beyond RTMP_UPSTREAM_HOPS_MAX. ERR_DENIED: the other side said no. After an error there is
 * nothing to close.
 */
struct err *rtmp_upstream_open(struct rtmp_upstream *up, const struct rtmp_target *first,
                               const struct rtmp_upstream_options *options, usec_t timeout);
void rtmp_upstream_close(struct rtmp_upstream *up, struct net_conn **shown);

/* For one who sends: takes what the other side says meanwhile. Never yields. ERR_CLOSED at its end,
 * ERR_DENIED when it says no after all. */
struct err *rtmp_upstream_listen(struct rtmp_upstream *up);

#endif
