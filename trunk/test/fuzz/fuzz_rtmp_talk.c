/*
 * A whole conversation over a memory io: the input is what a client says after
 * its handshake. It may fail at any point, but ends; what the server says is a well-formed chunk
 * stream; media comes out only of a publish.
 */
#include "fuzz_io.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct err *publish(struct rtmp_talk *talk, const struct rtmp_request *request)
{
    struct err *err = rtmp_talk_publish_ok(talk, request, USEC_PER_SEC);

    return err != NULL ? err : media_read_all(talk);
}

static struct err *take(struct rtmp_talk *talk, enum rtmp_event *event)
{
    struct rtmp_message m;
    struct err *err = NULL;
    int more = 1;

    while (err == NULL && more && *event != RTMP_EVENT_UNPUBLISH) {
        err = rtmp_talk_take(talk, event, &m, &more);
        assert(err != NULL || *event != RTMP_EVENT_MEDIA);
        if (err == NULL)
            err = rtmp_talk_flush(talk, USEC_PER_SEC);
    }
    return err;
}

static struct err *play(struct rtmp_talk *talk, struct fuzz_io *f,
                        const struct rtmp_request *request)
{
    struct err *err = rtmp_talk_play_ok(talk, request->stream_id, 60000, USEC_PER_SEC);
    enum rtmp_event event = RTMP_EVENT_NONE;

    if (err == NULL)
        err = take(talk, &event);
    rtmp_talk_trim(talk);
    while (err == NULL && event != RTMP_EVENT_UNPUBLISH) {
        uint8_t data[64];
        size_t n = 0;

        err = fuzz_read(&f->io, data, sizeof(data), &n, 0);
        if (err == NULL)
            err = rtmp_talk_feed(talk, data, n);
        if (err == NULL)
            err = take(talk, &event);
        if (err == NULL)
            err = rtmp_talk_keep(talk);
    }
    return err;
}

static void converse(struct rtmp_talk *talk, struct fuzz_io *f)
{
    static struct rtmp_connect connect;
    static struct rtmp_request request;
    struct err *err = rtmp_talk_accept_connect(talk, &connect, USEC_PER_SEC);

    if (err != NULL && err_code(err) == ERR_DENIED)
        err_free(rtmp_talk_connect_no(talk, err_text(err), NULL, USEC_PER_SEC));
    if (err == NULL)
        err = rtmp_talk_connect_ok(talk, USEC_PER_SEC);
    while (err == NULL) {
        err = rtmp_talk_accept_request(talk, &request, USEC_PER_SEC);
        if (err != NULL)
            break;
        assert(request.stream == NULL || strlen(request.stream) <= URL_RTMP_MAX);
        if (request.stream == NULL || request.stream[0] == '\0')
            err = rtmp_talk_refuse(talk, &request, "Some.Code", "", USEC_PER_SEC);
        else if (request.intent == RTMP_INTENT_PUBLISH)
            err = publish(talk, &request);
        else
            err = play(talk, f, &request);
    }
    err_free(err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rtmp_talk_config config = {.chunk_size = 4096,
                                      .out_ack_size = 2500000,
                                      .message_max = 100000,
                                      .server = "s",
                                      .version = "v",
                                      .id = "i"};
    struct fuzz_io f;
    struct rtmp_talk *talk;

    if (size < 2 || size > 65536)
        return 0;
    fuzz_io_init(&f, data, size);
    talk = rtmp_talk_new(&f.io, &config);
    if (talk == NULL)
        abort();
    converse(talk, &f);
    out_check(&f.out, 0);
    rtmp_talk_free(talk);
    buf_fini(&f.out);
    return 0;
}
