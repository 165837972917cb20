/*
 * Prints common/messages.def for the tests in Python: a line for each
 * message, "NAME from to min max fd", in the order of their numbers.
 */
#include <stdio.h>

#include "proc.h"
#include "wire_all.h"

#define NOFD	0
#define FD	1

int
main(void)
{
#define MSG(...)	MSG_(__VA_ARGS__)
#define MSG_(name, from, to, min, max, fd) \
	printf("%s %u %u %zu %zu %d\n", #name, (unsigned int)(from), \
	    (unsigned int)(to), (size_t)(min), (size_t)(max), (fd));
#include "messages.def"
	return (0);
}
