/*
 * What gatewayctl prints: as text for people, or as the API's documents.
 * An unprivileged client.
 */
#ifndef GW_OUTPUT_H
#define GW_OUTPUT_H

#include <jansson.h>

#include "client.h"

/* all that a status is made of */
struct status_docs {
	struct answer	 health;	/* /health */
	struct answer	 tunnels;	/* /tunnels */
	struct answer	 addresses;	/* /v6/address */
	struct answer	*details;	/* /tunnels/NAME, in that order; */
	size_t		 ndetails;	/* empty if the tunnel left meanwhile */
};

struct output {
	/* one document of the API each */
	void	(*health)(const struct answer *);
	void	(*tunnels)(const struct answer *);
	void	(*tunnel)(const struct answer *);
	void	(*addresses)(const struct answer *);
	void	(*config)(const struct answer *);
	void	(*metrics)(const struct answer *);
	void	(*relay)(const struct answer *);
	void	(*version)(const struct answer *);
	void	(*logs)(const struct answer *);
	void	(*log_levels)(const struct answer *);	/* of /logs, too */
	void	(*trace)(const struct answer *);	/* of POST /trace */
	/* /ports/udp, /ports/tcp, or one of them */
	void	(*ports)(const struct answer *, size_t);
	/* an order's answer about a mapping: what it came to in words, and the
	 * mapping, if there is one */
	void	(*port)(const struct answer *);
	/* NULL: health() is all there is to a status */
	void	(*status)(const struct status_docs *);
	/* one of what happens, a line of JSON with its newline */
	void	(*event)(const char *line, size_t len);
	/* what an order came to, in words; NULL: silence */
	void	(*done)(const char *);
};

extern const struct output	 output_text;
extern const struct output	 output_json;

/* output_text's status: health, the active tunnel, a line per tunnel, and
 * what to do where something is wrong */
void	  text_status(const struct status_docs *);

/* output_text's relay */
void	  text_relay(const struct answer *);

/* output_text's ports, and the numbers alone, a line for each */
void	  text_ports(const struct answer *, size_t);
void	  print_port_numbers(const struct answer *);

/* output_text's logs and log_levels */
void	  text_logs(const struct answer *);
void	  text_log_levels(const struct answer *);
/* output_text's trace */
void	  text_trace(const struct answer *);
/* the line of a record: an entry of /logs, or a log event's data */
void	  text_log_record(const json_t *);
/* up to which record a /logs document goes */
uint64_t  document_next(const struct answer *);
/* the record that an event is about, 0: none */
uint64_t  event_record(const char *line, size_t len);

/* output_text's event: a line of text, or none */
void	  text_event(const char *line, size_t len);

/*
 * The names in a /tunnels document, in its order: an array to be freed with
 * its strings, and its length.
 */
char	**document_names(const struct answer *, size_t *);
/* the names in /tunnels, the interfaces in /v6/address, a line for each */
void	  print_tunnel_names(const struct answer *);
void	  print_interface_names(const struct answer *);
/* nonzero if a /health document says "ok" */
int	  document_healthy(const struct answer *);

#endif
