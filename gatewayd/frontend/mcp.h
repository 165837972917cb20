/*
 * A server of the Model Context Protocol: newline-delimited JSON-RPC 2.0 over
 * a Unix socket, read-only.  Runs in the frontend (_gatewayd, chroot).
 *
 * Limits: 64 connections, one of them kept for root; lines of 64 KiB; 256 KiB
 * of output queued for one of them, or 16 KiB while all have 2 MiB, and then
 * nothing more is read from it; 30 s for the rest of a line, and without the
 * client reading.  There is no idle time-out: hosts stay for hours.
 */
#ifndef GW_MCP_H
#define GW_MCP_H

#include <event2/event.h>

/* serves the listening SOCK_STREAM socket fd, which is taken over; once */
void	 mcp_listen(struct event_base *, int fd);

#endif
