/*
 * Carries out what standard input says, a line each, and looks after every line whether this process
 * is as it was before:
 *
 *     call CODE METHOD REQUEST    calls, with the secrets there are, and compares the code's name
 *     says WORDS                  the last reply has these words
 *     password NAME               has the password as the secret of NAME
 *     password-by-descriptor NAME the same, read from a pipe
 *     forget                      frees the secrets: the password is nowhere in memory any more
 *     fork                        goes on in a child process, and when that succeeded in this one
 *     ignore-sigchld              has the kernel throw away how children end
 *     close-standard-descriptors  as some daemons do
 *     #                           nothing
 */
#define _POSIX_C_SOURCE 200809L

#include <smbgw.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "password.h"
#include "process.h"

static struct smbgw_secrets *secrets;
static char *reply;
static int output = STDOUT_FILENO;

static void call(char *line)
{
    char *code = strtok(line, " ");
    char *method = strtok(NULL, " ");
    char *request = strtok(NULL, "");
    int got;
    CHECK(request != NULL);
    smbgw_string_free(reply);
    reply = NULL;
    errno = EXDEV;
    got = smbgw_call_with_secrets(method, request, secrets, 0, &reply);
    CHECK(errno == EXDEV);
    CHECK((reply != NULL) == (got < 64));
    if (strcmp(smbgw_error_name(got), code) != 0) {
        fprintf(stderr, "%s %s: %s, not %s: %s\n", method, request, smbgw_error_name(got), code,
                reply ? reply : "");
        exit(1);
    }
    if (secrets && reply) {
        unsigned char plain[PASSWORD_LENGTH + 1] = {0};
        write_password(plain);
        CHECK(strstr(reply, (const char *)plain) == NULL);
        wipe(plain, sizeof plain);
    }
}

static void password(const char *name, int by_descriptor)
{
    unsigned char plain[PASSWORD_LENGTH + 1];
    int ends[2];
    if (!secrets)
        CHECK(smbgw_secrets_new(&secrets) == SMBGW_OK);
    write_password(plain);
    plain[PASSWORD_LENGTH] = '\n';
    if (by_descriptor) {
        CHECK(pipe(ends) == 0);
        CHECK(write(ends[1], plain, sizeof plain) == (ssize_t)sizeof plain);
        CHECK(close(ends[1]) == 0);
        CHECK(smbgw_secrets_add_fd(secrets, name, ends[0]) == SMBGW_OK);
        CHECK(close(ends[0]) == 0);
    } else {
        CHECK(smbgw_secrets_add(secrets, name, plain, PASSWORD_LENGTH) == SMBGW_OK);
    }
    wipe(plain, sizeof plain);
    /* So the search finds what there is, and this is the only place of it. */
    CHECK(copies_of_password() == 1);
}

static void forget(void)
{
    CHECK(copies_of_password() == 1);
    smbgw_secrets_free(secrets);
    secrets = NULL;
    CHECK(copies_of_password() == 0);
}

static void carry_out(char *lines);

/* Gives the lines that follow to a child first, and then to this process. */
static void in_a_child_first(char *rest)
{
    char *again = strdup(rest);
    char done = 0;
    int ends[2];
    pid_t child;
    CHECK(again != NULL);
    CHECK(pipe(ends) == 0);
    CHECK((child = fork()) >= 0);
    if (child == 0) {
        close(ends[0]);
        carry_out(again);
        /* How it ends may be thrown away, so it says that it got here. */
        CHECK(write(ends[1], "!", 1) == 1);
        _exit(0);
    }
    close(ends[1]);
    CHECK(read(ends[0], &done, 1) == 1 && done == '!');
    close(ends[0]);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
    free(again);
}

static void carry_out(char *lines)
{
    char *line, *next;
    for (line = lines; line && *line; line = next) {
        char *before, *after, *copy, *rest;
        int known;
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        if (strcmp(line, "fork") == 0) {
            if (next)
                in_a_child_first(next);
            continue;
        }
        if (strcmp(line, "ignore-sigchld") == 0) {
            CHECK(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
            continue;
        }
        if (strcmp(line, "close-standard-descriptors") == 0) {
            output = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 100);
            CHECK(output >= 100);
            /* The C library lets its streams be replaced. */
            stderr = fdopen(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 100), "w");
            CHECK(stderr != NULL);
            CHECK(close(STDIN_FILENO) == 0 && close(STDOUT_FILENO) == 0);
            CHECK(close(STDERR_FILENO) == 0);
            continue;
        }
        copy = strdup(line);
        CHECK(copy != NULL);
        before = picture_of_process();
        rest = strchr(line, ' ');
        rest = rest ? rest + 1 : line + strlen(line);
        known = 1;
        if (strncmp(line, "call ", 5) == 0)
            call(rest);
        else if (strncmp(line, "says ", 5) == 0)
            CHECK(reply && strstr(reply, rest));
        else if (strncmp(line, "password ", 9) == 0)
            password(rest, 0);
        else if (strncmp(line, "password-by-descriptor ", 23) == 0)
            password(rest, 1);
        else if (strcmp(line, "forget") == 0)
            forget();
        else
            known = *line == '#' || *line == '\0';
        if (!known) {
            fprintf(stderr, "not understood: %s\n", line);
            exit(1);
        }
        after = picture_of_process();
        same_picture(copy, before, after);
        free(before);
        free(after);
        free(copy);
    }
}

int main(void)
{
    static char script[1 << 20];
    size_t length = fread(script, 1, sizeof script - 1, stdin);
    CHECK(length > 0 && length < sizeof script - 1);
    script[length] = '\0';
    carry_out(script);
    smbgw_string_free(reply);
    smbgw_secrets_free(secrets);
    CHECK(write(output, "all as expected\n", 16) == 16);
    return 0;
}
