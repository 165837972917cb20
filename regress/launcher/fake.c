/*
 * In the place of wireguard-go, for tests: has a version, writes far too
 * much, and waits.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int
main(int argc, char *argv[])
{
	int	 i;

	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("wireguard-go v%s\n\nNot the real one.\n", FAKE_VERSION);
		return (0);
	}
	for (i = 0; i < 20000; i++)
		printf("ERROR: (x) 2026/01/31 23:59:59 line %d %0*d\n", i,
		    i % 1000, 0);
	fflush(stdout);
	pause();
	return (0);
}
