/*
 * A whole conversation over a memory io: the input is what a client says, its handshake included
 * or not. It may fail at any point, but ends; what the server says is a well-formed chunk
 * stream; media comes out only of a publish. The first byte chooses what the server does.
 */
#include "fuzz_io.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SERVER_HELLO_SIZE (1 + 2 * 1536) /* S0, S1 and S2 */

/* Of the input's first byte; the two lowest bits are the step of fuzz_io_init(). */
#define DOES_SHAKE  0x04
#define DOES_TIME   0x08 /* a timeout limits a whole phase */
#define DOES_ANSWER 0x70 /* enum answer */

enum answer {
    ANSWER_GRANT,
    ANSWER_REDIRECT,
    ANSWER_OVER,
    ANSWER_NOT_FOUND,
    ANSWER_LOOP,
    ANSWER_SIZES
};

static enum answer answer;

/* A clock that advances with each look. */
static usec_t now(void)
{
    static usec_t at;

    return at += 1000;
}

/* The end of a played stream, as seen by its viewer. */
static struct err *play_end(struct rtmp_talk *talk)
{
    switch (answer) {
    case ANSWER_REDIRECT:
    case ANSWER_OVER:
        return rtmp_talk_play_over(talk);
    case ANSWER_NOT_FOUND:
        return rtmp_talk_play_not_found(talk, "no such stream");
    case ANSWER_LOOP:
        return rtmp_talk_play_loop(talk, "it would return");
    default:
        return rtmp_talk_chunk_size(talk, 128);
    }
}

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
    if (err == NULL && event != RTMP_EVENT_UNPUBLISH && answer != ANSWER_GRANT) {
        err = play_end(talk);
        if (err != NULL || answer != ANSWER_SIZES)
            return err != NULL ? err : rtmp_talk_flush(talk, USEC_PER_SEC);
    }
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
        assert(rtmp_talk_receives(talk) <= (RTMP_RECEIVE_AUDIO | RTMP_RECEIVE_VIDEO));
        assert(rtmp_talk_pending(talk) <= 100000);
        (void)rtmp_talk_is_drained(talk);
    }
    return err;
}

static void converse(struct rtmp_talk *talk, struct fuzz_io *f)
{
    static struct rtmp_connect connect;
    static struct rtmp_request request;
    static const struct rtmp_elsewhere to = {"rtmp://other/live", "rtmp://other/live/s"};
    struct err *err = rtmp_talk_accept_connect(talk, &connect, USEC_PER_SEC);

    if (err != NULL && err_code(err) == ERR_DENIED)
        err_free(rtmp_talk_connect_no(talk, err_text(err),
                                      answer == ANSWER_REDIRECT ? to.tc_url : NULL, USEC_PER_SEC));
    if (err == NULL && answer == ANSWER_SIZES)
        rtmp_talk_set_sizes(talk, 60000, 1000, 500);
    if (err == NULL)
        err = rtmp_talk_connect_ok(talk, USEC_PER_SEC);
    while (err == NULL) {
        err = rtmp_talk_accept_request(talk, &request, USEC_PER_SEC);
        if (err != NULL)
            break;
        assert(request.stream == NULL || strlen(request.stream) <= URL_RTMP_MAX);
        if (answer == ANSWER_REDIRECT)
            err = rtmp_talk_send_on(talk, &request, &to, USEC_PER_SEC);
        else if (request.stream == NULL || request.stream[0] == '\0')
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
    struct err *err = NULL;
    size_t shaken = 0;

    if (size < 2 || size > 65536)
        return 0;
    fuzz_io_init(&f, data, size);
    config.now = data[0] & DOES_TIME ? now : NULL;
    answer = (enum answer)((data[0] & DOES_ANSWER) >> 4);
    talk = rtmp_talk_new(&f.io, &config);
    if (talk == NULL)
        abort();
    if (data[0] & DOES_SHAKE) {
        err = rtmp_talk_accept_handshake(talk, USEC_PER_SEC);
        shaken = f.out.len;
        assert(shaken == 0 || shaken == SERVER_HELLO_SIZE);
    }
    if (err == NULL)
        converse(talk, &f);
    err_free(err);
    assert(rtmp_talk_bytes_in(talk) <= size);
    out_check(&f.out, shaken);
    rtmp_talk_free(talk);
    buf_fini(&f.out);
    return 0;
}
