/*
 * The INI scanner: from bytes to sections and pairs with their places.  Pure
 * function of its input; runs in the parent (configuration files) and in the
 * frontend (the printed configuration).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ini.h"

#define BOM	"\xef\xbb\xbf"

struct ini {
	const struct ini_handler	*handler;
	void				*arg;
	const char			*start;	/* of the line */
	const char			*end;
	uint32_t			 line;
	int				 failed;
};

static struct ini_at
ini_at(const struct ini *ini, const char *s)
{
	struct ini_at at;

	at.line = ini->line;
	at.col = (uint32_t)(s - ini->start) + 1;
	return (at);
}

static void
ini_error(struct ini *ini, const char *s, const char *text)
{
	ini->failed = 1;
	ini->handler->error(ini->arg, ini_at(ini, s), text);
}

static int
is_blank(char c)
{
	return (c == ' ' || c == '\t');
}

static const char *
skip_blank(const char *s, const char *end)
{
	while (s < end && is_blank(*s))
		s++;
	return (s);
}

/* nonzero if nothing or a comment is left; s is at white space or the end */
static int
is_rest(const char *s, const char *end)
{
	const char *p = skip_blank(s, end);

	return (p == end || (p > s && (*p == '#' || *p == ';')));
}

/* copies without the blanks at the end; the line's length fits any buffer */
static void
copy_trimmed(char *dst, const char *s, const char *end)
{
	while (end > s && is_blank(end[-1]))
		end--;
	memcpy(dst, s, (size_t)(end - s));
	dst[end - s] = '\0';
}

/* length of the UTF-8 sequence at s (RFC 3629), 0 if invalid or a control */
static size_t
utf8_length(const unsigned char *s, size_t left)
{
	size_t i, len;

	if (s[0] < 0x80)
		return (s[0] >= 0x20 && s[0] != 0x7f);
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return (0);
	len = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (len > left)
		return (0);
	for (i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return (0);
	/* overlong, surrogate, beyond U+10FFFF, C1 control */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f) ||
	    (s[0] == 0xc2 && s[1] < 0xa0))
		return (0);
	return (len);
}

/* the first byte that no name or value may hold, NULL if there is none */
static const char *
bad_text(const char *s, const char *end)
{
	size_t len;

	for (; s < end; s += len) {
		len = *s == '\t' ? 1 : utf8_length((const unsigned char *)s,
		    (size_t)(end - s));
		if (len == 0)
			return (s);
	}
	return (NULL);
}

/* comments may be in any encoding, but a control character means no text */
static int
check_control(struct ini *ini)
{
	char text[80];
	const char *s;

	for (s = ini->start; s < ini->end; s++) {
		if ((unsigned char)*s >= 0x20 ? *s != 0x7f : *s == '\t')
			continue;
		snprintf(text, sizeof(text), "control character 0x%02x; "
		    "allowed is text in UTF-8", (unsigned char)*s);
		ini_error(ini, s, text);
		return (-1);
	}
	return (0);
}

static int
check_text(struct ini *ini, const char *s, const char *end)
{
	const char *bad;

	if ((bad = bad_text(s, end)) == NULL)
		return (0);
	ini_error(ini, bad, "not UTF-8 text; allowed is text in UTF-8");
	return (-1);
}

static void
scan_section(struct ini *ini, const char *s)
{
	char name[INI_LINE_MAX + 1];
	const char *close, *p;

	close = memchr(s, ']', (size_t)(ini->end - s));
	if (close == NULL) {
		ini_error(ini, s, "section header without \"]\"; "
		    "a header is [NAME] on a line of its own");
		goto bad;
	}
	if (!is_rest(close + 1, ini->end)) {
		p = skip_blank(close + 1, ini->end);
		ini_error(ini, p, "text behind a section header; "
		    "a header is [NAME] on a line of its own");
		goto bad;
	}
	if (check_text(ini, s, close) == -1)
		goto bad;
	p = skip_blank(s + 1, close);
	copy_trimmed(name, p, close);
	ini->handler->section(ini->arg, name, ini_at(ini, s));
	return;
bad:
	/* what follows must not land in the section before */
	ini->handler->section(ini->arg, NULL, ini_at(ini, s));
}

/* "..." or '...' with \ before a quote or \; 0, or -1 after an error */
static int
scan_quoted(struct ini *ini, const char *s, char *value)
{
	const char *open = s;
	char quote = *s++;

	for (; s < ini->end && *s != quote; s++) {
		if (*s == '\\' && s + 1 < ini->end &&
		    (s[1] == '\\' || s[1] == quote))
			s++;
		*value++ = *s;
	}
	*value = '\0';
	if (check_text(ini, open, s) == -1)
		return (-1);
	if (s == ini->end) {
		ini_error(ini, open, "quote without its end; "
		    "a quoted value ends on its line");
		return (-1);
	}
	if (!is_rest(s + 1, ini->end)) {
		ini_error(ini, skip_blank(s + 1, ini->end),
		    "text behind a quoted value; allowed is a comment");
		return (-1);
	}
	return (0);
}

/* a comment starts behind white space; its place, or end */
static const char *
comment_start(const char *s, const char *end)
{
	const char *p;

	for (p = s; p < end; p++)
		if ((*p == '#' || *p == ';') && is_blank(p[-1]))
			break;
	return (p);
}

static void
scan_pair(struct ini *ini, const char *s)
{
	char key[INI_LINE_MAX + 1], value[INI_LINE_MAX + 1];
	const char *equals, *end;
	struct ini_pair pair = { .key = key, .value = value };

	equals = memchr(s, '=', (size_t)(ini->end - s));
	/* an equals sign in a comment does not make a key */
	if (equals != NULL && comment_start(s, equals) != equals)
		equals = NULL;
	if (equals == NULL || equals == s) {
		ini_error(ini, s, equals == NULL ?
		    "neither a section nor a key; a line is [SECTION], "
		    "KEY = VALUE or a comment" :
		    "value without a key; a line is KEY = VALUE");
		return;
	}
	if (check_text(ini, s, equals) == -1)
		return;
	copy_trimmed(key, s, equals);
	pair.key_at = ini_at(ini, s);
	s = skip_blank(equals + 1, ini->end);
	if (s < ini->end && (*s == '"' || *s == '\'')) {
		if (scan_quoted(ini, s, value) == -1)
			return;
		s++;
	} else {
		end = comment_start(s, ini->end);
		if (check_text(ini, s, end) == -1)
			return;
		copy_trimmed(value, s, end);
	}
	pair.value_at = ini_at(ini, s);
	ini->handler->pair(ini->arg, &pair);
}

static void
scan_line(struct ini *ini)
{
	const char *s;

	if (ini->end > ini->start && ini->end[-1] == '\r')
		ini->end--;
	if (ini->end - ini->start > INI_LINE_MAX) {
		ini_error(ini, ini->start + INI_LINE_MAX,
		    "line too long; allowed are 4096 bytes");
		return;
	}
	if (check_control(ini) == -1)
		return;
	s = skip_blank(ini->start, ini->end);
	if (s == ini->end || *s == '#' || *s == ';')
		return;
	if (*s == '[')
		scan_section(ini, s);
	else
		scan_pair(ini, s);
}

int
ini_scan(const char *buf, size_t len, const struct ini_handler *handler,
    void *arg)
{
	struct ini ini = { .handler = handler, .arg = arg };
	const char *end = buf + len, *newline;

	/* some editors mark UTF-8 so */
	if (len >= 3 && memcmp(buf, BOM, 3) == 0)
		buf += 3;
	while (buf < end) {
		newline = memchr(buf, '\n', (size_t)(end - buf));
		ini.line++;
		ini.start = buf;
		ini.end = newline != NULL ? newline : end;
		scan_line(&ini);
		buf = newline != NULL ? newline + 1 : end;
	}
	return (ini.failed ? -1 : 0);
}
