/*
 * 100,000 calls, and the memory stays as large as after the first ones.
 *
 *     memory DIRECTORY      an empty directory, which stands for the root of an image
 */
#include <smbgw.h>

#include <string.h>

#include "check.h"
#include "process.h"

static char list[600], missing[600];

static void five_calls(void)
{
    struct smbgw_secrets *secrets;
    char *reply = NULL;
    CHECK(smbgw_secrets_new(&secrets) == SMBGW_OK);
    CHECK(smbgw_secrets_add(secrets, "alice", (const uint8_t *)"pw", 2) == SMBGW_OK);
    CHECK(smbgw_call_with_secrets("share.list", list, secrets, 0, &reply) == SMBGW_OK);
    smbgw_string_free(reply);
    CHECK(smbgw_call("share.status", missing, 0, &reply) == SMBGW_NOT_FOUND);
    smbgw_string_free(reply);
    CHECK(smbgw_call("share.create", "{\"name\":[", 0, &reply) == SMBGW_INVALID);
    smbgw_string_free(reply);
    CHECK(smbgw_call("share.list", "\xff", 0, &reply) == SMBGW_NOT_UTF8);
    smbgw_secrets_free(secrets);
}

int main(int count, char **arguments)
{
    long before, after;
    int times;
    CHECK(count == 2);
    snprintf(list, sizeof list, "{\"root\":\"%s\"}", arguments[1]);
    snprintf(missing, sizeof missing, "{\"root\":\"%s\",\"name\":\"media\"}", arguments[1]);
    for (times = 0; times < 1000; times++)
        five_calls();
    resident_kib();
    before = resident_kib();
    for (times = 0; times < 20000; times++)
        five_calls();
    after = resident_kib();
    printf("%ld KiB before, %ld KiB after 100,000 calls\n", before, after);
    /* One byte that is left by each call would be 97 KiB. */
    CHECK(after - before <= 64);
    return 0;
}
