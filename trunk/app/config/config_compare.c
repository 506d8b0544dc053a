/*
 * A running server's configuration is read with the environment of that server, as its reload will
 * read the file: otherwise variables of this shell would appear as changes.
 */
#include "app/config/config_compare.h"

#include "app/config/config_running.h"
#include "app/config/config_source.h"
#include "base/str.h"

#include <errno.h>
#include <unistd.h>

/* The process that --diff names, or that has the configuration's pid file; 0: it names a file. */
static struct err *find_other(const char *other, const struct config *config, pid_t *pid)
{
    int64_t number;

    *pid = 0;
    if (str_to_i64(other, 1, INT32_MAX, &number) == 0)
        *pid = (pid_t)number;
    if (*pid != 0 || *other != '\0')
        return NULL;
    if (*config->pid == '\0')
        return err_new(ERR_CONFIG, "--diff: the configuration has no pid file; use --diff=PID");
    if (chdir(config->work_dir) != 0)
        return err_sys(errno, "work_dir %s", config->work_dir);
    return config_running_pid(config->pid, pid);
}

/* Loads the other one, and this one again with its environment. */
static struct err *load_other(const struct config_options *options, char **environment,
                              struct config **config, struct config **out)
{
    const struct config_options other = {.file = options->diff};
    struct config *again;
    pid_t pid;
    struct err *err = find_other(options->diff, *config, &pid);

    if (err != NULL || pid == 0)
        return err != NULL ? err : config_load(&other, environment, out);
    err = config_running_of(pid, out);
    if (err != NULL)
        return err;
    err = config_load(options, config_source_of(*out)->env, &again);
    if (err != NULL) {
        config_unref(*out);
        return err;
    }
    config_unref(*config);
    *config = again;
    return NULL;
}

struct err *config_compare(const struct config_options *options, char **environment,
                           struct config **config, struct buf *out, struct config_diff *count)
{
    struct config *other;
    struct err *err = load_other(options, environment, config, &other);

    if (err != NULL)
        return err;
    if (config_diff(other, *config, out, count) != 0)
        err = err_new(ERR_LIMIT, "--diff: too many changes");
    config_unref(other);
    return err;
}
