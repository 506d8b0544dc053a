/*
 * The load client's command line: each number is checked against its limits, and combinations that
 * make no sense are refused. The usage text is here as well.
 */
#include "load.h"

#include <getopt.h>

static const char usage_text[] =
    "bench_load [options] ADDRESS:PORT PATH\n"
    "  PATH              /live/livestream.flv; app/stream with --rtmp; {} is the stream's number\n"
    "  --viewers N       (100)           --streams N     numbers for {} (1)\n"
    "  --rate N          connects per second (1000)\n"
    "  --samples N       viewers that are parsed and checked (8)\n"
    "  --slow N          slow viewers among them (0)    --slow-rate N   their bytes per second "
    "(0)\n"
    "  --from ADDRESS    source address  --slow-from ADDRESS\n"
    "  --warmup S        (2)             --seconds S     the window (5)\n"
    "  --stall-ms N      a longer silence counts as a stall (1000)\n"
    "  --start-timeout S (30)            --rtmp          play over RTMP\n"
    "  --tls             HTTPS, or RTMPS with --rtmp\n"
    "  --control         steered by standard input: begin, end, slow, quit\n";

enum option_id {
    OPTION_VIEWERS = 256,
    OPTION_STREAMS,
    OPTION_RATE,
    OPTION_SAMPLES,
    OPTION_SLOW,
    OPTION_SLOW_RATE,
    OPTION_FROM,
    OPTION_SLOW_FROM,
    OPTION_WARMUP,
    OPTION_SECONDS,
    OPTION_STALL,
    OPTION_START_TIMEOUT,
    OPTION_RTMP,
    OPTION_TLS,
    OPTION_CONTROL
};

static const struct option options_long[] = {
    {"viewers", required_argument, NULL, OPTION_VIEWERS},
    {"streams", required_argument, NULL, OPTION_STREAMS},
    {"rate", required_argument, NULL, OPTION_RATE},
    {"samples", required_argument, NULL, OPTION_SAMPLES},
    {"slow", required_argument, NULL, OPTION_SLOW},
    {"slow-rate", required_argument, NULL, OPTION_SLOW_RATE},
    {"from", required_argument, NULL, OPTION_FROM},
    {"slow-from", required_argument, NULL, OPTION_SLOW_FROM},
    {"warmup", required_argument, NULL, OPTION_WARMUP},
    {"seconds", required_argument, NULL, OPTION_SECONDS},
    {"stall-ms", required_argument, NULL, OPTION_STALL},
    {"start-timeout", required_argument, NULL, OPTION_START_TIMEOUT},
    {"rtmp", no_argument, NULL, OPTION_RTMP},
    {"tls", no_argument, NULL, OPTION_TLS},
    {"control", no_argument, NULL, OPTION_CONTROL},
    {"help", no_argument, NULL, BENCH_HELP},
    {NULL, 0, NULL, 0}};

static void option_set(struct load_options *o, int id, const char *text)
{
    switch (id) {
    case OPTION_VIEWERS:
        o->viewers = (int)bench_number(text, "--viewers", 1, 100000);
        break;
    case OPTION_STREAMS:
        o->streams = (int)bench_number(text, "--streams", 1, 100000);
        break;
    case OPTION_RATE:
        o->rate = bench_number(text, "--rate", 0.1, 1e6);
        break;
    case OPTION_SAMPLES:
        o->samples = (int)bench_number(text, "--samples", 0, 100000);
        break;
    case OPTION_SLOW:
        o->slow = (int)bench_number(text, "--slow", 0, 100000);
        break;
    case OPTION_SLOW_RATE:
        o->slow_rate = bench_number(text, "--slow-rate", 0, 1e9);
        break;
    case OPTION_FROM:
        o->from = bench_address(text, 0);
        o->has_from = 1;
        break;
    case OPTION_SLOW_FROM:
        o->slow_from = bench_address(text, 0);
        o->has_slow_from = 1;
        break;
    case OPTION_WARMUP:
        o->warmup_s = bench_number(text, "--warmup", 0, 1e6);
        break;
    case OPTION_SECONDS:
        o->seconds = bench_number(text, "--seconds", 0.1, 1e6);
        break;
    case OPTION_STALL:
        o->stall_ms = bench_number(text, "--stall-ms", 1, 1e9);
        break;
    case OPTION_START_TIMEOUT:
        o->start_timeout_s = bench_number(text, "--start-timeout", 0.1, 1e6);
        break;
    case OPTION_RTMP:
        o->protocol = LOAD_RTMP;
        break;
    case OPTION_TLS:
        o->tls = 1;
        break;
    case OPTION_CONTROL:
        o->control = 1;
        break;
    default:
        bench_usage(usage_text, id);
    }
}

void load_options_read(struct load_options *o, int argc, char **argv)
{
    int id;

    *o = (struct load_options){.viewers = 100,
                               .streams = 1,
                               .samples = 8,
                               .rate = 1000,
                               .warmup_s = 2,
                               .seconds = 5,
                               .start_timeout_s = 30,
                               .stall_ms = 1000};
    while ((id = getopt_long(argc, argv, "", options_long, NULL)) != -1)
        option_set(o, id, optarg);
    if (argc - optind != 2)
        bench_usage(usage_text, 0);
    if (o->slow >= o->viewers)
        bench_die("--slow: there have to be viewers that are not slow");
    if (o->samples > o->viewers - o->slow)
        o->samples = o->viewers - o->slow;
    o->to_text = argv[optind];
    o->to = bench_address(argv[optind], o->protocol == LOAD_RTMP ? 1935 : 8080);
    o->path = argv[optind + 1];
}
