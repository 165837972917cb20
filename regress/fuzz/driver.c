/*
 * Runs a fuzz target over the files given, without libFuzzer.
 */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
main(int argc, char *argv[])
{
	static uint8_t	 buf[1 << 20];
	FILE		*f;
	size_t		 len;
	int		 i;

	for (i = 1; i < argc; i++) {
		if ((f = fopen(argv[i], "r")) == NULL)
			err(1, "%s", argv[i]);
		len = fread(buf, 1, sizeof(buf), f);
		fclose(f);
		LLVMFuzzerTestOneInput(buf, len);
	}
	printf("%d inputs\n", argc - 1);
	return (0);
}
