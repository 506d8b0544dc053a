/*
 * Ends a fuzz target after FUZZ_CPU_SECONDS of processor time: a machine that is
 * busy with something else then fuzzes as much as an idle one, only later.
 * libFuzzer's own -max_total_time counts seconds of the clock. SIGUSR1 with
 * -handle_usr1=1 makes it finish the current input, and report.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec when = {.it_value.tv_sec = 0};
    const char *seconds = getenv("FUZZ_CPU_SECONDS");
    timer_t timer;

    (void)argc;
    (void)argv;
    if (seconds == NULL)
        return 0;
    when.it_value.tv_sec = strtol(seconds, NULL, 10);
    if (when.it_value.tv_sec <= 0 || timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer) != 0 ||
        timer_settime(timer, 0, &when, NULL) != 0) {
        fprintf(stderr, "FUZZ_CPU_SECONDS=%s: no such timer\n", seconds);
        exit(1);
    }
    return 0;
}
