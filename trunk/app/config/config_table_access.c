/*
 * Directives that decide who may publish or play: the blocks security, refer and token of a vhost.
 * config_table_rows.h explains the columns.
 */
#include "app/config/config_table_rows.h"

#define RULE(field)  CONFIG_AT_SECURITY, offsetof(struct config_vhost, security.field)
#define REFER(field) CONFIG_AT_REFER, offsetof(struct config_vhost, refer.field)
#define TOKEN(field) CONFIG_AT_TOKEN, offsetof(struct config_vhost, token.field)

/* clang-format off */
static const struct config_row rows[] = {
    {"enabled", RULE(enabled), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_SECURITY_ENABLED", RELOAD,
     "Enable the address rules."},
    {"allow", RULE(allow), CONFIG_RULES, "", 0, CONFIG_RULES_MAX, NO_CHOICES,
     "SRS_VHOST_SECURITY_ALLOW", RELOAD,
     "Addresses that may publish or play. All others are refused."},
    {"deny", RULE(deny), CONFIG_RULES, "", 0, CONFIG_RULES_MAX, NO_CHOICES,
     "SRS_VHOST_SECURITY_DENY", RELOAD,
     "Addresses that are refused; takes precedence over allow."},

    {"enabled", REFER(enabled), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_REFER_ENABLED", RELOAD,
     "Enable the page rules."},
    {"all", REFER(all), CONFIG_DOMAINS, "", 0, CONFIG_DOMAIN_MAX, NO_CHOICES,
     "SRS_VHOST_REFER_ALL", RELOAD,
     "Domains, including subdomains, whose pages may publish and play; none: clients without a page."},
    {"publish", REFER(publish), CONFIG_DOMAINS, "", 0, CONFIG_DOMAIN_MAX, NO_CHOICES,
     "SRS_VHOST_REFER_PUBLISH", RELOAD,
     "Domains whose pages may publish; when all is set too, a page must be in both lists."},
    {"play", REFER(play), CONFIG_DOMAINS, "", 0, CONFIG_DOMAIN_MAX, NO_CHOICES,
     "SRS_VHOST_REFER_PLAY", RELOAD,
     "Domains whose pages may play; when all is set too, a page must be in both lists."},

    {"enabled", TOKEN(enabled), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_TOKEN_ENABLED", RELOAD,
     "Require signed URLs."},
    {"key", TOKEN(key), CONFIG_SECRETS, "", 0, CONFIG_KEY_MAX, NO_CHOICES,
     "SRS_VHOST_TOKEN_KEY", RELOAD,
     "Secret that signs URLs; an optional second value is the previous secret, which remains valid."},
    {"publish", TOKEN(publish), CONFIG_SWITCH, "on", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_TOKEN_PUBLISH", RELOAD,
     "Require a signature to publish."},
    {"play", TOKEN(play), CONFIG_SWITCH, "on", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_TOKEN_PLAY", RELOAD,
     "Require a signature to play."},
};
/* clang-format on */

const struct config_rows config_table_access = CONFIG_ROWS(rows);
