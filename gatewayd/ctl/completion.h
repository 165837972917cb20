/*
 * What shells complete gatewayctl's command line with.  An unprivileged
 * client.
 */
#ifndef GW_COMPLETION_H
#define GW_COMPLETION_H

enum completion {
	COMPLETION_BASH,
	COMPLETION_ZSH,
	COMPLETION_FISH,
	COMPLETION_TUNNELS,	/* names, for the scripts to ask for */
	COMPLETION_INTERFACES,
	COMPLETION_UDP_PORTS,
	COMPLETION_TCP_PORTS
};

/* prints the script for one of the three shells to stdout */
void	 completion_script(enum completion);

#endif
