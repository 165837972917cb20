/*
 * GET /doctor: what stops IPv6 on this machine.  Runs in the frontend
 * (_gatewayd, chroot).
 */
#ifndef GW_REST_DOCTOR_H
#define GW_REST_DOCTOR_H

#include "imsg.h"
#include "rest_route.h"

void	 get_doctor(const struct rest_query *, struct rest_answer *);
/* DOCTOR_TEXT */
void	 doctor_text(struct imsg *);

#endif
