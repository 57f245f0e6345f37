/* Signals and cancellation while a call waits. */
#define _XOPEN_SOURCE 700

#include <smbgw.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

static volatile sig_atomic_t pipes, alarms;

static void count(int number)
{
    if (number == SIGPIPE)
        pipes++;
    else
        alarms++;
}

static void handle(int number)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = count;
    /* No SA_RESTART: system calls of the library are interrupted. */
    CHECK(sigaction(number, &action, NULL) == 0);
}

static void pause_for(long milliseconds)
{
    struct timespec time = {0, milliseconds * 1000000};
    nanosleep(&time, NULL);
}

/*
 * Has a child send `number` to this process, and only then the secret that a call in this process
 * waits for.
 */
static void signalled_while_waiting(int number)
{
    struct smbgw_secrets *secrets;
    int ends[2];
    pid_t child;
    CHECK(smbgw_secrets_new(&secrets) == SMBGW_OK);
    CHECK(pipe(ends) == 0);
    CHECK((child = fork()) >= 0);
    if (child == 0) {
        int times;
        for (times = 0; times < 3; times++) {
            pause_for(30);
            kill(getppid(), number);
        }
        _exit(write(ends[1], "pw", 2) == 2 ? 0 : 1);
    }
    CHECK(close(ends[1]) == 0);
    errno = 0;
    CHECK(smbgw_secrets_add_fd(secrets, "alice", ends[0]) == SMBGW_OK);
    CHECK(errno == 0);
    CHECK(close(ends[0]) == 0);
    CHECK(waitpid(child, NULL, 0) == child);
    smbgw_secrets_free(secrets);
}

static void *cancelled(void *argument)
{
    char *reply = NULL;
    int *steps = argument;
    CHECK(pthread_cancel(pthread_self()) == 0);
    /* Opening and reading files are points at which a thread is cancelled. */
    CHECK(smbgw_call("share.list", "{\"root\":\"/nowhere/at/all\"}", 0, &reply) < 64);
    smbgw_string_free(reply);
    *steps = 1;
    pthread_testcancel();
    *steps = 2;
    return NULL;
}

int main(void)
{
    pthread_t thread;
    void *result;
    int steps = 0;
    sigset_t all, now, pending;

    handle(SIGPIPE);
    handle(SIGALRM);
    signalled_while_waiting(SIGALRM);
    CHECK(alarms >= 1 && pipes == 0);
    /* What somebody else sends reaches the process all the same. */
    signalled_while_waiting(SIGPIPE);
    CHECK(pipes >= 1);

    /* A caller that blocks all signals. */
    CHECK(sigfillset(&all) == 0);
    CHECK(pthread_sigmask(SIG_BLOCK, &all, NULL) == 0);
    pipes = 0;
    signalled_while_waiting(SIGPIPE);
    CHECK(sigpending(&pending) == 0);
    CHECK(sigismember(&pending, SIGPIPE) == 1);
    CHECK(pthread_sigmask(SIG_UNBLOCK, &all, &now) == 0);
    CHECK(sigismember(&now, SIGPIPE) == 1 && sigismember(&now, SIGTERM) == 1);
    CHECK(pipes == 1);

    CHECK(pthread_create(&thread, NULL, cancelled, &steps) == 0);
    CHECK(pthread_join(thread, &result) == 0);
    CHECK(result == PTHREAD_CANCELED && steps == 1);
    puts("all as expected");
    return 0;
}
