/*
 * The paths of a sandbox. A configured path is allowed whether or not its block is enabled, so that
 * a reload may enable it. Keys, certificates, the log and the configuration itself are not among
 * them: a process in the sandbox gets their descriptors from the keeper (app/core/keeper.h).
 */
#include "app/config/config_paths.h"
#include "app/core/sandbox_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATHS_STEP   32
#define RIGHTS_STORE (SANDBOX_READ | SANDBOX_WRITE | SANDBOX_CREATE)

struct system_path {
    const char *text;
    unsigned rights;
};

/* What a server reads besides: figures about the machine and itself, how to find names, the time
 * zone, and the authorities whose certificates count. Programs and other users' files are not here.
 */
static const struct system_path system_paths[] = {
    {"/proc", SANDBOX_READ},
    {"/sys/fs/cgroup", SANDBOX_READ},
    {"/dev/null", SANDBOX_READ | SANDBOX_WRITE},
    {"/dev/urandom", SANDBOX_READ},
    {"/dev/random", SANDBOX_READ},
    {"/etc/resolv.conf", SANDBOX_READ},
    {"/etc/hosts", SANDBOX_READ},
    {"/etc/host.conf", SANDBOX_READ},
    {"/etc/nsswitch.conf", SANDBOX_READ},
    {"/etc/gai.conf", SANDBOX_READ},
    {"/etc/services", SANDBOX_READ},
    {"/etc/localtime", SANDBOX_READ},
    {"/usr/share/zoneinfo", SANDBOX_READ},
    {"/etc/ssl/openssl.cnf", SANDBOX_READ},
    {"/etc/ssl/certs", SANDBOX_READ},
    {"/etc/pki/tls/certs", SANDBOX_READ},
    {"/etc/pki/ca-trust", SANDBOX_READ},
    {"/usr/share/ca-certificates", SANDBOX_READ},
    {"/usr/local/share/ca-certificates", SANDBOX_READ},
    /* Rewritten by renaming: the folder that /etc/resolv.conf leads to. */
    {"/run/systemd/resolve", SANDBOX_READ},
    {"/run/resolvconf", SANDBOX_READ},
    {"/run/NetworkManager/resolv.conf", SANDBOX_READ},
};

/* A sanitizer's report has the names of functions, which it reads from programs and libraries. */
static const struct system_path sanitizer_paths[] = {
    {"/usr", SANDBOX_READ},
    {"/lib", SANDBOX_READ},
    {"/lib64", SANDBOX_READ},
    {"/proc/self/exe", SANDBOX_READ},
};

/* Where OpenSSL is told to look for authorities. */
static const char *const authority_variables[] = {"SSL_CERT_FILE", "SSL_CERT_DIR"};

static struct err *no_memory(void)
{
    return err_new(ERR_NOMEM, "sandbox");
}

struct err *sandbox_allow(struct sandbox *sandbox, const char *path, unsigned rights)
{
    char *found = realpath(path, NULL);

    if (found == NULL)
        return NULL;
    if (sandbox->count == sandbox->cap) {
        size_t cap = (size_t)sandbox->cap + PATHS_STEP;
        struct sandbox_path *more = realloc(sandbox->path, cap * sizeof(*more));

        if (more == NULL) {
            free(found);
            return no_memory();
        }
        sandbox->path = more;
        sandbox->cap = (int)cap;
    }
    sandbox->path[sandbox->count++] = (struct sandbox_path){found, rights};
    return NULL;
}

/* The path with the links of its folder resolved, but not its last name, which may not exist; the
 * caller frees it. NULL: there is no such folder. */
static char *path_resolve(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
    char *found = folder != NULL ? realpath(folder, NULL) : NULL;
    char *all = NULL;

    if (found != NULL && asprintf(&all, "%s/%s", strcmp(found, "/") == 0 ? "" : found,
                                  slash != NULL ? slash + 1 : path) < 0)
        all = NULL;
    free(folder);
    free(found);
    return all;
}

/* Allows the folder of a path that was found, unless it is "/", "/etc" or another one at the top:
 * too much stands there. Then only the file itself. Takes `found` over. */
static struct err *allow_folder(struct sandbox *sandbox, char *found, unsigned rights)
{
    char *slash = found != NULL ? strrchr(found, '/') : NULL;
    struct err *err = NULL;

    if (slash != NULL && slash != found && memchr(found + 1, '/', (size_t)(slash - found) - 1))
        *slash = '\0';
    if (found != NULL)
        err = sandbox_allow(sandbox, found, rights);
    free(found);
    return err;
}

struct err *sandbox_allow_folder_of(struct sandbox *sandbox, const char *path, unsigned rights)
{
    struct err *err = allow_folder(sandbox, path_resolve(path), rights);

    /* And where a link leads. */
    return err != NULL ? err : allow_folder(sandbox, realpath(path, NULL), rights);
}

struct err *sandbox_allow_folder_above(struct sandbox *sandbox, const char *path, unsigned rights)
{
    char *above = NULL;
    struct err *err;

    if (asprintf(&above, "%s/..", path) < 0)
        return no_memory();
    err = sandbox_allow(sandbox, above, rights);
    free(above);
    return err;
}

/* The folder that precedes the first variable of "/data/[app]/[stream].flv", or the folder itself;
 * the caller frees it. */
static char *store_folder(const char *text)
{
    size_t len = strcspn(text, "[");
    struct stat st;

    if (stat(text, &st) == 0 && S_ISDIR(st.st_mode))
        return strdup(text);
    while (len > 0 && text[len - 1] != '/')
        len--;
    return len > 0 ? strndup(text, len) : strdup(".");
}

static int allow_one(void *arg, const struct config_path *path)
{
    struct sandbox *sandbox = arg;
    struct err *err = NULL;
    char *folder;

    switch (path->kind) {
    case CONFIG_PATH_READ:
        err = sandbox_allow_folder_of(sandbox, path->text, SANDBOX_READ);
        break;
    case CONFIG_PATH_SERVE:
        err = sandbox_allow(sandbox, path->text, SANDBOX_READ);
        break;
    case CONFIG_PATH_STORE:
        folder = store_folder(path->text);
        err = folder != NULL ? sandbox_allow(sandbox, folder, RIGHTS_STORE) : no_memory();
        free(folder);
        break;
    case CONFIG_PATH_SOCKET:
        err = sandbox_allow_folder_of(sandbox, path->text, SANDBOX_SOCKETS);
        break;
    case CONFIG_PATH_SECRET:
    case CONFIG_PATH_LOG:
        break;
    }
    err_free(err); /* only memory can be missing: the caller counts */
    return err != NULL;
}

static struct err *allow_list(struct sandbox *sandbox, const struct system_path *list, size_t count)
{
    struct err *err = NULL;

    for (size_t i = 0; i < count && err == NULL; i++)
        err = sandbox_allow(sandbox, list[i].text, list[i].rights);
    return err;
}

/* The files that a sanitizer's options name: "suppressions=FILE:log_path=FILE". */
static struct err *allow_options(struct sandbox *sandbox, const char *options)
{
    static const char *const names[] = {"suppressions=", "log_path="};
    struct err *err = NULL;

    for (size_t i = 0; i < 2 && options != NULL && err == NULL; i++) {
        const char *at = strstr(options, names[i]);
        char *path;

        if (at == NULL)
            continue;
        at += strlen(names[i]);
        path = strndup(at, strcspn(at, ":"));
        err = path != NULL ? sandbox_allow_folder_of(sandbox, path, RIGHTS_STORE) : no_memory();
        free(path);
    }
    return err;
}

static struct err *allow_sanitizers(struct sandbox *sandbox)
{
    static const char *const variables[] = {"ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS"};
    struct err *err =
        allow_list(sandbox, sanitizer_paths, sizeof(sanitizer_paths) / sizeof(sanitizer_paths[0]));

    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]) && err == NULL; i++)
        err = allow_options(sandbox, getenv(variables[i]));
    return err;
}

struct err *sandbox_allow_config(struct sandbox *sandbox, const struct config *config)
{
    const size_t variables = sizeof(authority_variables) / sizeof(authority_variables[0]);
    struct err *err =
        allow_list(sandbox, system_paths, sizeof(system_paths) / sizeof(system_paths[0]));

    if (err == NULL && SANDBOX_SANITIZED)
        err = allow_sanitizers(sandbox);
    for (size_t i = 0; i < variables && err == NULL; i++) {
        const char *path = getenv(authority_variables[i]);

        if (path != NULL && *path != '\0')
            err = sandbox_allow(sandbox, path, SANDBOX_READ);
    }
    if (err == NULL && config_paths(config, allow_one, sandbox) != 0)
        err = no_memory();
    return err;
}

/* Nobody has asked for the folder of a default: it is not worth a warning. */
static int warn_missing(void *arg, const struct config_path *path)
{
    struct stat st;

    if (path->kind == CONFIG_PATH_SERVE && !path->is_default && stat(path->text, &st) != 0)
        log_warn((const struct log *)arg,
                 "sandbox: %s %s: %s; if it is made later, restart the server to serve it",
                 path->directive, path->text, strerror(errno));
    return 0;
}

void sandbox_log_missing(const struct config *config, const struct log *log)
{
    (void)config_paths(config, warn_missing, (void *)log);
}

/* ---- another configuration ---- */

struct search {
    const struct sandbox *sandbox;
    struct err *err;
};

static int is_below(const char *path, const char *folder)
{
    size_t len = strlen(folder);

    if (len == 1) /* "/" */
        return 1;
    return strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static int is_allowed(const struct sandbox *sandbox, const char *path, unsigned rights)
{
    for (int i = 0; i < sandbox->count; i++)
        if ((sandbox->path[i].rights & rights) == rights && is_below(path, sandbox->path[i].text))
            return 1;
    return 0;
}

/* What this path comes down to, and the rights that it needs; the caller frees it. NULL: it needs
 * none, or it does not exist and would not be found without the sandbox either. */
static char *needed(const struct config_path *path, unsigned *rights)
{
    char *folder, *found;

    *rights = SANDBOX_READ;
    switch (path->kind) {
    case CONFIG_PATH_READ:
    case CONFIG_PATH_SERVE:
        return realpath(path->text, NULL);
    case CONFIG_PATH_STORE:
        *rights = RIGHTS_STORE;
        folder = store_folder(path->text);
        found = folder != NULL ? realpath(folder, NULL) : NULL;
        free(folder);
        return found;
    case CONFIG_PATH_SOCKET:
        *rights = SANDBOX_SOCKETS;
        return path_resolve(path->text);
    case CONFIG_PATH_SECRET:
    case CONFIG_PATH_LOG:
        break;
    }
    return NULL;
}

static int check_one(void *arg, const struct config_path *path)
{
    struct search *search = arg;
    unsigned rights;
    char *found = needed(path, &rights);
    int is_denied = found != NULL && !is_allowed(search->sandbox, found, rights);

    free(found);
    if (is_denied)
        search->err = err_new(ERR_DENIED,
                              "%s %s: not allowed by the sandbox of the running process; restart "
                              "or upgrade the server to apply it",
                              path->directive, path->text);
    return is_denied;
}

struct err *sandbox_check(const struct sandbox *sandbox, const struct config *config)
{
    struct search search = {sandbox, NULL};

    if (sandbox != NULL && sandbox->is_on && sandbox->landlock > 0)
        (void)config_paths(config, check_one, &search);
    return search.err;
}
