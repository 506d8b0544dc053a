#ifndef APP_HTTP_API_LOGIN_H
#define APP_HTTP_API_LOGIN_H

/* The API's user name and password, as HTTP Basic (RFC 7617). Pure. */

struct config_api_auth;

/* Whether the value of an Authorization header (NULL: none) is correct. The duration does not
 * depend on which character is wrong. */
int api_login_is_right(const struct config_api_auth *auth, const char *authorization);

#endif
