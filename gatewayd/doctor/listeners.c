/*
 * Listening sockets and their programs.  Runs in the doctor (_gwrelay,
 * Landlock) and in gatewayctl; reads only.
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "listeners.h"
#include "log.h"
#include "sysfile.h"

#define LISTENERS_MAX	4096
#define STATE_UDP	0x07	/* TCP_CLOSE: no peer */
#define STATE_TCP	0x0a	/* TCP_LISTEN */

/* 32-bit words in the byte order of this machine, as the kernel prints them */
static int
parse_addr(const char *hex, int family, struct in6_addr *addr)
{
	size_t		 i, words = family == AF_INET ? 1 : 4;
	uint32_t	 word;
	char		 text[9];

	memset(addr, 0, sizeof(*addr));
	if (strlen(hex) != words * 8)
		return (-1);
	for (i = 0; i < words; i++) {
		memcpy(text, hex + i * 8, 8);
		text[8] = '\0';
		word = (uint32_t)strtoul(text, NULL, 16);
		memcpy(addr->s6_addr + i * 4, &word, sizeof(word));
	}
	return (0);
}

int
listener_parse(const char *line, int protocol, int family,
    struct listener_socket *s)
{
	unsigned int	 port, peer, state, uid;
	char		 addr[40], remote[40];

	memset(s, 0, sizeof(*s));
	if (sscanf(line, " %*d: %39[0-9A-Fa-f]:%x %39[0-9A-Fa-f]:%x %x "
	    "%*x:%*x %*x:%*x %*x %u %*u %lu", addr, &port, remote, &peer,
	    &state, &uid, &s->inode) != 7 ||
	    parse_addr(addr, family, &s->addr) == -1 || port > UINT16_MAX)
		return (0);
	s->protocol = protocol;
	s->family = family;
	s->port = (uint16_t)port;
	s->uid = uid;
	return (state == (protocol == IPPROTO_TCP ? STATE_TCP : STATE_UDP));
}

static void
load_table(struct listener_sockets *ls, const char *path, int protocol,
    int family)
{
	struct listener_socket	 s;
	char			 line[512];
	FILE			*f;

	if ((f = fopen(path, "re")) == NULL)
		return;
	while (ls->n < LISTENERS_MAX && fgets(line, sizeof(line), f) != NULL) {
		if (!listener_parse(line, protocol, family, &s))
			continue;
		ls->list = reallocarray(ls->list, ls->n + 1, sizeof(s));
		if (ls->list == NULL)
			fatal("reallocarray");
		ls->list[ls->n++] = s;
	}
	fclose(f);
}

void
listeners_load(struct listener_sockets *ls)
{
	memset(ls, 0, sizeof(*ls));
	load_table(ls, "/proc/net/tcp", IPPROTO_TCP, AF_INET);
	load_table(ls, "/proc/net/tcp6", IPPROTO_TCP, AF_INET6);
	load_table(ls, "/proc/net/udp", IPPROTO_UDP, AF_INET);
	load_table(ls, "/proc/net/udp6", IPPROTO_UDP, AF_INET6);
}

void
listeners_free(struct listener_sockets *ls)
{
	free(ls->list);
	memset(ls, 0, sizeof(*ls));
}

/* one descriptor of a process: is it one of these sockets? */
static void
name_descriptor(struct listener_sockets *ls, pid_t pid, int dir,
    const char *fd)
{
	unsigned long	 inode;
	char		 target[64];
	ssize_t		 n;
	size_t		 i;

	if ((n = readlinkat(dir, fd, target, sizeof(target) - 1)) == -1)
		return;
	target[n] = '\0';
	if (sscanf(target, "socket:[%lu]", &inode) != 1)
		return;
	for (i = 0; i < ls->n; i++) {
		if (ls->list[i].inode != inode || ls->list[i].pid != 0)
			continue;
		ls->list[i].pid = pid;
		(void)sysfile_text(ls->list[i].program,
		    sizeof(ls->list[i].program), "/proc/%d/comm", (int)pid);
	}
}

static void
name_process(struct listener_sockets *ls, pid_t pid)
{
	struct dirent	*e;
	char		 path[32];
	DIR		*dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	if ((dir = opendir(path)) == NULL)
		return;
	while ((e = readdir(dir)) != NULL)
		name_descriptor(ls, pid, dirfd(dir), e->d_name);
	closedir(dir);
}

void
listeners_name(struct listener_sockets *ls)
{
	struct dirent	*e;
	DIR		*dir;

	if (ls->n == 0 || (dir = opendir("/proc")) == NULL)
		return;
	while ((e = readdir(dir)) != NULL)
		if (isdigit((unsigned char)e->d_name[0]))
			name_process(ls, (pid_t)atoi(e->d_name));
	closedir(dir);
}
