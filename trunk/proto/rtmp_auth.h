#ifndef PROTO_RTMP_AUTH_H
#define PROTO_RTMP_AUTH_H

/*
 * A user's name and password at an RTMP server, by Adobe's access manager (authmod=adobe): the
 * server rejects connect, twice, and each time says what it wants in the next one's app. Pure.
 */
#include "proto/rtmp_target.h"

enum rtmp_auth {
    RTMP_AUTH_NONE,    /* the server refused for another reason */
    RTMP_AUTH_AGAIN,   /* connect again, with this query */
    RTMP_AUTH_DENIED,  /* it does not know the user, or the password is wrong */
    RTMP_AUTH_UNKNOWN, /* it wants a method that we don't have */
};

#define RTMP_AUTH_QUERY_MAX     1024 /* terminator included */
#define RTMP_AUTH_CHALLENGE_MAX 16   /* terminator included */

/*
 * What a refusal's description asks for; out: "authmod=adobe&user=…". challenge: our own, random
 * and plain letters and digits.
 */
enum rtmp_auth rtmp_auth_answer(const struct rtmp_target *target, const char *description,
                                const char *challenge, char out[RTMP_AUTH_QUERY_MAX]);

/*
 * Puts the query into connect's app and tcUrl of a target without one. 0, or -1 when that is too
 * long; then nothing has changed.
 */
int rtmp_auth_apply(struct rtmp_target *target, const char *query);

#endif
