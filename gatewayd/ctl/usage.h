/*
 * gatewayctl's usage text, from the tables of words.c.  An unprivileged
 * client.
 */
#ifndef GW_USAGE_H
#define GW_USAGE_H

#include <stdio.h>

/* all commands and options */
void	 usage(FILE *);

#endif
