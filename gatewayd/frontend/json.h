/*
 * The JSON texts of the API, rendered from fe_status with jansson.  Runs in
 * the frontend (_gatewayd, chroot).
 *
 * Each returns compact JSON and a newline, with its keys in the order of the
 * API's description; the caller frees it.  Times are Unix seconds, what is
 * unknown is null.
 */
#ifndef GW_JSON_H
#define GW_JSON_H

#include <jansson.h>

#include "ports.h"
#include "status.h"

char	*json_health(void);
/* one entry for each interface in place; iface: only that one, or NULL */
char	*json_addresses(const char *iface);
char	*json_tunnels(void);
char	*json_tunnel(const struct fe_tunnel *);
/* "udp", "tcp": the list of them; "udp/7654": one; NULL if there is none */
char	*json_ports(const char *path);
char	*json_version(void);
char	*json_config(void);
char	*json_relay(void);

/* by "udp/7654", also one that drains; NULL if there is none */
const struct fe_port *fe_port_path(const char *);

/* RFC 9457; instance is the target's path, or NULL; errors, a list that it
 * releases, or NULL */
char	*json_problem(int status, const char *title, const char *detail,
	    const char *instance, json_t *errors);

#endif
