/*
 * Many threads at once, with small stacks.
 *
 *     threads DIRECTORY      an empty directory, which stands for the root of an image
 */
#define _XOPEN_SOURCE 700

#include <smbgw.h>

#include <pthread.h>
#include <string.h>

#include "check.h"

enum { THREADS = 8, CALLS = 100, STACK = 256 * 1024 };

static char list[600], missing[600];

static void *work(void *argument)
{
    int number;
    for (number = 0; number < CALLS; number++) {
        struct smbgw_secrets *secrets;
        char *reply = NULL;
        CHECK(smbgw_secrets_new(&secrets) == SMBGW_OK);
        CHECK(smbgw_secrets_add(secrets, "alice", (const uint8_t *)"pw", 2) == SMBGW_OK);
        CHECK(smbgw_call("library.methods", "{}", 0, &reply) == SMBGW_OK);
        smbgw_string_free(reply);
        CHECK(smbgw_call_with_secrets("share.list", list, secrets, 0, &reply) == SMBGW_OK);
        smbgw_string_free(reply);
        CHECK(smbgw_call("share.status", missing, 0, &reply) == SMBGW_NOT_FOUND);
        CHECK(strstr(reply, "media") != NULL);
        smbgw_string_free(reply);
        smbgw_secrets_free(secrets);
    }
    return argument;
}

int main(int count, char **arguments)
{
    pthread_t threads[THREADS];
    pthread_attr_t attributes;
    int number;
    CHECK(count == 2);
    snprintf(list, sizeof list, "{\"root\":\"%s\"}", arguments[1]);
    snprintf(missing, sizeof missing, "{\"root\":\"%s\",\"name\":\"media\"}", arguments[1]);
    CHECK(pthread_attr_init(&attributes) == 0);
    CHECK(pthread_attr_setstacksize(&attributes, STACK) == 0);
    for (number = 0; number < THREADS; number++)
        CHECK(pthread_create(&threads[number], &attributes, work, list) == 0);
    for (number = 0; number < THREADS; number++) {
        void *result;
        CHECK(pthread_join(threads[number], &result) == 0);
        CHECK(result == list);
    }
    CHECK(pthread_attr_destroy(&attributes) == 0);
    puts("all as expected");
    return 0;
}
