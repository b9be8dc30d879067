/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 0. Command-line options from tables. A program is a few tables (its own, the daemon's, logging's,
 * TLS's), each with the function that takes its options; parsing and --help are driven by them. As GNU's
 * getopt_long(): options and other arguments may be mixed, "--" ends them, long names may be cut short where
 * that is clear,
 * "--name=ARG" or "--name ARG", "-xARG" or "-x ARG", "-xyz". The error texts are getopt's, which people know.
 * Thread-safety: any thread (nothing static is written). */
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H 1

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

enum option_arg {
    OPTION_NO_ARG,
    OPTION_ARG_REQUIRED,
    OPTION_ARG_OPTIONAL
}; /* optional: "--name=ARG", "-xARG" only */

struct option_def {
    const char *name; /* long name without "--", NULL for none */
    char letter;      /* 0 for none */
    enum option_arg arg;
    const char *arg_name; /* for --help: "FILE" */
    const char *help;     /* for --help, one line or several with \n; NULL: not shown */
    int id;               /* the group's own */
};

struct option_group {
    const char *title; /* for --help, "Daemon options:"; NULL for none */
    const struct option_def *defs;
    size_t n;
    /* Takes one option; ARG is NULL if none was given. Returns NULL, or what is wrong with it. */
    char *(*take)(const struct option_def *, const char *arg, void *aux);
    void *aux;
};

struct options {
    const struct option_group *groups;
    size_t n_groups;
    bool stop_at_argument; /* the first argument that is no option ends the options (as "+" of getopt) */
};

/* Takes the options of ARGV (ARGV[0] is the program) and leaves the other arguments, in order, in ARGV from
 * *FIRST on (the options are moved before them). Returns NULL or an error without the program's name. */
char *options_parse(const struct options *, int argc, char **argv, int *first) WARN_UNUSED;

/* The groups' options for --help, the caller's to free. */
char *options_help(const struct options *);

#endif
