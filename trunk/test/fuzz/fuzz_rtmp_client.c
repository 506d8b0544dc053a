/*
 * The client's conversation: the input is what a server says, its handshake included or not. It
 * may fail at any point, but ends; what the client says is a well-formed chunk stream; media comes
 * only to one who plays.
 */
#include "fuzz_io.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HELLO_SIZE (1 + 2 * 1536) /* C0, C1 and C2 */

/* As a pull does. */
static struct err *play(struct rtmp_talk *talk)
{
    struct err *err = rtmp_talk_play(talk, "s?a=b", USEC_PER_SEC);

    return err != NULL ? err : media_read_all(talk);
}

static struct err *take(struct rtmp_talk *talk)
{
    struct err *err = NULL;
    int more = 1;

    while (err == NULL && more) {
        enum rtmp_event event;
        struct rtmp_message m;

        err = rtmp_talk_take(talk, &event, &m, &more);
        assert(err != NULL || event != RTMP_EVENT_MEDIA);
    }
    return err != NULL ? err : rtmp_talk_keep(talk);
}

/* As one who sends does: hears the server out between its messages. */
static struct err *publish(struct rtmp_talk *talk, struct fuzz_io *f)
{
    static const struct rtmp_message video = {
        .type = RTMP_VIDEO, .timestamp = 40, .data = (const uint8_t *)"\x17\1\0\0\0", .len = 5};
    struct err *err = rtmp_talk_publish(talk, "s?a=b", USEC_PER_SEC);

    if (err == NULL)
        err = take(talk);
    while (err == NULL) {
        uint8_t heard[64];
        size_t got = 0;

        err = rtmp_talk_send(talk, &video, USEC_PER_SEC);
        if (err == NULL)
            err = fuzz_read(&f->io, heard, sizeof(heard), &got, 0);
        if (err == NULL)
            err = rtmp_talk_feed(talk, heard, got);
        if (err == NULL)
            err = take(talk);
    }
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rtmp_talk_config config = {.chunk_size = 4096,
                                      .message_max = 100000,
                                      .server = "s",
                                      .version = "v",
                                      .id = "i",
                                      .via = "1 a"};
    static const struct rtmp_parts parts = {"rtmp", "h", 1, "v", "live", "s", ""};
    static struct rtmp_target address;
    struct rtmp_talk *talk;
    struct err *err = NULL;
    struct fuzz_io f;
    int shakes = size > 0 && (data[0] & 4);

    if (size < 2 || size > 65536)
        return 0;
    if (rtmp_target_make(&address, &parts) != 0)
        abort();
    fuzz_io_init(&f, data, size);
    talk = rtmp_talk_new(&f.io, &config);
    if (talk == NULL)
        abort();
    if (shakes)
        err = rtmp_talk_handshake(talk, USEC_PER_SEC);
    if (err == NULL)
        err = rtmp_talk_connect(talk, &address, USEC_PER_SEC);
    if (err == NULL)
        err = data[0] & 8 ? play(talk) : publish(talk, &f);
    assert(err != NULL || (data[0] & 8));
    err_free(err);
    if (!shakes || f.out.len >= HELLO_SIZE)
        out_check(&f.out, shakes ? HELLO_SIZE : 0);
    rtmp_talk_free(talk);
    buf_fini(&f.out);
    return 0;
}
