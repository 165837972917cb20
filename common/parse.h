/*
 * Inside the configuration parser: how the table of keys, the functions that
 * set and print their values, and the checks between keys fit together.  For
 * the files of common/ only; conf.h is the interface for everybody else.
 */
#ifndef GW_PARSE_H
#define GW_PARSE_H

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/un.h>
#include <stdio.h>
#include <string.h>

#include "conf.h"
#include "ini.h"

#define PATH_UN_MAX	(sizeof(((struct sockaddr_un *)0)->sun_path) - 1)
/* printed with every byte escaped, a value still fits into a line */
#define VALUE_MAX	2000
#define PREFIX_MIN	16	/* nobody holds more; catches a lost digit */
#define MTU_MIN		1280	/* RFC 8200 */
#define MTU_MAX		65515	/* what 65535 bytes of 6in4 hold */
#define DURATION_SIZE	16
#define HINT_SIZE	96
#define KNOWN_SIZE	(512 + HINT_SIZE)

struct parse;

/* where something stands in a file; line 0: nowhere */
struct place {
	const char	*file;
	struct ini_at	 at;
};

#define KEY_REPEAT	0x01	/* may come more than once: gw_strings */
#define KEY_SECRET	0x02	/* names a file that nobody else may read */
#define KEY_EXISTS	0x04	/* that file must exist */

#define TYPE_HE		(1U << GW_HE_6IN4)
#define TYPE_WG		(1U << GW_WIREGUARD)
#define TYPE_EXT	(1U << GW_EXTERNAL)
#define TYPE_ALL	(TYPE_HE | TYPE_WG | TYPE_EXT)

#define TYPE_PUBLISH	(1U << GW_PORT_PUBLISH)
#define TYPE_FORWARD	(1U << GW_PORT_FORWARD)

/*
 * One key of a section.  set() gets the text in parse.value and reports what
 * is wrong with value_error(); print() writes the text with a space before
 * it, or nothing for "not set".  field is the section's base and offset.
 */
struct key {
	const char		 *name;
	void			(*set)(struct parse *, void *field);
	void			(*print)(FILE *, const struct key *,
				    const void *field);
	size_t			  offset;
	uint32_t		  min;		/* what it may be; a text's */
	uint32_t		  max;		/* length at most */
	const char *const	 *words;	/* by value, NULL ends them */
	uint32_t		  types;	/* TYPE_* it is for; 0: all */
	uint32_t		  needed;	/* TYPE_* that need it */
	uint32_t		  flags;	/* KEY_* */
};

#define SECTION_MANY	0x01	/* [NAME.xxx], each with a base of its own */

struct section_type {
	const char		*name;
	const struct key	*keys;		/* name NULL ends them */
	uint32_t		 flags;
	/* what key.types are, in words; NULL: there are none */
	const char *const	*types;
};

#define KEYS_MAX	32	/* of one section */

/* a section that was read: where it and its keys stand */
struct section {
	TAILQ_ENTRY(section)	 entry;
	const struct section_type *type;
	void			*base;	/* gw_conf, gw_tunnel or gw_port */
	char			*name;	/* as in the header */
	struct place		 at;
	struct place		 keys[KEYS_MAX];
	uint32_t		 given;	/* bit per key: has a value */
	uint32_t		 bad;	/* bit per key: which was wrong */
	int			 twice;	/* its name was taken */
	int			 slash;	/* LEN of v6_prefix, 0: none */
};
TAILQ_HEAD(sections, section);

#define RULES_MAX	1024
#define FILES_MAX	64	/* includes, and how deep */
#define DEPTH_MAX	8

/* a file that is or was read */
struct source {
	dev_t		 dev;
	ino_t		 ino;
	int		 open;
};

/* one run of conf_parse() */
struct parse {
	struct gw_conf		*conf;
	conf_report_fn		 report;
	void			*arg;
	int			 check_secrets;
	unsigned int		 nerrors;
	unsigned int		 nnotes;
	struct sections		 sections;
	unsigned int		 nports;
	struct place		 rules[RULES_MAX];	/* of exposure.rules */
	unsigned int		 nrules;
	struct source		 sources[FILES_MAX];
	unsigned int		 nsources;
	unsigned int		 depth;
	const char		*file;		/* being read */
	struct section		*section;	/* NULL: none, or unknown */
	int			 skip;		/* unknown: keep quiet */
	const struct key	*key;		/* being set */
	const char		*value;		/* its text, or one item */
	struct place		 at;		/* of value */
};

/* the items of a list, separated by commas or blanks */
struct list {
	const char	*text;
	size_t		 next;
	unsigned int	 count;		/* items so far */
	struct place	 at;
	char		 item[INI_LINE_MAX + 1];
};

extern const struct section_type section_types[];	/* name NULL ends */
extern const struct section_type *const section_tunnel;
extern const struct section_type *const section_port;
extern const char *const type_words[];			/* enum gw_type */
extern const char *const driver_words[];		/* enum gw_driver */
extern const char *const expose_words[];		/* bits: GW_EXPOSE_* */

/* conf.c */
struct gw_conf	 *conf_new(void);
struct gw_tunnel *conf_tunnel_new(const char *name);

/* parse.c: an error or note at a place, and an error about the value being
 * set, with the nearest word or NULL */
void	 parse_report(struct parse *, enum log_level, const struct place *,
	    const char *text);
void	 parse_error(struct parse *, const struct place *, const char *fmt, ...)
	    __attribute__((format(printf, 3, 4)));
void	 parse_note(struct parse *, const struct place *, const char *fmt, ...)
	    __attribute__((format(printf, 3, 4)));
void	 value_error(struct parse *, const char *near, const char *fmt, ...)
	    __attribute__((format(printf, 3, 4)));
/* "; did you mean ...", or nothing for NULL */
const char *hint_text(char buf[HINT_SIZE], const char *near);
/* buf: which words there are, and the one that may have been meant by word */
const char *known_text(char buf[KNOWN_SIZE], const char *const *words,
	    const char *word);
/* the place of a key with a value, of a right one, or NULL */
const struct place *key_given(const struct section *, const char *name);
const struct place *key_valid(const struct section *, const char *name);

/* parse_check.c: what can only be judged when all is read */
void	 check_all(struct parse *);
/* each key that is needed is there, and none that has no meaning */
void	 check_keys(struct parse *, struct section *, uint32_t type);
/* the section of something in the model, which does not know where it was
 * read */
struct section *section_of(struct parse *, const void *base);
/* a section by its header, NULL: there is none */
struct section *section_named(struct parse *, const char *name);
/* where a key stands, or else its section, or else the file */
struct place place_of(struct parse *, const char *section, const char *key);
/* "FILE:LINE" of the other one of two that do not go together */
#define OTHER_FMT	"%s:%u"
#define OTHER(place)	(place)->file, (place)->at.line
/* the names of all tunnels, with first before them if it is not NULL, ended by
 * NULL; the caller frees the list alone */
const char **tunnel_words(const struct parse *, const char *first);
/* parse_port.c: the form of a [port.NAME], and then, when all have one, what
 * is wrong with it */
void	 default_port(struct section *);
void	 check_port_section(struct parse *, struct section *);
/* parse_socks.c: who may use the relay, and what its rules name */
void	 check_socks(struct parse *);
/* parse_users.c: reads the password_file of that section (NULL: none) */
void	 check_users(struct parse *, const struct section *);
/* parse_wg.c: a file that a key names cannot be read; what is needed */
void	 read_failed(struct parse *, const struct place *, const char *key,
	    const char *file, const char *why, const char *needed);
/* reads what conf names, and takes from it what the section does
 * not say itself */
void	 check_wg(struct parse *, struct section *);

/* parse_value.c */
int	 parse_number(const char *, uint32_t *);
int	 parse_duration(const char *, size_t len, uint32_t *ms);
int	 parse_percent(const char *, uint32_t *);
int	 parse_prefix(const char *, struct in6_addr *, uint8_t *len);
const char *duration_text(char buf[DURATION_SIZE], uint32_t ms);
/* starts over p->value; then one item after the other becomes p->value */
void	 list_start(struct parse *, struct list *);
int	 list_next(struct parse *, struct list *);
void	 replace_string(char **, const char *);
void	 strings_add(struct gw_strings *, const char *);

void	 set_flag(struct parse *, void *);	/* int */
void	 set_word(struct parse *, void *);	/* an enum, by key.words */
void	 set_u8(struct parse *, void *);
void	 set_u16(struct parse *, void *);
void	 set_u32(struct parse *, void *);
void	 set_percent(struct parse *, void *);	/* uint32_t */
void	 set_duration(struct parse *, void *);	/* uint32_t, ms */
void	 set_range(struct parse *, void *);	/* two of them */
void	 set_text(struct parse *, void *);	/* char *, as all below */
void	 set_path(struct parse *, void *);
void	 set_account(struct parse *, void *);	/* a user or group */
void	 set_digits(struct parse *, void *);

/* parse_core.c; field is the struct gw_conf */
void	 set_log_to(struct parse *, void *);
void	 set_api_bind(struct parse *, void *);
void	 set_targets(struct parse *, void *);
void	 set_margin(struct parse *, void *);

/* parse_tunnel.c; field is the struct gw_tunnel */
void	 set_iface(struct parse *, void *);
void	 set_endpoint(struct parse *, void *);
void	 set_local(struct parse *, void *);
void	 set_v6_prefix(struct parse *, void *);
void	 set_gateway(struct parse *, void *);
void	 set_routed(struct parse *, void *);
void	 set_mtu(struct parse *, void *);
void	 set_keepalive(struct parse *, void *);

/* parse_relay.c */
void	 set_modes(struct parse *, void *);	/* uint32_t, GW_EXPOSE_* */
void	 set_socks_bind(struct parse *, void *);	/* char * */
void	 set_upstream(struct parse *, void *);	/* char * */
void	 set_rule(struct parse *, void *);	/* gw_strings */
void	 set_destinations(struct parse *, void *);	/* gw_strings */

/* parse_port.c */
void	 set_protocol(struct parse *, void *);	/* int, IPPROTO_* */
void	 set_remote(struct parse *, void *);	/* the struct gw_port */
void	 set_pin(struct parse *, void *);	/* char[GW_NAME_SIZE] */

/* printconf.c */
void	 print_flag(FILE *, const struct key *, const void *);
void	 print_word(FILE *, const struct key *, const void *);
void	 print_u8(FILE *, const struct key *, const void *);
void	 print_u16(FILE *, const struct key *, const void *);
void	 print_u32(FILE *, const struct key *, const void *);
void	 print_percent(FILE *, const struct key *, const void *);
void	 print_duration(FILE *, const struct key *, const void *);
void	 print_range(FILE *, const struct key *, const void *);
void	 print_text(FILE *, const struct key *, const void *);
void	 print_array(FILE *, const struct key *, const void *);
void	 print_strings(FILE *, const struct key *, const void *);
void	 print_log_to(FILE *, const struct key *, const void *);
void	 print_api_bind(FILE *, const struct key *, const void *);
void	 print_targets(FILE *, const struct key *, const void *);
void	 print_margin(FILE *, const struct key *, const void *);
void	 print_local(FILE *, const struct key *, const void *);
void	 print_v6_prefix(FILE *, const struct key *, const void *);
void	 print_gateway(FILE *, const struct key *, const void *);
void	 print_routed(FILE *, const struct key *, const void *);
void	 print_mtu(FILE *, const struct key *, const void *);
void	 print_modes(FILE *, const struct key *, const void *);
void	 print_protocol(FILE *, const struct key *, const void *);
void	 print_remote(FILE *, const struct key *, const void *);
/* the keys of one section, with its header */
void	 print_section(FILE *, const struct section_type *, const char *name,
	    const void *base, uint32_t type);

#endif
