/*
 * sd_notify(3) without libsystemd.  Outside a service manager every call is
 * a no-op.
 */
#ifndef GW_NOTIFY_H
#define GW_NOTIFY_H

/* takes NOTIFY_SOCKET out of the environment and connects */
void	 notify_init(void);
/* "READY=1", "STOPPING=1", "STATUS=...": lines joined by \n */
void	 notify_send(const char *state);

#endif
