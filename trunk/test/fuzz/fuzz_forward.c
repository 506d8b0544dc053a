/*
 * What forward's backend answers: taken as a whole, within its limits, or not at all; and what it
 * is asked, whose names come from publishers, is JSON whatever they are. The same for coworkers of
 * an SRS cluster, whose answer is an address or none.
 */
#include "app/cluster/coworkers_json.h"
#include "app/cluster/forward_json.h"
#include "base/str.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_answer(const uint8_t *data, size_t size)
{
    static const struct origin_stream names = {"v.example", "live", "s", NULL};
    static struct forward_urls urls;
    static struct rtmp_target target;
    /* Exactly as large as it is said to be. */
    char *text = malloc(size > 0 ? size : 1);
    struct err *err;

    if (text == NULL)
        return;
    if (size > 0)
        memcpy(text, data, size);
    err = forward_json_answer(text, size, &names, &urls);
    assert(urls.count >= 0 && urls.count <= FORWARD_URLS_MAX);
    assert(err == NULL || urls.count == 0);
    for (int i = 0; i < urls.count; i++) {
        assert(strnlen(urls.url[i], ORIGIN_URL_MAX) < ORIGIN_URL_MAX);
        /* Each can be gone to as it stands. */
        assert(origin_destination(urls.url[i], &names, &target) == 0);
        assert(str_starts(target.tc_url, "rtmp://") || str_starts(target.tc_url, "rtmps://"));
        assert(target.host[0] != '\0' && target.name[0] != '\0');
    }
    err_free(err);
    free(text);
}

static void check_question(const uint8_t *data, size_t size)
{
    struct forward_question question = {"sid",  "run",           "cid", "::1", "v",
                                        "live", "rtmp://v/live", "s",   ""};
    char name[1000];
    json_t *read_back;
    char *text;

    (void)str_copy_n(name, sizeof(name), (const char *)data, size < 999 ? size : 999);
    question.stream = question.param = name;
    text = forward_json_question(&question);
    if (text == NULL)
        return;
    read_back = json_loads(text, 0, NULL);
    assert(read_back != NULL && json_object_size(read_back) == 10);
    json_decref(read_back);
    free(text);
}

static void check_coworker(const uint8_t *data, size_t size)
{
    char address[COWORKERS_ADDRESS_MAX], key[1000], url[4096];
    struct err *err = coworkers_json_answer((const char *)data, size, address);

    assert(err == NULL || address[0] == '\0');
    assert(address[0] == '\0' || origin_check(address) == 0);
    err_free(err);
    (void)str_copy_n(key, sizeof(key), (const char *)data, size < 999 ? size : 999);
    if (coworkers_json_url("h:1", key, url, sizeof(url)) == 0)
        for (const char *p = url; *p != '\0'; p++)
            assert(*p > ' ' && *p < 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_answer(data, size);
    check_coworker(data, size);
    check_question(data, size);
    return 0;
}
