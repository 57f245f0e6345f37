/* What can be seen of this process from outside of its memory, as one text. */
#ifndef PROCESS_H
#define PROCESS_H

/*
 * Identity, umask, threads, signals, descriptors, children, working directory, environment and
 * locale. The text is freed by the caller.
 */
char *picture_of_process(void);

/* Ends the program, with both texts, unless they are the same. */
void same_picture(const char *what, const char *before, const char *after);

/* Resident memory that is no file, in KiB. */
long resident_kib(void);

#endif
