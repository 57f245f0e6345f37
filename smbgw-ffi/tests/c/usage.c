/*
 * Prints used, available, limit, inodes, limit of inodes and size of a directory, `none` for
 * SMBGW_NONE.
 *
 *     usage DIRECTORY
 */
#include <smbgw.h>

#include <inttypes.h>

#include "check.h"

static void show(uint64_t number)
{
    if (number == SMBGW_NONE)
        puts("none");
    else
        printf("%" PRIu64 "\n", number);
}

int main(int count, char **arguments)
{
    struct smbgw_quota_usage usage;
    CHECK(count == 2);
    usage.size = sizeof usage;
    CHECK(smbgw_quota_usage(arguments[1], 0, &usage) == SMBGW_OK);
    show(usage.used);
    show(usage.available);
    show(usage.limit);
    show(usage.inodes);
    show(usage.inode_limit);
    show(usage.total);
    return 0;
}
