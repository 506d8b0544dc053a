/*
 * The command line: five letters that users of SRS know, single or bundled as in "-tc FILE", and
 * two long options that print the files generated from the directive table.
 */
#include "app/config/config.h"

#include "base/str.h"

#include "base/str.h"

#include <assert.h>
#include <string.h>

static const char usage[] =
    "usage: server -c FILE | -e [-t [--diff[=PID|FILE]]]\n"
    "\n"
    "  -c FILE      read this configuration file; SRS_… environment variables override it\n"
    "  -e           no file: use the environment and the defaults only\n"
    "  -t           test the configuration, print the effective values, and exit\n"
    "  --diff       with -t: show what a reload would change at the running server, which the\n"
    "               pid file names, at process PID, or compared with another FILE\n"
    "  -v           print the version and exit\n"
    "  -h           print this help and exit\n"
    "  --full-conf  print a configuration file with all directives and defaults, and exit\n"
    "  --doc        print the documentation of all directives, and exit\n"
    "\n"
    "Signals: TERM and INT stop the server, QUIT drains it first, USR1 reopens the log file,\n"
    "HUP reads the configuration again and applies it, USR2 upgrades the program.\n";

const char *config_usage(void)
{
    return usage;
}

/* The text after -c, in the same argument or the next one. */
static const char *file_argument(const char *rest, int argc, char **argv, int *at)
{
    if (*rest != '\0')
        return rest;
    return *at + 1 < argc ? argv[++*at] : NULL;
}

static struct err *bad_usage(const char *what, const char *argument)
{
    return err_new(ERR_CONFIG, "%s%s", what, argument);
}

/* Parses one argument that begins with '-': a bundle of letters; c ends it. */
static struct err *parse_letters(struct config_options *options, int argc, char **argv, int *at)
{
    const char *argument = argv[*at];

    for (const char *letter = argument + 1; *letter != '\0'; letter++) {
        switch (*letter) {
        case 'c':
            options->file = file_argument(letter + 1, argc, argv, at);
            return options->file ? NULL : bad_usage("-c needs a file name", "");
        case 't':
            options->test_only = 1;
            break;
        case 'e':
            options->env_only = 1;
            break;
        case 'v':
        case 'V':
            options->show_version = 1;
            break;
        case 'h':
        case '?':
            options->show_help = 1;
            break;
        default:
            return bad_usage("unknown option ", argument);
        }
    }
    return NULL;
}

struct err *config_options_parse(struct config_options *options, int argc, char **argv)
{
    assert(options != NULL && argv != NULL);
    memset(options, 0, sizeof(*options));
    for (int i = 1; i < argc; i++) {
        struct err *err = NULL;

        if (strcmp(argv[i], "--help") == 0)
            options->show_help = 1;
        else if (strcmp(argv[i], "--version") == 0)
            options->show_version = 1;
        else if (strcmp(argv[i], "--diff") == 0)
            options->diff = "";
        else if (str_starts(argv[i], "--diff="))
            options->diff = argv[i] + strlen("--diff=");
        else if (strcmp(argv[i], "--full-conf") == 0)
            options->show_table_conf = 1;
        else if (strcmp(argv[i], "--doc") == 0)
            options->show_table_doc = 1;
        else if (argv[i][0] == '-' && argv[i][1] != '-' && argv[i][1] != '\0')
            err = parse_letters(options, argc, argv, &i);
        else
            err = bad_usage("unknown argument ", argv[i]);
        if (err)
            return err;
    }
    if (options->show_help || options->show_version || options->show_table_conf ||
        options->show_table_doc)
        return NULL;
    if (options->diff != NULL && !options->test_only)
        return bad_usage("--diff needs -t", "");
    if (options->env_only && options->file != NULL)
        return bad_usage("-c and -e cannot be combined", "");
    if (!options->env_only && options->file == NULL)
        return bad_usage("no configuration: use -c FILE or -e", "");
    return NULL;
}

void config_options_environment(struct config_options *options, char **environment)
{
    const char *file = NULL;

    assert(options != NULL);
    for (char **entry = environment; entry != NULL && *entry != NULL; entry++) {
        if (str_starts(*entry, CONFIG_ENV_ONLY "="))
            options->env_only = 1;
        if (str_starts(*entry, CONFIG_ENV_FILE "=") && (*entry)[sizeof(CONFIG_ENV_FILE)] != '\0')
            file = *entry + sizeof(CONFIG_ENV_FILE);
    }
    if (options->env_only)
        options->file = NULL;
    else if (file != NULL)
        options->file = file;
}
