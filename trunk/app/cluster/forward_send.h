#ifndef APP_CLUSTER_FORWARD_SEND_H
#define APP_CLUSTER_FORWARD_SEND_H

/* The stream's bytes as RTMP messages to a server that granted to publish. */
#include "live/viewer.h"
#include "proto/rtmp_talk.h"

/* Sends a batch of an original viewer: whole FLV tags, before the first the file header. timeout:
 * for each message. ERR_PROTO: a tag is cut. */
struct err *forward_send_batch(struct rtmp_talk *talk, const struct viewer_batch *batch,
                               usec_t timeout);

#endif
