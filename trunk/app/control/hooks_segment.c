/*
 * on_hls: a segment is finished. There is no file, so the names are those of the addresses, as SRS
 * has them relative to the folder of its files.
 */
#include "app/control/api_json.h"
#include "app/control/hooks_private.h"
#include "app/stream/finished_segment.h"
#include "app/stream/stream.h"
#include "base/str.h"

#include <inttypes.h>
#include <limits.h>
#include <unistd.h>

struct names {
    char segment[560], playlist[560];
    char cwd[PATH_MAX];
    char stream_id[API_ID_SIZE];
};

static void names_make(const struct server *server, const struct finished_segment *segment,
                       struct names *names)
{
    const struct stream *stream = segment->stream;

    (void)str_format(names->segment, sizeof(names->segment), "%s/%s-%" PRIu64 ".ts", stream->app,
                     stream->name, segment->number);
    (void)str_format(names->playlist, sizeof(names->playlist), "%s/%s.m3u8", stream->app,
                     stream->name);
    if (getcwd(names->cwd, sizeof(names->cwd)) == NULL)
        (void)str_copy(names->cwd, sizeof(names->cwd), "");
    api_json_id(server, source_key(stream->source), names->stream_id);
}

/* How the stream was published; "" if it is another server's. */
static const char *type_of(const struct finished_segment *segment)
{
    if (str_starts(segment->tc_url, "rtmp"))
        return "rtmp";
    return segment->tc_url[0] != '\0' ? "flv" : "";
}

void hooks_segment(struct server *server, void *own, const struct finished_segment *segment)
{
    const struct stream *stream = segment->stream;
    struct names names;
    struct hooks_event event = {.hook = CONFIG_ON_HLS,
                                .server_id = server->server_id,
                                .service_id = server->service_id,
                                .stream_id = names.stream_id,
                                .client = {.vhost = stream->vhost,
                                           .app = stream->app,
                                           .stream = stream->name,
                                           .id = segment->id,
                                           .ip = segment->ip,
                                           .tc_url = segment->tc_url,
                                           .param = segment->param,
                                           .page_url = "",
                                           .type = type_of(segment)},
                                .duration_ms = segment->duration_ms,
                                .cwd = names.cwd,
                                .file = names.segment,
                                .url = names.segment,
                                .m3u8 = names.playlist,
                                .m3u8_url = names.playlist,
                                .seq_no = segment->number,
                                .file_bytes = segment->size};

    if (hooks_event_urls(hooks_event_vhost(server->config, stream->vhost), CONFIG_ON_HLS) == NULL)
        return;
    names_make(server, segment, &names);
    hooks_notify(own, &event);
}
