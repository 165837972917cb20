/*
 * gatewayd: reads the arguments and becomes the parent, or, re-executed by
 * the parent, one of its children.  Nothing is dropped here: each X_main()
 * begins with that.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "gatewayd.h"
#include "log.h"
#include "util.h"
#include "proc.h"

static void __attribute__((noreturn))
usage(void)
{
	fprintf(stderr,
	    "usage: gatewayd [-dfnVv] [-c file]\n"
	    "  -c file  configuration (default: %s)\n"
	    "  -d       stay in the foreground and log what is being done\n"
	    "  -f       stay in the foreground\n"
	    "  -n       check the configuration and exit; -nv prints it\n"
	    "  -V       print the version\n", GW_CONF_FILE);
	exit(2);
}

static void
print_line(void *arg, enum log_level level, const char *line)
{
	fprintf(stderr, "%s\n", line);
}

static int
check(const char *file, int verbose)
{
	struct gw_conf	*conf;

	/* only root can tell whose the secrets are */
	conf = conf_parse(file, geteuid() == 0, print_line, NULL);
	if (conf == NULL)
		return (1);
	if (verbose && conf_print(conf, stdout) == -1) {
		perror("stdout");
		return (1);
	}
	if (!verbose)
		fprintf(stderr, "%s: configuration ok\n", file);
	conf_free(conf);
	return (0);
}

static void __attribute__((noreturn))
child_main(int argc, char *argv[])
{
	static void (*const mains[PROC_COUNT])(const struct proc_args *) = {
		[PROC_ENGINE] = engine_main,
		[PROC_FRONTEND] = frontend_main,
		[PROC_PROBER] = prober_main,
		[PROC_ENCAP] = encap_main,
		[PROC_RESOLVER] = resolver_main,
		[PROC_LAUNCHER] = launcher_main,
		[PROC_DOCTOR] = doctor_main,
		[PROC_RELAY] = relay_main,
	};
	struct proc_args	 args;

	if (proc_parse_args(argc, argv, &args) == -1)
		usage();
	mains[args.proc](&args);
	abort();
}

int
main(int argc, char *argv[])
{
	struct parent_args	 args = { .file = GW_CONF_FILE };
	int			 ch, nflag = 0, vflag = 0;

	if (argc > 1 && strcmp(argv[1], "-T") == 0)
		child_main(argc, argv);
	open_stdio();
	while ((ch = getopt(argc, argv, "c:dfnVv")) != -1) {
		switch (ch) {
		case 'c':
			args.file = optarg;
			break;
		case 'd':
			args.debug = args.foreground = 1;
			break;
		case 'f':
			args.foreground = 1;
			break;
		case 'n':
			nflag = 1;
			break;
		case 'V':
			printf("gatewayd %s\n", GW_VERSION);
			return (0);
		case 'v':
			vflag = 1;
			break;
		default:
			usage();
		}
	}
	if (argc != optind || (vflag && !nflag))
		usage();
	if (nflag)
		return (check(args.file, vflag));
	args.conf = conf_parse(args.file, 1, print_line, NULL);
	if (args.conf == NULL)
		return (1);
	parent_main(&args);
}
