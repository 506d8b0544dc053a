/*
 * What a forward sends: the tags of the stream as published, as RTMP messages. Script tags need
 * some care: publishers name metadata @setDataFrame, and marks between our own servers are not part
 * of the stream.
 */
#include "app/cluster/forward_send.h"

#include "media/flv.h"
#include "media/meta.h"
#include "media/mux.h"

#include <stdlib.h>
#include <string.h>

static struct err *send_script(struct rtmp_talk *talk, const struct rtmp_message *message,
                               usec_t timeout)
{
    static const uint8_t set[] = "\x02\x00\x0d@setDataFrame";
    struct rtmp_message out = *message;
    uint8_t *data;
    struct err *err;

    /* Messages between our own servers are not part of the stream. */
    if (message->len == MUX_LIVE_MARK_SIZE &&
        memcmp(message->data, MUX_LIVE_MARK, MUX_LIVE_MARK_SIZE) == 0)
        return NULL;
    if (meta_data_message(message->data, message->len, &out.len) != NULL)
        return rtmp_talk_send(talk, message, timeout);
    /* With the prefix it would exceed the maximum message length: drop it, the stream continues. */
    if (message->len > FLV_BODY_MAX - sizeof(set))
        return NULL;
    data = malloc(message->len + sizeof(set));
    if (data == NULL)
        return err_new(ERR_NOMEM, "no memory for metadata");
    /* Publishers send metadata with @setDataFrame, and some servers accept nothing else. */
    memcpy(data, set, sizeof(set) - 1);
    memcpy(data + sizeof(set) - 1, message->data, message->len);
    out.data = data;
    out.len = message->len + sizeof(set) - 1;
    err = rtmp_talk_send(talk, &out, timeout);
    free(data);
    return err;
}

/* Sends whole tags, as the ring holds them; the file header may precede the first. */
static struct err *send_tags(struct rtmp_talk *talk, const uint8_t *p, size_t len, usec_t timeout)
{
    struct flv_tag tag;
    enum scan scan;
    size_t used;

    if (len >= FLV_HEADER_SIZE && memcmp(p, "FLV", 3) == 0) {
        p += FLV_HEADER_SIZE;
        len -= FLV_HEADER_SIZE;
    }
    while ((scan = flv_tag_read(p, len, &tag, &used)) == SCAN_DONE) {
        struct rtmp_message message = {.type = (uint8_t)tag.type,
                                       .timestamp = tag.timestamp,
                                       .data = tag.data,
                                       .len = tag.len};
        struct err *err = tag.type == FRAME_SCRIPT ? send_script(talk, &message, timeout)
                                                   : rtmp_talk_send(talk, &message, timeout);

        if (err != NULL)
            return err;
        p += used;
        len -= used;
    }
    return scan == SCAN_BAD ? err_new(ERR_PROTO, "truncated tag in the stream") : NULL;
}

struct err *forward_send_batch(struct rtmp_talk *talk, const struct viewer_batch *batch,
                               usec_t timeout)
{
    struct err *err = NULL;

    for (int i = 0; i < batch->count && err == NULL; i++)
        err = send_tags(talk, batch->span[i].iov_base, batch->span[i].iov_len, timeout);
    return err;
}
