/*
 * Configurations whose tunnels are named by a letter each, for tests of the
 * frontend.
 */
#ifndef GW_LETTERS_H
#define GW_LETTERS_H

/* these, and no others, are the tunnels from now on */
void	 letters_configure(const char *letters);

#endif
