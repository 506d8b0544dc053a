/*
 * The program: command line, configuration, the process around the server, then the server itself.
 * Mistakes of an operator are found here, before the process leaves the terminal, so that the
 * message reaches it. This file also decides how many processes serve: one, or a master with
 * workers. Exit status: 0 ended as requested, 1 could not start or failed, 2 wrong usage.
 */
#include "app/config/config.h"
#include "app/config/config_compare.h"
#include "app/config/config_diff.h"
#include "app/config/config_source.h"
#include "app/core/confine.h"
#include "app/core/endpoint.h"
#include "app/core/log_sink.h"
#include "app/core/process.h"
#include "app/core/server.h"
#include "app/core/server_id.h"
#include "app/core/supervisor.h"
#include "app/server/reload.h"
#include "app/server/service.h"
#include "app/server/signals.h"
#include "app/server/tables.h"
#include "app/stream/gate.h"
#include "app/stream/observer.h"
#include "app/workers/master.h"
#include "app/workers/upgrade.h"
#include "app/workers/worker.h"
#include "base/buf.h"
#include "base/str.h"
#include "base/version.h"
#include "co/co.h"
#include "co/net.h"
#include "co/tls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A variable for tests: when it is set, the log says at the end how deep stacks went (co/co.h). */
#define MEASURE_STACKS "MILLRACE_MEASURE_STACKS"
/* The socket on which a service manager receives the server's state (sd_notify(3)). */
#define NOTIFY_SOCKET "NOTIFY_SOCKET"
/* The folder for files that outlive the process: that of the container's entrypoint, or of the
 * service manager (systemd.exec(5)). */
#define STATE_OWN     "MILLRACE_STATE"
#define STATE_SYSTEMD "STATE_DIRECTORY"

extern char **environ;

struct program {
    struct config_options options;
    struct config *config;
    char *file; /* the configuration's absolute path, or NULL */
    struct log_sink_file sink;
    struct log log;
    struct process_pid pid;
    struct server_id server_id;
    struct supervisor supervisor;
    struct upgrade upgrade;
    char *pid_path; /* of a server that was upgraded; else NULL */
    struct confine confine;
    int daemon_ready; /* the parent waits on it; -1: none */
    int has_terminal; /* a daemon's, until it serves */
    struct server *server;
    struct worker_share *share; /* of the workers; NULL: there is one process */
};

static int complain(struct err *err)
{
    fprintf(stderr, "server: %s\n", err_text(err));
    err_free(err);
    return 1;
}

static int print(int (*make)(struct buf *out))
{
    struct buf out;
    int failed;

    buf_init(&out, CONFIG_TEXT_MAX);
    failed = make(&out) || fwrite(buf_data(&out), 1, out.len, stdout) != out.len || fflush(stdout);
    buf_fini(&out);
    return failed ? 1 : 0;
}

/* -t: warnings and the verdict on stderr, what is effective on stdout. */
static int test_config(const struct program *program)
{
    struct log_sink_file sink;
    struct log log = {.level = LOG_WARN, .utc = program->config->utc_time, .sink = &sink.sink};
    struct buf out;
    int failed;

    log_sink_open_fd(&sink, STDERR_FILENO);
    config_warnings_log(program->config, &log);
    log_sink_close(&sink);
    buf_init(&out, CONFIG_TEXT_MAX);
    failed = config_dump(program->config, &out) ||
             gates_describe(&tables_all, program->config, &out) ||
             fwrite(buf_data(&out), 1, out.len, stdout) != out.len || fflush(stdout);
    buf_fini(&out);
    if (!failed)
        fprintf(stderr, "%s: configuration ok\n",
                program->options.file ? program->options.file : "environment");
    return failed ? 1 : 0;
}

/* The file's absolute path, for SIGHUP: work_dir may lead elsewhere. Symbolic links stay, because
 * they may lead to another file by then. */
static struct err *fix_path(struct program *program)
{
    const char *file = program->options.file;
    char *folder;
    struct err *err = NULL;

    if (file == NULL || file[0] == '/')
        return NULL;
    folder = getcwd(NULL, 0);
    if (folder == NULL || asprintf(&program->file, "%s/%s", folder, file) < 0) {
        program->file = NULL;
        err = err_sys(errno, "%s", file);
    } else {
        program->options.file = program->file;
    }
    free(folder);
    return err;
}

/* -t --diff: the changes on stdout, the verdict on stderr. */
static int show_diff(struct program *program)
{
    struct config_diff count = {0};
    struct buf out;
    struct err *err = fix_path(program);
    int failed;

    buf_init(&out, CONFIG_TEXT_MAX);
    if (!err)
        err = config_compare(&program->options, environ, &program->config, &out, &count);
    failed = !err && ((out.len > 0 && fwrite(buf_data(&out), 1, out.len, stdout) != out.len) ||
                      fflush(stdout) != 0);
    buf_fini(&out);
    if (err || failed)
        return err ? complain(err) : 1;
    fprintf(stderr, "%d changes, %d of them need a restart\n", count.changes, count.restarts);
    return 0;
}

static struct err *open_log(struct program *program)
{
    const struct config *config = program->config;
    struct err *err = NULL;

    if (config->log_to_file) {
        process_make_folder(config->log_file);
        err = log_sink_open(&program->sink, config->log_file, NULL);
    } else {
        log_sink_open_fd(&program->sink, STDOUT_FILENO);
    }
    program->log.level = (enum log_level)config->log_level;
    program->log.utc = config->utc_time;
    program->log.context = co_log_context;
    program->log.sink = err ? NULL : &program->sink.sink;
    return err;
}

static void name_server(struct program *program)
{
    const struct config *config = program->config;
    const char *state = getenv(STATE_OWN);

    if (state == NULL || *state == '\0')
        state = getenv(STATE_SYSTEMD);
    server_id_open(&program->server_id, config->server_id, config->pid, state, &program->log);
}

/* This program takes another one's place: what that one has opened stays. The pid file and the name
 * are those of the start. */
static struct err *take_over(struct program *program)
{
    const struct upgrade_state *state = program->upgrade.state;

    program->pid_path = strdup(state->pid_path);
    if (program->pid_path == NULL)
        return err_new(ERR_NOMEM, "pid file");
    program->pid = (struct process_pid){.fd = state->pid_fd, .path = program->pid_path};
    program->server_id.fd = state->server_id_fd;
    (void)str_copy(program->server_id.text, sizeof(program->server_id.text), state->server_id);
    return NULL;
}

/* The pid file, the background, and the name. */
static struct err *settle(struct program *program)
{
    const struct config *config = program->config;
    struct err *err = NULL;

    if (*config->pid != '\0') {
        process_make_folder(config->pid);
        err = process_pid_open(&program->pid, config->pid);
    }
    if (!err && config->daemon) {
        err = process_daemon(&program->daemon_ready);
        program->has_terminal = 1;
    }
    if (!err)
        err = process_pid_write(&program->pid);
    if (!err)
        name_server(program);
    return err;
}

/* Everything before the runtime: afterwards this is the process that serves. */
static struct err *prepare(struct program *program)
{
    const struct config *config = program->config;
    struct err *err = fix_path(program);

    if (!err && chdir(config->work_dir) != 0)
        err = err_sys(errno, "work_dir %s", config->work_dir);
    if (!err)
        err = open_log(program);
    if (!err && program->upgrade.mode == UPGRADE_NONE)
        err = settle(program);
    else if (!err)
        err = take_over(program);
    if (!err && config->asprocess)
        err = process_follow_parent();
    program->upgrade.pid_fd = program->pid.fd;
    program->upgrade.pid_path = program->pid.path;
    program->upgrade.server_id_fd = program->server_id.fd;
    return err;
}

/*
 * The server is ready: every listener of every worker listens. Notifies the service manager and the
 * parent of a daemon. A worker has neither of them: it leaves the terminal, and the master notifies
 * them when all workers are ready.
 */
static void program_ready(void *arg)
{
    struct program *program = arg;
    int is_daemon = program->daemon_ready >= 0;

    supervisor_ready(&program->supervisor, is_daemon ? getpid() : 0);
    if (is_daemon) {
        process_daemon_ready(&program->daemon_ready);
    } else if (program->has_terminal) {
        process_leave_terminal();
        log_sink_disown(&program->sink, STDOUT_FILENO);
    }
    program->has_terminal = 0;
}

static void program_stopping(void *arg)
{
    struct program *program = arg;

    supervisor_stopping(&program->supervisor);
}

/* What the process needs later without the right to it comes from the keeper. */
static struct err *program_confine(void *arg)
{
    struct program *program = arg;

    return confine_enter(&program->confine, program->config,
                         program->share != NULL ? program->share->folder : NULL, &program->log);
}

/* share: what this process has in common with the other workers; NULL: it is the only one. */
static MAY_YIELD struct err *serve(struct program *program, struct worker_share *share, int slot)
{
    struct signals_target target = {.log = &program->log, .sink = &program->sink};
    struct reload_options reload = {.options = &program->options,
                                    .environment = environ,
                                    .log = &program->log,
                                    .sink = &program->sink,
                                    .supervisor = &program->supervisor};
    struct service_phases phases = {program_confine, program_ready, program_stopping, program};
    struct signals *signals = NULL;
    int measures = getenv(MEASURE_STACKS) != NULL;
    struct err *err = co_init(&program->log);

    if (err)
        return err;
    co_stack_paint(measures);
    /* The server takes over its reference. */
    err = service_new(&program->server, &program->log, config_ref(program->config), &tables_all);
    if (err)
        return err;
    (void)str_copy(program->server->server_id, sizeof(program->server->server_id),
                   program->server_id.text);
    target.server = program->server;
    /* A keeper is for the workers of one generation. */
    confine_use(&program->confine, share != NULL ? share->slot[slot].rank : 0, &program->options,
                &program->sink);
    program->share = share;
    program->server->keeper = program->confine.keeper;
    program->server->sandbox = &program->confine.sandbox;
    program->server->privileges = &program->confine.privileges;
    if (share != NULL)
        err = worker_new(program->server, share, slot);
    if (!err)
        err = reload_open(program->server, &reload);
    if (!err)
        err = signals_start(&signals, &target);
    if (!err)
        err = service_run(program->server, &phases);
    signals_stop(signals);
    confine_leave(&program->confine);
    service_free(program->server);
    if (measures)
        log_info(&program->log, "the deepest stack took %zu of %d bytes", co_stack_peak(),
                 CO_STACK_USABLE);
    return err;
}

static void say_end(struct program *program, const struct err *err)
{
    if (program->log.sink == NULL)
        return;
    if (err)
        log_err(&program->log, LOG_ERROR, err, "%s ends: %s", MILLRACE_NAME, err_text(err));
    else
        log_info(&program->log, "%s ends", MILLRACE_NAME);
    log_sink_close(&program->sink);
}

/* A worker's process; answers its exit status. */
static MAY_YIELD int run_worker(void *arg, struct worker_share *share, int slot)
{
    struct program *program = arg;
    struct err *err;

    /* These are the master's to end. */
    if (program->pid.fd >= 0)
        close(program->pid.fd);
    if (program->daemon_ready >= 0)
        close(program->daemon_ready);
    program->pid.fd = program->daemon_ready = -1;
    server_id_close(&program->server_id);
    supervisor_close(&program->supervisor);
    program->log.worker = slot + 1;
    log_info(&program->log, "worker %d starts, process %d", slot + 1, (int)getpid());
    err = serve(program, share, slot);
    say_end(program, err);
    worker_share_free(share);
    keeper_free(program->confine.keeper);
    config_unref(program->config);
    free(program->file);
    return err ? complain(err) : 0;
}

static struct err *serve_by_workers(struct program *program)
{
    struct master_options options = {.config = &program->config,
                                     .server_id = program->server_id.text,
                                     .tables = &tables_all,
                                     .log = &program->log,
                                     .sink = &program->sink,
                                     .reload = &program->options,
                                     .environment = environ,
                                     .supervisor = &program->supervisor,
                                     .upgrade = &program->upgrade,
                                     .privileges = &program->confine.privileges,
                                     .serve = run_worker,
                                     .ready = program_ready,
                                     .stopping = program_stopping,
                                     .arg = program};

    return master_run(&options);
}

static MAY_YIELD struct err *serve_all(struct program *program)
{
    const struct upgrade *upgrade = &program->upgrade;
    /* A server that continues has as many as it was started with. */
    int workers = upgrade->mode == UPGRADE_RESUME ? upgrade->state->workers
                                                  : worker_share_count(program->config);
    struct keeper_options options = {.config = program->config,
                                     .reload = &program->options,
                                     .environment = environ,
                                     .pid = program->config->pid};
    struct err *err = confine_prepare(&program->confine, &options, workers, &program->log);

    if (err != NULL)
        return err;
    if (upgrade->mode != UPGRADE_NONE || program->config->upgrade || workers > 1)
        return serve_by_workers(program);
    return serve(program, NULL, 0);
}

static MAY_YIELD int run(struct program *program)
{
    struct err *err;

    signals_block();
    err = prepare(program);
    if (!err) {
        log_info(&program->log, "%s %s starts, process %d, configuration: %s", MILLRACE_NAME,
                 MILLRACE_VERSION, (int)getpid(),
                 program->options.file ? program->options.file : "environment");
        config_warnings_log(program->config, &program->log);
        err = supervisor_open(&program->supervisor, getenv(NOTIFY_SOCKET), &program->log);
        service_raise_descriptors(&tables_all, program->config, &program->log);
        if (err == NULL)
            err = serve_all(program);
    }
    /* Before there were new workers: the old program continues. */
    if (err && program->upgrade.mode == UPGRADE_START)
        upgrade_give_up(&program->upgrade, err);
    supervisor_close(&program->supervisor);
    say_end(program, err);
    server_id_close(&program->server_id);
    if (process_pid_remove(&program->pid) != 0)
        (void)keeper_remove_pid(program->confine.keeper);
    process_pid_close(&program->pid);
    keeper_free(program->confine.keeper);
    return err ? complain(err) : 0;
}

/* Whether this program could take the place of the running one. */
static int try_upgrade(const struct program *program)
{
    struct err *err = upgrade_try(&program->upgrade, program->config, &tables_all);

    return err ? complain(err) : 0;
}

/* The configuration: of the file and the environment, or of a server that continues as before. */
static struct err *load(struct program *program, char **argv)
{
    struct err *err = upgrade_open(&program->upgrade, argv);

    if (!err && program->upgrade.mode == UPGRADE_RESUME)
        return upgrade_state_config(program->upgrade.state, &program->config);
    if (!err)
        err = config_load(&program->options, environ, &program->config);
    if (err && program->upgrade.mode == UPGRADE_START)
        upgrade_give_up(&program->upgrade, err);
    return err;
}

int main(int argc, char **argv)
{
    struct program program = {
        .pid = {.fd = -1}, .server_id = {.fd = -1}, .supervisor = {.fd = -1}, .daemon_ready = -1};
    struct err *err = config_options_parse(&program.options, argc, argv);
    int status;

    tls_protect_keys();
    if (err) {
        (void)complain(err);
        fprintf(stderr, "\n%s", config_usage());
        return 2;
    }
    if (program.options.show_help) {
        fputs(config_usage(), stdout);
        return 0;
    }
    if (program.options.show_version) {
        printf("%s %s\n", MILLRACE_NAME, MILLRACE_VERSION);
        return 0;
    }
    if (program.options.show_table_conf)
        return print(config_table_conf);
    if (program.options.show_table_doc)
        return print(config_table_doc);
    config_options_environment(&program.options, environ);
    err = load(&program, argv);
    if (err) {
        upgrade_close(&program.upgrade);
        return complain(err);
    }
    if (program.upgrade.mode == UPGRADE_TRY)
        status = try_upgrade(&program);
    else if (program.options.diff != NULL)
        status = show_diff(&program);
    else
        status = program.options.test_only ? test_config(&program) : run(&program);
    upgrade_close(&program.upgrade);
    config_unref(program.config);
    free(program.file);
    free(program.pid_path);
    return status;
}
