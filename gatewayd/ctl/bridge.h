/*
 * "gatewayctl mcp": standard input and output as a client of the MCP socket.
 * An unprivileged client.
 */
#ifndef GW_BRIDGE_H
#define GW_BRIDGE_H

#define BRIDGE_SOCKET	"/var/run/v6-gatewayd-mcp.sock"

/*
 * Carries bytes both ways, unchanged, until the daemon has closed its side or
 * nobody reads standard output any more; the end of standard input is passed
 * on, and answers still come.  Returns EXIT_OK, or fails with a message if
 * the daemon cannot be reached or leaves before the end of the input.
 */
int	 bridge(const char *path);

#endif
