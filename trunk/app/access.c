/*
 * The policy as a whole. What costs least is asked
 * first. Each question that is switched on must be answered with yes, and one that cannot be
 * answered (a token is wanted and there is no key) is answered with no.
 */
#include "app/access.h"

#include "base/clock.h"
#include "base/str.h"
#include "proto/token.h"
#include "proto/url.h"

#include <assert.h>

static int token_ask(const struct access_request *request, int64_t now, const char **reason)
{
    const struct config_token *token = &request->vhost->token;
    int is_publish = request->action == ACCESS_PUBLISH;
    const char *vhost = request->vhost->name;
    struct token_claim claim = {.is_publish = is_publish,
                                .vhost = str_ieq(vhost, URL_DEFAULT_VHOST) ? "" : vhost,
                                .app = request->app,
                                .stream = request->stream,
                                .ip = request->ip};

    if (!token->enabled || !(is_publish ? token->publish : token->play))
        return 0;
    switch (token_check((const char *const *)token->key.item, token->key.count, &claim,
                        request->query, now)) {
    case TOKEN_GOOD:
        return 0;
    case TOKEN_MISSING:
        *reason = "the address is not signed";
        return 401;
    case TOKEN_EXPIRED:
        *reason = "the address has expired";
        return 403;
    default:
        *reason = "the signature is wrong";
        return 403;
    }
}

int access_check(const struct access_request *request, int64_t now, const char **reason)
{
    const struct config_vhost *vhost;

    assert(request != NULL && request->vhost != NULL && reason != NULL);
    vhost = request->vhost;
    if (vhost->security.enabled &&
        !security_allows(&vhost->security, request->action, request->ip)) {
        *reason = "this address may not";
        return 403;
    }
    if (vhost->refer.enabled && !refer_allows(&vhost->refer, request->action, request->page)) {
        *reason = "not from this page";
        return 403;
    }
    return token_ask(request, now, reason);
}

int access_check_now(const struct access_request *request, const char **reason)
{
    return access_check(request, clock_wall() / USEC_PER_SEC, reason);
}
