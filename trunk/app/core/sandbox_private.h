#ifndef APP_CORE_SANDBOX_PRIVATE_H
#define APP_CORE_SANDBOX_PRIVATE_H

/* Between sandbox.c, sandbox_paths.c, sandbox_landlock.c and sandbox_filter.c. Never yields. */
#include "app/core/sandbox.h"

/* Builds with sanitizers have the system calls that those need. */
#if defined(__SANITIZE_ADDRESS__)
#define SANDBOX_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANDBOX_SANITIZED 1
#endif
#endif
#ifndef SANDBOX_SANITIZED
#define SANDBOX_SANITIZED 0
#endif

/* The version of the kernel's Landlock; 0: none. */
int sandbox_landlock_version(void);
/* Restricts this process to the sandbox's paths. */
struct err *sandbox_landlock_enter(const struct sandbox *sandbox);

/* Whether this build and this kernel filter system calls. NULL, or why not. */
const char *sandbox_filter_missing(void);
/* Denied calls return EPERM; each is told to notify_fd (co/notify.h) and can be taken. */
struct err *sandbox_filter_enter(int notify_fd);
/* The next denied call that was not taken yet: 1; 0: there is none. */
int sandbox_filter_take(int *number);
/* Its name; constant or in `out`. */
const char *sandbox_filter_name(int number, char *out, size_t cap);

#endif
