/*
 * "gatewayctl doctor": the checks of gatewayd/doctor, run by whoever calls,
 * without the daemon.
 */
#ifndef GW_DOCTOR_CMD_H
#define GW_DOCTOR_CMD_H

/*
 * Looks at this machine with the configuration in file, if that can be read,
 * and prints what it found: text, or with json the document of /doctor.  The
 * exit code.
 */
int	 doctor_command(const char *file, int json);

#endif
