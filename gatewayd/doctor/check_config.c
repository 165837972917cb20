/*
 * Is the configuration good, and does it say anything?  Runs in the doctor
 * (_gwrelay, Landlock) and in gatewayctl.
 */
#include "check.h"

void
check_config(struct doctor *d)
{
	struct finding	*f;

	if (d->conf == NULL) {
		f = doctor_add(d, d->o.conf_bad ? FINDING_FAIL : FINDING_SKIP,
		    "config", NULL, d->o.conf_bad ?
		    "%s has errors: gatewayd does not start with it" :
		    "%s could not be read: what is below knows nothing of "
		    "your tunnels", d->o.conf_file);
		finding_evidence(f, "%s", d->o.conf_why);
		finding_remedy(f, "%s", d->o.conf_bad ?
		    "correct it; 'gatewayctl check' shows every error" :
		    "as root: 'gatewayctl doctor'; "
		    "/etc/v6-gatewayd.conf is the usual place");
		return;
	}
	if (doctor_tunnel(d, NULL) != NULL) {
		doctor_add(d, FINDING_OK, "config", NULL,
		    "%u tunnel(s) configured", d->conf->ntunnels);
		if (d->last != NULL && TAILQ_NEXT(d->last, entry) != NULL)
			doctor_add(d, FINDING_SKIP, "config", NULL,
			    "the first %d tunnels are looked at, the others "
			    "are not", DOCTOR_TUNNELS);
		return;
	}
	f = doctor_add(d, FINDING_WARN, "config", NULL,
	    "no tunnel is in use: there is nothing to bring IPv6");
	finding_evidence(f, "%u sections [tunnel.NAME], none with enabled = "
	    "true", d->conf->ntunnels);
	finding_remedy(f, "add a section [tunnel.NAME], see "
	    "v6-gatewayd.conf(5), then 'gatewayctl reload'");
}
