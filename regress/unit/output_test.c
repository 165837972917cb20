/*
 * launcher/output: a line of wireguard-go without what our record has.
 */
#include <err.h>
#include <string.h>

#include "output.h"

static void
check(const char *line, enum log_level level, const char *text)
{
	enum log_level	 got;

	if (strcmp(output_text(line, &got), text) != 0 || got != level)
		errx(1, "%s: %s at %d", line, output_text(line, &got), got);
}

int
main(void)
{
	check("ERROR: (wg0) 2026/01/31 23:59:59 Failed to read", LL_INFO,
	    "Failed to read");
	check("DEBUG: (wg0) 2026/01/31 23:59:59 peer(abcd) - Sending",
	    LL_DEBUG, "peer(abcd) - Sending");
	check("DEBUG: no interface", LL_DEBUG, "no interface");
	check("DEBUG: (wg0", LL_DEBUG, "(wg0");
	check("DEBUG: (wg0)", LL_DEBUG, "");
	check("DEBUG: ", LL_DEBUG, "");
	check("DEBUG:", LL_WARN, "DEBUG:");
	check("", LL_WARN, "");
	check("panic: runtime error", LL_WARN, "panic: runtime error");
	check("ERRORS: (x) y", LL_WARN, "ERRORS: (x) y");
	return (0);
}
