/*
 * The built-in policies, cheapest first. Each enabled policy must allow the request. A policy that
 * cannot be checked (a token is required and no key is configured) refuses it.
 */
#include "app/stream/gate.h"

#include "app/config/ladder.h"
#include "base/buf.h"
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
    return gate_refuse(verdict, 403, "client address is not allowed");
}

static int refer_ask(const struct gate_request *request, struct gate_verdict *verdict,
                     usec_t timeout)
{
    const struct config_refer *refer = &request->vhost->refer;

    (void)timeout;
    if (!refer->enabled || security_refer_allows(refer, request->action, request->page))
        return 0;
    return gate_refuse(verdict, 403, "page is not allowed");
}

static enum token_verdict token_ask_for(const struct gate_request *request, const char *app,
                                        const char *stream)
{
    const struct config_token *token = &request->vhost->token;
    const char *vhost = request->vhost->name;
    struct token_claim claim = {.is_publish = request->action == ACCESS_PUBLISH,
                                .vhost = str_ieq(vhost, URL_DEFAULT_VHOST) ? "" : vhost,
                                .app = app,
                                .stream = stream,
                                .ip = request->ip};

    return token_check((const char *const *)token->key.item, token->key.count, &claim,
                       request->param,
                       request->now != 0 ? request->now : clock_wall() / USEC_PER_SEC);
}

/* The signature of a quality ladder's address is one for playing each of its rungs. */
static enum token_verdict token_ask_ladder(const struct gate_request *request)
{
    struct ladder ladder;

    if (request->action != ACCESS_PLAY ||
        ladder_find(&request->vhost->ladder, request->app, request->stream, &ladder) != 0 ||
        ladder.at < 0)
        return TOKEN_WRONG;
    return token_ask_for(request, ladder.app, ladder.name);
}

static int token_ask(const struct gate_request *request, struct gate_verdict *verdict,
                     usec_t timeout)
{
    const struct config_token *token = &request->vhost->token;
    enum token_verdict result;

    (void)timeout;
    if (!token->enabled || !(request->action == ACCESS_PUBLISH ? token->publish : token->play))
        return 0;
    result = token_ask_for(request, request->app, request->stream);
    if (result == TOKEN_WRONG)
        result = token_ask_ladder(request);
    switch (result) {
    case TOKEN_GOOD:
        return 0;
    case TOKEN_MISSING:
        return gate_refuse(verdict, 401, "URL is not signed");
    case TOKEN_EXPIRED:
        return gate_refuse(verdict, 403, "URL has expired");
    default:
        return gate_refuse(verdict, 403, "wrong signature");
    }
}

/* ---- in words ---- */

/* "10.0.0.0/8, ::1", or what stands for "all". */
static int subjects_describe(const struct config_strings *rules, enum access_action action,
                             const char *all, struct buf *out)
{
    const char *subject;
    int at = 0, count = 0, rc = 0;

    while ((subject = security_next(rules, action, &at)) != NULL)
        if (str_ieq(subject, "all"))
            return buf_printf(out, "%s", all);
    for (at = 0; rc == 0 && (subject = security_next(rules, action, &at)) != NULL; count++)
        rc = buf_printf(out, "%s%s", count > 0 ? ", " : "", subject);
    return rc;
}

static int security_describe(const struct config_vhost *vhost, enum access_action action,
                             struct buf *out)
{
    const struct config_security *rules = &vhost->security;
    int at = 0;
    int is_meant, rc;

    if (!rules->enabled)
        return 0;
    if (security_is_shut(rules, action, &is_meant))
        return buf_printf(out, "nobody (%s)",
                          is_meant ? "security denies all" : "security has no rule that allows it");
    rc = subjects_describe(&rules->allow, action, "all addresses", out);
    if (rc != 0 || security_next(&rules->deny, action, &at) == NULL)
        return rc;
    rc = buf_append(out, " except ", 8);
    return rc != 0 ? rc : subjects_describe(&rules->deny, action, "all", out);
}

/* "clients from pages of a.example, b.example, or without a page". */
static int domains_describe(const struct config_strings *domains, struct buf *out)
{
    int rc = buf_append(out, "clients", 7);
    int count = 0, has_none = 0;

    for (int i = 0; i < domains->count && rc == 0; i++) {
        if (str_ieq(domains->item[i], "none"))
            has_none = 1;
        else
            rc = buf_printf(out, "%s%s", count++ > 0 ? ", " : " from pages of ", domains->item[i]);
    }
    if (rc == 0 && has_none)
        rc = buf_printf(out, "%s without a page", count > 0 ? ", or" : "");
    return rc;
}

static int refer_describe(const struct config_vhost *vhost, enum access_action action,
                          struct buf *out)
{
    const struct config_refer *refer = &vhost->refer;
    const struct config_strings *own = action == ACCESS_PUBLISH ? &refer->publish : &refer->play;
    int rc = 0;

    if (!refer->enabled)
        return 0;
    if (refer->all.count > 0)
        rc = domains_describe(&refer->all, out);
    if (rc == 0 && refer->all.count > 0 && own->count > 0)
        rc = buf_append(out, "; and only ", 11);
    return rc == 0 && own->count > 0 ? domains_describe(own, out) : rc;
}

static int token_describe(const struct config_vhost *vhost, enum access_action action,
                          struct buf *out)
{
    const struct config_token *token = &vhost->token;

    if (!token->enabled || !(action == ACCESS_PUBLISH ? token->publish : token->play))
        return 0;
    if (token->key.count == 0)
        return buf_printf(out, "nobody (token has no key)");
    return buf_printf(out, "signed addresses");
}

const struct gate gate_security = {
    .name = "security", .ask = security_ask, .describe = security_describe};
const struct gate gate_refer = {.name = "refer", .ask = refer_ask, .describe = refer_describe};
const struct gate gate_token = {.name = "token", .ask = token_ask, .describe = token_describe};
