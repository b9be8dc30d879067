/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 0. Error texts. Parsers return `char *`: NULL, or what was wrong, the caller's to free.
 * Thread-safety: any thread. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H 1

#include "base/compiler.h"

/* The stream ended where more was expected: stands where an errno stands, and collides with none. */
#define ERROR_EOF (-1)

/* An errno in words; ERROR_EOF is "End of file", 0 "Success". Static memory. */
const char *error_text(int error);
/* "CONTEXT: INNER"; frees INNER. NULL stays NULL. */
char *error_prefix(char *inner, const char *format, ...) PRINTF_FORMAT(2, 3) WARN_UNUSED;

/* "PROGRAM: TEXT" on standard error and exit status 1: for what a command line or a start-up cannot get over.
 * PROGRAM is the name given to error_set_program(), log_program() before. */
void error_set_program(const char *name);
void error_fatal(const char *format, ...) PRINTF_FORMAT(1, 2) NO_RETURN;

#endif
