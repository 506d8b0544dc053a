#ifndef PROTO_RTMP_AUTH_H
#define PROTO_RTMP_AUTH_H

/*
 * Login at an RTMP server by Adobe's access manager (authmod=adobe): the server rejects connect
 * twice, each time with a description from which the app of the next connect is made. Pure.
 */
#include "proto/rtmp_target.h"

enum rtmp_auth {
    RTMP_AUTH_NONE,    /* the server refused for another reason */
    RTMP_AUTH_AGAIN,   /* connect again, with this query */
    RTMP_AUTH_DENIED,  /* it does not know the user, or the password is wrong */
    RTMP_AUTH_UNKNOWN, /* it requires an unsupported method */
};

#define RTMP_AUTH_QUERY_MAX     1024 /* terminator included */
#define RTMP_AUTH_CHALLENGE_MAX 16   /* terminator included */

/*
 * The answer to a refusal's description; out: "authmod=adobe&user=…". challenge: our own, of random
 * letters and digits.
 */
enum rtmp_auth rtmp_auth_answer(const struct rtmp_target *target, const char *description,
                                const char *challenge, char out[RTMP_AUTH_QUERY_MAX]);

/*
 * Appends the query to connect's app and tcUrl of a target without one. 0, or -1 when that is too
 * long; then nothing has changed.
 */
int rtmp_auth_apply(struct rtmp_target *target, const char *query);

#endif
