#ifndef APP_SERVER_TABLES_H
#define APP_SERVER_TABLES_H

/* All features of this server: app/core/tables.h says what their rows are. */
#include "app/core/tables.h"

extern const struct tables tables_all;

#endif
