/*
 * The entry of each process, called by main.c.  None of them returns.
 */
#ifndef GW_GATEWAYD_H
#define GW_GATEWAYD_H

#include "conf.h"
#include "proc.h"

struct parent_args {
	const char	*file;		/* configuration */
	struct gw_conf	*conf;
	int		 foreground;
	int		 debug;		/* log level debug, not conf's */
};

void	 parent_main(const struct parent_args *) __attribute__((noreturn));
void	 engine_main(const struct proc_args *) __attribute__((noreturn));
void	 frontend_main(const struct proc_args *) __attribute__((noreturn));
void	 prober_main(const struct proc_args *) __attribute__((noreturn));
void	 encap_main(const struct proc_args *) __attribute__((noreturn));
void	 resolver_main(const struct proc_args *) __attribute__((noreturn));
void	 launcher_main(const struct proc_args *) __attribute__((noreturn));
void	 doctor_main(const struct proc_args *) __attribute__((noreturn));
void	 relay_main(const struct proc_args *) __attribute__((noreturn));

#endif
