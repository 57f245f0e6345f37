/*
 * Loads and unloads the library again and again, as programs do that call it by its name; in threads,
 * too, which end when it is gone.
 *
 *     loaded LIBRARY
 */
#define _POSIX_C_SOURCE 200809L

#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "check.h"

static const char *path;

/* ISO C has no cast from an object's address to a function's. */
static void find(void *library, const char *name, void *function)
{
    void *found = dlsym(library, name);
    CHECK(found != NULL);
    memcpy(function, &found, sizeof found);
}

static void *load_and_call(void *argument)
{
    int (*call)(const char *, const char *, uint64_t, char **);
    void (*string_free)(char *);
    char *reply = NULL;
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    find(library, "smbgw_call", &call);
    find(library, "smbgw_string_free", &string_free);
    CHECK(call("share.status", "{\"root\":\"/nowhere/at/all\",\"name\":\"media\"}", 0, &reply) < 64);
    string_free(reply);
    CHECK(call("library.methods", "{}", 0, &reply) == 0);
    string_free(reply);
    CHECK(dlclose(library) == 0);
    return argument;
}

int main(int count, char **arguments)
{
    int times;
    CHECK(count == 2);
    path = arguments[1];
    for (times = 0; times < 20; times++) {
        pthread_t thread;
        load_and_call(NULL);
        CHECK(pthread_create(&thread, NULL, load_and_call, NULL) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
    }
    puts("all as expected");
    return 0;
}
