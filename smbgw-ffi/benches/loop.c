/*
 * Prints what calls cost from C, a line each: the name, and the nanoseconds of one call, the median of
 * many rounds.
 *
 *     loop DIRECTORY      an empty directory, which stands for the root of an image
 */
#define _POSIX_C_SOURCE 200809L

#include <smbgw.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Short ones, so that another process is seldom scheduled in the middle. */
enum { ROUNDS = 501 };

static char list[600];
static const char *directory;

static int version(void)
{
    return smbgw_abi_version() == SMBGW_ABI_VERSION;
}

/* All that the boundary does before and after a call, and no call. */
static int boundary(void)
{
    char *reply;
    return smbgw_call("library.methods", NULL, 0, &reply) == SMBGW_NULL_ARGUMENT;
}

static int call(const char *method, const char *request, int expected)
{
    char *reply;
    int code = smbgw_call(method, request, 0, &reply);
    smbgw_string_free(reply);
    return code == expected;
}

/* Looked up, answered and freed. */
static int trivial(void)
{
    return call("no.such", "{}", SMBGW_INVALID);
}

static int methods(void)
{
    return call("library.methods", "{}", SMBGW_OK);
}

static int shares(void)
{
    return call("share.list", list, SMBGW_OK);
}

static int usage(void)
{
    struct smbgw_quota_usage usage;
    usage.size = sizeof usage;
    return smbgw_quota_usage(directory, 0, &usage) == SMBGW_OK;
}

static int larger(const void *one, const void *other)
{
    double difference = *(const double *)one - *(const double *)other;
    return (difference > 0) - (difference < 0);
}

static void measure(const char *name, int (*once)(void), int times)
{
    double rounds[ROUNDS];
    int round, time;
    for (round = 0; round < ROUNDS; round++) {
        struct timespec start, end;
        clock_gettime(CLOCK_MONOTONIC, &start);
        for (time = 0; time < times; time++)
            if (!once()) {
                fprintf(stderr, "%s did not do what it should\n", name);
                exit(1);
            }
        clock_gettime(CLOCK_MONOTONIC, &end);
        rounds[round] =
            ((end.tv_sec - start.tv_sec) * 1e9 + (end.tv_nsec - start.tv_nsec)) / times;
    }
    qsort(rounds, ROUNDS, sizeof *rounds, larger);
    printf("%s %.0f\n", name, rounds[ROUNDS / 2]);
}

int main(int count, char **arguments)
{
    if (count != 2)
        return 2;
    directory = arguments[1];
    snprintf(list, sizeof list, "{\"root\":\"%s\"}", directory);
    measure("smbgw_abi_version", version, 10000);
    measure("boundary", boundary, 100);
    measure("no.such", trivial, 50);
    measure("library.methods", methods, 5);
    measure("share.list", shares, 50);
    measure("smbgw_quota_usage", usage, 2);
    return 0;
}
