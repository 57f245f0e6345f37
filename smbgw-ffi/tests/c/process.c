#define _POSIX_C_SOURCE 200809L

#include "process.h"

#include <dirent.h>
#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

extern char **environ;

/* Adds the lines of /proc/self/status that begin with one of `words`. */
static void add_status(FILE *text, const char *const *words, size_t count)
{
    char line[1024];
    size_t index;
    FILE *status = fopen("/proc/self/status", "re");
    CHECK(status != NULL);
    while (fgets(line, sizeof line, status))
        for (index = 0; index < count; index++) {
            char name[7];
            unsigned long long signals;
            if (strncmp(line, words[index], strlen(words[index])) != 0)
                continue;
            /* The C library keeps two signals for itself, and catches them once a thread was made
             * (nptl(7)). */
            if (sscanf(line, "%6[SigCgtIn]: %llx", name, &signals) == 2)
                fprintf(text, "%s: %llx\n", name, signals & ~(3ULL << 31));
            else
                fputs(line, text);
        }
    fclose(status);
}

/* Adds the names in `folder` with what they link to. */
static void add_folder(FILE *text, const char *folder)
{
    char path[PATH_MAX], target[PATH_MAX];
    struct dirent **entries;
    int index;
    int count = scandir(folder, &entries, NULL, alphasort);
    CHECK(count >= 0);
    for (index = 0; index < count; index++) {
        ssize_t length;
        snprintf(path, sizeof path, "%s/%s", folder, entries[index]->d_name);
        length = readlink(path, target, sizeof target - 1);
        target[length < 0 ? 0 : length] = '\0';
        /*
         * What the listing itself needed is gone. Where a process has closed its standard
         * descriptors, SQLite takes them for /dev/null, so that nobody prints into a database.
         */
        if (length >= 0 && !(atoi(entries[index]->d_name) <= 2 && !strcmp(target, "/dev/null")))
            fprintf(text, "%s %s\n", path, target);
        free(entries[index]);
    }
    free(entries);
}

/* How many threads this process has. */
static int count_threads(void)
{
    struct dirent **entries;
    int index;
    int count = scandir("/proc/self/task", &entries, NULL, NULL);
    CHECK(count > 2);
    for (index = 0; index < count; index++)
        free(entries[index]);
    free(entries);
    return count - 2;
}

static void add_children(FILE *text)
{
    char path[64], line[1024];
    FILE *children;
    snprintf(path, sizeof path, "/proc/self/task/%ld/children", (long)getpid());
    children = fopen(path, "re");
    CHECK(children != NULL);
    while (fgets(line, sizeof line, children))
        fprintf(text, "children %s\n", line);
    fclose(children);
}

/*
 * A thread that was joined may be counted for a moment longer: the kernel tells the waiting one before
 * it takes the other one off its list (exit_mm and release_task in kernel/exit.c).
 */
static void wait_for_threads(void)
{
    const struct timespec pause = {0, 1000000};
    int left;
    for (left = 2000; left > 0 && count_threads() > 1; left--)
        nanosleep(&pause, NULL);
}

char *picture_of_process(void)
{
    static const char *const words[] = {"Umask",  "Uid",    "Gid",    "Groups", "Threads",
                                        "SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt",
                                        "Cap",    "NoNewPrivs", "Seccomp"};
    char folder[PATH_MAX];
    char **variable;
    char *content = NULL;
    size_t length = 0;
    FILE *text = open_memstream(&content, &length);
    CHECK(text != NULL);
    wait_for_threads();
    add_status(text, words, sizeof words / sizeof *words);
    add_folder(text, "/proc/self/fd");
    add_children(text);
    CHECK(getcwd(folder, sizeof folder) != NULL);
    fprintf(text, "in %s\n", folder);
    for (variable = environ; *variable; variable++)
        fprintf(text, "%p %s\n", (void *)*variable, *variable);
    fprintf(text, "locale %s\n", setlocale(LC_ALL, NULL));
    CHECK(fclose(text) == 0);
    return content;
}

/* Prints the lines of `one` that are not in `other`. */
static void show_missing(const char *mark, const char *one, const char *other)
{
    const char *line, *end;
    for (line = one; *line; line = end + 1) {
        char copy[8192];
        end = strchr(line, '\n');
        CHECK(end != NULL);
        snprintf(copy, sizeof copy, "%.*s", (int)(end - line + 1), line);
        if (!strstr(other, copy))
            fprintf(stderr, "%s %s", mark, copy);
    }
}

void same_picture(const char *what, const char *before, const char *after)
{
    if (strcmp(before, after) != 0) {
        fprintf(stderr, "this process is not as it was before: %s\n", what);
        show_missing("-", before, after);
        show_missing("+", after, before);
        exit(1);
    }
}

long resident_kib(void)
{
    char line[1024];
    long kib = -1;
    FILE *status = fopen("/proc/self/status", "re");
    CHECK(status != NULL);
    while (fgets(line, sizeof line, status))
        if (sscanf(line, "RssAnon: %ld", &kib) == 1)
            break;
    fclose(status);
    CHECK(kib > 0);
    return kib;
}
