/*
 * What the checks share.  Runs in the doctor (_gwrelay, Landlock) and in
 * gatewayctl.
 */
#ifndef GW_CHECK_H
#define GW_CHECK_H

#include <event2/event.h>
#include <stdint.h>

#include "doctor.h"
#include "netinfo.h"

#define DOCTOR_WAIT_MS	5000	/* for any answer from elsewhere */
#define DOCTOR_TUNNELS	16	/* of them are looked at */
#define DOCTOR_SAME	16	/* findings of a kind, on all else */

struct lookups;

struct doctor {
	struct event_base		*base;
	struct doctor_options		 o;
	const struct gw_conf		*conf;	/* o.conf */
	struct report			*report;
	struct netinfo			*net;
	struct lookups			*lookups; /* NULL: none yet */
	unsigned int			 waiting;
	const struct gw_tunnel		*last;	/* that is looked at */
	struct event			*finish;
	void				(*done)(struct report *, void *);
	void				*arg;
};

/* a finding of the check called like the first part of id ("route.default");
 * t may be NULL */
#define doctor_add(d, status, id, t, ...) \
	report_add((d)->report, doctor_order(id), (status), (id), \
	    (t) != NULL ? ((const struct gw_tunnel *)(t))->name : NULL, \
	    __VA_ARGS__)
unsigned int doctor_order(const char *id);

/* a check that waits holds the report open until it releases it */
void	 doctor_hold(struct doctor *);
void	 doctor_release(struct doctor *);

/* the first tunnel that is in use behind t (NULL: of all), NULL: no more, or
 * DOCTOR_TUNNELS were looked at: so the report has an end */
const struct gw_tunnel *doctor_tunnel(const struct doctor *,
	    const struct gw_tunnel *t);

/* the checks; each adds what it finds, at once or when it is answered */
void	 check_config(struct doctor *);
void	 check_kernel(struct doctor *);
void	 check_sysctl(struct doctor *);
void	 check_addr(struct doctor *);
void	 check_route(struct doctor *);
void	 check_wan(struct doctor *);
void	 check_firewall(struct doctor *);
void	 check_mtu(struct doctor *);
void	 check_dns(struct doctor *);
void	 check_reach(struct doctor *);
void	 check_sockets(struct doctor *);
void	 check_port(struct doctor *);
void	 check_exposure(struct doctor *);
void	 check_clock(struct doctor *);

#endif
