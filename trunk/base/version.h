#ifndef BASE_VERSION_H
#define BASE_VERSION_H

/* The name and version for answers, logs and -v. */
#define MILLRACE_NAME    "Millrace"
#define MILLRACE_VERSION "0.1.0"

#endif
