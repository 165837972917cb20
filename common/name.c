/*
 * The form of host names.  Pure computation; runs where a configuration, a
 * state or a client's request is read, and again in the resolver, which
 * believes nobody.
 */
#include <stdlib.h>
#include <string.h>

#include "name.h"

#define NAME_MAX_LEN	253
#define LABEL_MAX_LEN	63

static const char	letters[] = "abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
static const char	digits[] = "0123456789";

/* underscores are no host name's by RFC 952, but some hosts have them, and all
 * resolvers ask for them: RFC 2181, section 11 */
static const char *
label_error(const char *label, size_t len)
{
	size_t	 i;

	if (len == 0)
		return ("the name has an empty label");
	if (len > LABEL_MAX_LEN)
		return ("a label is longer than 63 characters");
	if (label[0] == '-' || label[len - 1] == '-')
		return ("a label begins or ends with a hyphen");
	for (i = 0; i < len; i++)
		if (strchr(letters, label[i]) == NULL &&
		    strchr(digits, label[i]) == NULL && label[i] != '-' &&
		    label[i] != '_')
			return ("only letters, digits, hyphens, underscores "
			    "and dots are allowed");
	return (NULL);
}

const char *
name_error(const char *name)
{
	const char	*label = name, *why;
	size_t		 len = strlen(name), n;

	if (len > 0 && name[len - 1] == '.')
		len--;			/* the root's dot */
	if (len > NAME_MAX_LEN)
		return ("the name is longer than 253 characters");
	for (;;) {
		n = strcspn(label, ".");
		if ((why = label_error(label, n)) != NULL)
			return (why);
		if (label + n >= name + len)
			break;
		label += n + 1;
	}
	/* "192.0.2.300": somebody meant an address */
	if (strspn(label, digits) == n)
		return ("the name ends in a number, like an address that "
		    "is none");
	return (NULL);
}

int
name_port(const char *text, char *name, size_t size, uint16_t *port)
{
	size_t		 len = strcspn(text, ":");
	const char	*digit = text + len + 1, *error;

	/* strtonum() would take blanks and a sign */
	if (text[len] == '\0' || *digit == '\0' ||
	    strspn(digit, digits) != strlen(digit) || len >= size)
		return (-1);
	*port = (uint16_t)strtonum(digit, 1, 65535, &error);
	if (error != NULL)
		return (-1);
	strlcpy(name, text, len + 1);
	return (0);
}
