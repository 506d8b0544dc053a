/*
 * on_dvr: a recording is finished. The file is named as SRS names it: as configured, relative to
 * the working directory, which is named as well.
 */
#include "app/control/api_json.h"
#include "app/control/hooks_private.h"
#include "app/stream/recorded_file.h"
#include "base/str.h"

#include <limits.h>
#include <unistd.h>

/* How the stream was published; "" if it is another server's. */
static const char *record_type(const struct recorded_file *file)
{
    if (str_starts(file->tc_url, "rtmp"))
        return "rtmp";
    return file->tc_url[0] != '\0' ? "flv" : "";
}

void hooks_record(struct server *server, void *own, const struct recorded_file *file)
{
    char stream_id[API_ID_SIZE];
    char key[SOURCE_KEY_MAX];
    char cwd[PATH_MAX];
    struct hooks_event event = {.hook = CONFIG_ON_DVR,
                                .server_id = server->server_id,
                                .service_id = server->service_id,
                                .stream_id = stream_id,
                                .client = {.id = file->id,
                                           .ip = file->ip,
                                           .vhost = file->vhost,
                                           .app = file->app,
                                           .stream = file->stream,
                                           .tc_url = file->tc_url,
                                           .page_url = "",
                                           .param = file->param,
                                           .type = record_type(file)},
                                .duration_ms = file->duration_ms,
                                .cwd = cwd,
                                .file = file->path,
                                .file_bytes = file->size};

    if (getcwd(cwd, sizeof(cwd)) == NULL)
        (void)str_copy(cwd, sizeof(cwd), "");
    (void)str_format(key, sizeof(key), "%s/%s/%s", file->vhost, file->app, file->stream);
    api_json_id(server, key, stream_id);
    hooks_notify(own, &event);
}
