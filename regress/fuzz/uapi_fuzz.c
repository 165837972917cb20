/*
 * What stands in the place of wireguard-go answers: first byte whether to
 * get=1, second how the rest is cut into pieces.  The verdict must not depend
 * on that, and what is taken over must be within its bounds.
 */
#include <err.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "uapi_text.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* exact copies: nothing behind a piece may be read */
static int
answer_by(struct uapi_answer *a, int get, const uint8_t *data, size_t size,
    size_t step)
{
	size_t	 n;
	char	*copy;
	int	 r = 0;

	uapi_answer_init(a, get);
	for (; r == 0 && size > 0; data += n, size -= n) {
		n = size < step ? size : step;
		if ((copy = malloc(n)) == NULL)
			err(1, "malloc");
		memcpy(copy, data, n);
		r = uapi_answer_read(a, copy, n);
		free(copy);
	}
	/* as if it had come with the end: nobody waits for more */
	return (r == 1 && size > 0 ? -1 : r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct uapi_answer	 whole, pieces;
	int			 get, r;

	if (size < 3)
		return (0);
	log_init(LL_ERROR, LF_TEXT, LT_STDERR, "fuzz");
	get = data[0] & 1;
	r = answer_by(&whole, get, data + 2, size - 2, size);
	if (answer_by(&pieces, get, data + 2, size - 2,
	    (size_t)data[1] + 1) != r)
		abort();
	if (r != 1)
		return (0);
	if (whole.error < 0 || whole.error > 4095 ||
	    memcmp(&whole.status, &pieces.status,
	    sizeof(whole.status)) != 0 ||
	    whole.status.handshake > INT64_MAX ||
	    whole.status.rx_bytes > INT64_MAX ||
	    whole.status.tx_bytes > INT64_MAX)
		abort();
	if (!get && (whole.status.handshake | whole.status.rx_bytes |
	    whole.status.tx_bytes) != 0)
		abort();
	return (0);
}
