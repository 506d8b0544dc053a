/*
 * The syntax of `ladder`, and which ladder a stream belongs to. A pattern makes one ladder for each
 * stream name: whatever [stream] stands for in one rung, it stands for in all of them.
 */
#include "app/config/ladder.h"

#include "base/str.h"

#include <assert.h>
#include <string.h>

#define ANY_APP    "[app]"
#define ANY_STREAM "[stream]"

/* What the placeholders stand for; NULL: not known yet. */
struct ladder_names {
    const char *app, *stream;
};

static int is_rung(const char *word)
{
    return strchr(word, '/') != NULL;
}

static int is_pattern(const char *name)
{
    return strcmp(name, ANY_STREAM) == 0;
}

/* ---- syntax ---- */

/* NULL, or why the word cannot be a rung of a ladder with this name. */
static const char *rung_fault(const char *name, const char *word)
{
    const char *slash = strrchr(word, '/');
    const char *any = strstr(slash, ANY_STREAM);

    assert(name != NULL);
    if (slash == word || slash[1] == '\0' || word[0] == '/' || strstr(word, "//") != NULL)
        return "a rung is app/stream";
    if (!is_pattern(name))
        return strchr(word, '[') != NULL ? "only a ladder named [stream] is a pattern" : NULL;
    if (any == NULL || strchr(any + 1, '[') != NULL || strchr(slash, '[') != any)
        return "a rung of this pattern has [stream] once in its stream name";
    if (memchr(word, '[', (size_t)(slash - word)) != NULL &&
        strncmp(word, ANY_APP "/", sizeof(ANY_APP)) != 0)
        return "the app of a rung is a name or [app]";
    return NULL;
}

static const char *name_fault(const char *word)
{
    if (*word == '\0')
        return "a ladder needs a name";
    return strchr(word, '[') != NULL && !is_pattern(word) ? "a pattern is named [stream]" : NULL;
}

int ladder_check(char *const *words, int count, int *at, const char **why)
{
    const char *name = NULL;
    int rungs = 0;

    for (*at = 0; *at < count; (*at)++) {
        const char *word = words[*at];

        *why = NULL;
        if (is_rung(word) && name == NULL)
            *why = "the name of a ladder comes first, without a slash";
        else if (is_rung(word) && ++rungs > LADDER_RUNGS_MAX)
            *why = "a ladder has no more than 8 rungs";
        else if (is_rung(word))
            *why = rung_fault(name, word);
        else if (name != NULL && rungs == 0)
            *why = "the ladder before it has no rung";
        else
            *why = name_fault(word);
        if (*why != NULL)
            return -1;
        if (!is_rung(word)) {
            name = word;
            rungs = 0;
        }
    }
    if (name == NULL || rungs > 0)
        return 0;
    *at = count - 1;
    *why = "a ladder needs a rung: app/stream";
    return -1;
}

/* ---- matching ---- */

/* Whether the stream is this rung of a pattern; copies what [stream] stands for. */
static int pattern_matches(const char *word, const char *app, const char *name, char *stream,
                           size_t cap)
{
    const char *slash = strrchr(word, '/');
    const char *any = strstr(slash, ANY_STREAM);
    size_t before = (size_t)(any - slash - 1);
    size_t after = strlen(any + strlen(ANY_STREAM));
    size_t len = strlen(name);

    if (strncmp(word, ANY_APP "/", sizeof(ANY_APP)) != 0 &&
        (strlen(app) != (size_t)(slash - word) || strncmp(word, app, strlen(app)) != 0))
        return 0;
    if (len <= before + after || strncmp(name, slash + 1, before) != 0 ||
        strcmp(name + len - after, any + strlen(ANY_STREAM)) != 0)
        return 0;
    return str_copy_n(stream, cap, name + before, len - before - after) == 0;
}

/* A literal rung: compares app/stream. */
static int rung_matches(const char *word, const char *app, const char *name)
{
    size_t len = strlen(app);

    return strncmp(word, app, len) == 0 && word[len] == '/' && strcmp(word + len + 1, name) == 0;
}

/* ---- filling in ---- */

/* Appends a text to the ladder's own memory; NULL: it does not fit. */
static const char *keep(struct ladder *ladder, size_t *used, const char *text, size_t len)
{
    char *at = ladder->text + *used;

    if (str_copy_n(at, sizeof(ladder->text) - *used, text, len) != 0)
        return NULL;
    *used += len + 1;
    return at;
}

/* The stream name of a rung of a pattern. */
static const char *keep_name(struct ladder *ladder, size_t *used, const char *name,
                             const char *stream)
{
    const char *any = strstr(name, ANY_STREAM);
    char full[512];

    if (any == NULL)
        return keep(ladder, used, name, strlen(name));
    if (str_format(full, sizeof(full), "%.*s%s%s", (int)(any - name), name, stream,
                   any + strlen(ANY_STREAM)) != 0)
        return NULL;
    return keep(ladder, used, full, strlen(full));
}

static const char *quality_of(const char *ladder, const char *name)
{
    size_t len = strlen(ladder);

    if (strncmp(name, ladder, len) != 0)
        return name;
    name += len;
    if ((name[0] == '_' || name[0] == '-' || name[0] == '.') && name[1] != '\0')
        return name + 1;
    return name[0] != '\0' ? name : name - len;
}

/* words: the ladder's name and its rungs. 0, or -1: the names are too long. */
static int fill(char *const *words, int count, const struct ladder_names *names, struct ladder *out)
{
    size_t used = 0;

    out->count = 0;
    out->name = is_pattern(words[0]) ? keep(out, &used, names->stream, strlen(names->stream))
                                     : keep(out, &used, words[0], strlen(words[0]));
    for (int i = 1; i < count; i++) {
        const char *slash = strrchr(words[i], '/');
        int is_any = strncmp(words[i], ANY_APP "/", sizeof(ANY_APP)) == 0;
        const char *app = is_any ? keep(out, &used, names->app, strlen(names->app))
                                 : keep(out, &used, words[i], (size_t)(slash - words[i]));
        const char *name = app != NULL ? keep_name(out, &used, slash + 1, names->stream) : NULL;

        if (name == NULL || out->name == NULL)
            return -1;
        out->rung[out->count].app = app;
        out->rung[out->count].name = name;
        out->rung[out->count++].quality = quality_of(out->name, name);
    }
    out->app = out->rung[0].app;
    return 0;
}

/* Whether the stream is a rung of this ladder. */
static int find_rung(char *const *words, int count, const struct ladder_names *names,
                     struct ladder *out)
{
    char stream[256] = "";
    struct ladder_names own = {names->app, stream};

    for (int i = 1; i < count; i++) {
        if (is_pattern(words[0])
                ? !pattern_matches(words[i], names->app, names->stream, stream, sizeof(stream))
                : !rung_matches(words[i], names->app, names->stream))
            continue;
        out->at = i - 1;
        return fill(words, count, &own, out) == 0;
    }
    return 0;
}

/* Whether the stream is the ladder's own address. */
static int find_itself(char *const *words, int count, const struct ladder_names *names,
                       struct ladder *out)
{
    if (!is_pattern(words[0]) && strcmp(words[0], names->stream) != 0)
        return 0;
    out->at = -1;
    return fill(words, count, names, out) == 0 && strcmp(out->app, names->app) == 0;
}

static int find(const struct config_strings *words, const struct ladder_names *names,
                struct ladder *out,
                int (*is_it)(char *const *words, int count, const struct ladder_names *names,
                             struct ladder *out))
{
    for (int from = 0, to; from < words->count; from = to) {
        for (to = from + 1; to < words->count && is_rung(words->item[to]); to++)
            continue;
        if (is_it(words->item + from, to - from, names, out))
            return 0;
    }
    return -1;
}

int ladder_find(const struct config_strings *words, const char *app, const char *name,
                struct ladder *out)
{
    const struct ladder_names names = {app, name};

    assert(words != NULL && app != NULL && name != NULL && out != NULL);
    return find(words, &names, out, find_rung) == 0 || find(words, &names, out, find_itself) == 0
               ? 0
               : -1;
}

int ladder_find_own(const struct config_strings *words, const char *app, const char *name,
                    struct ladder *out)
{
    const struct ladder_names names = {app, name};

    assert(words != NULL && app != NULL && name != NULL && out != NULL);
    return find(words, &names, out, find_itself);
}
