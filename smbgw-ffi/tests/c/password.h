/* A password that stands nowhere in this program, and the search for it in the memory of it. */
#ifndef PASSWORD_H
#define PASSWORD_H

#include <stddef.h>

enum { PASSWORD_LENGTH = 24 };

/* Writes it to `place`, without a NUL. */
void write_password(unsigned char *place);

/* Overwrites `length` bytes for good. */
void wipe(unsigned char *place, size_t length);

/* How many times it is in the writable memory of this process. */
size_t copies_of_password(void);

#endif
