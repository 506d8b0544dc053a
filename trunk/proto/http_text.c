/*
 * HTTP's constant texts: reason phrases (RFC 9110, section 15) and content types by file name
 * extension, for the files of a media server.
 */
#include "base/str.h"
#include "media/mux.h"
#include "proto/http.h"

#include <assert.h>
#include <string.h>

struct status_row {
    int status;
    const char *text;
};

struct type_row {
    const char *extension;
    const char *type;
};

static const struct status_row status_rows[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {426, "Upgrade Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {508, "Loop Detected"},
};

/* Types of files; the rows of live formats have their own. */
static const struct type_row type_rows[] = {
    {".mp4", "video/mp4"},
    {".m4v", "video/mp4"},
    {".m4a", "audio/mp4"},
    {".m4s", "video/iso.segment"},
    {".m3u8", "application/vnd.apple.mpegurl"},
    {".mpd", "application/dash+xml"},
    {".webm", "video/webm"},
    {".mkv", "video/x-matroska"},
    {".mov", "video/quicktime"},
    {".ogg", "audio/ogg"},
    {".opus", "audio/ogg"},
    {".wav", "audio/wav"},
    {".vtt", "text/vtt; charset=utf-8"},
    {".html", "text/html; charset=utf-8"},
    {".htm", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".mjs", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".json", "application/json"},
    {".map", "application/json"},
    {".webmanifest", "application/manifest+json"},
    {".wasm", "application/wasm"},
    {".xml", "application/xml"},
    {".txt", "text/plain; charset=utf-8"},
    {".md", "text/plain; charset=utf-8"},
    {".png", "image/png"},
    {".jpg", "image/jpeg"},
    {".jpeg", "image/jpeg"},
    {".gif", "image/gif"},
    {".svg", "image/svg+xml"},
    {".webp", "image/webp"},
    {".ico", "image/x-icon"},
    {".woff", "font/woff"},
    {".woff2", "font/woff2"},
    {".ttf", "font/ttf"},
    {".pdf", "application/pdf"},
    {".zip", "application/zip"},
};

const char *http_status_text(int status)
{
    for (size_t i = 0; i < sizeof(status_rows) / sizeof(status_rows[0]); i++)
        if (status_rows[i].status == status)
            return status_rows[i].text;
    return "Unknown";
}

/* The type of a live format, in either case; NULL: not a live format. */
static const char *format_type(const char *extension)
{
    const struct mux *mux;
    char lower[12];
    size_t len = strlen(extension);

    if (len >= sizeof(lower))
        return NULL;
    for (size_t i = 0; i <= len; i++)
        lower[i] = (char)(extension[i] >= 'A' && extension[i] <= 'Z' ? extension[i] - 'A' + 'a'
                                                                     : extension[i]);
    mux = mux_find(lower);
    return mux != NULL ? mux->content_type : NULL;
}

const char *http_content_type(const char *path)
{
    const char *type;
    const char *slash;
    const char *dot;

    assert(path != NULL);
    slash = strrchr(path, '/');
    dot = strrchr(slash != NULL ? slash : path, '.');
    type = dot != NULL ? format_type(dot) : NULL;
    if (type != NULL)
        return type;
    for (size_t i = 0; dot != NULL && i < sizeof(type_rows) / sizeof(type_rows[0]); i++)
        if (str_ieq(dot, type_rows[i].extension))
            return type_rows[i].type;
    return "application/octet-stream";
}
