/*
 * The built-in policies, cheapest first. Each enabled policy must allow the request. A policy that
 * cannot be checked (a token is required and no key is configured) refuses it.
 */
#include "app/stream/gate.h"

#include "base/clock.h"
#include "base/str.h"
#include "proto/token.h"
#include "proto/url.h"

static int security_ask(const struct gate_request *request, struct gate_verdict *verdict,
                        usec_t timeout)
{
    const struct config_security *security = &request->vhost->security;

    (void)timeout;
    if (!security->enabled || security_allows(security, request->action, request->ip))
        return 0;
    return gate_refuse(verdict, 403, "this address may not");
}

static int refer_ask(const struct gate_request *request, struct gate_verdict *verdict,
                     usec_t timeout)
{
    const struct config_refer *refer = &request->vhost->refer;

    (void)timeout;
    if (!refer->enabled || security_refer_allows(refer, request->action, request->page))
        return 0;
    return gate_refuse(verdict, 403, "not from this page");
}

static int token_ask(const struct gate_request *request, struct gate_verdict *verdict,
                     usec_t timeout)
{
    const struct config_token *token = &request->vhost->token;
    int is_publish = request->action == ACCESS_PUBLISH;
    const char *vhost = request->vhost->name;
    struct token_claim claim = {.is_publish = is_publish,
                                .vhost = str_ieq(vhost, URL_DEFAULT_VHOST) ? "" : vhost,
                                .app = request->app,
                                .stream = request->stream,
                                .ip = request->ip};

    (void)timeout;
    if (!token->enabled || !(is_publish ? token->publish : token->play))
        return 0;
    switch (token_check((const char *const *)token->key.item, token->key.count, &claim,
                        request->param,
                        request->now != 0 ? request->now : clock_wall() / USEC_PER_SEC)) {
    case TOKEN_GOOD:
        return 0;
    case TOKEN_MISSING:
        return gate_refuse(verdict, 401, "the address is not signed");
    case TOKEN_EXPIRED:
        return gate_refuse(verdict, 403, "the address has expired");
    default:
        return gate_refuse(verdict, 403, "the signature is wrong");
    }
}

const struct gate gate_security = {.name = "security", .ask = security_ask};
const struct gate gate_refer = {.name = "refer", .ask = refer_ask};
const struct gate gate_token = {.name = "token", .ask = token_ask};
