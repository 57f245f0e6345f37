/* The numbers, sizes and offsets that programs have compiled in. None of them may change. */
#include <smbgw.h>

_Static_assert(SMBGW_ABI_VERSION >= 1, "it only grows");

_Static_assert(SMBGW_OK == 0, "code");
_Static_assert(SMBGW_FAILED == 1, "code");
_Static_assert(SMBGW_INVALID == 2, "code");
_Static_assert(SMBGW_NOT_FOUND == 3, "code");
_Static_assert(SMBGW_CONFLICT == 4, "code");
_Static_assert(SMBGW_UNSUPPORTED == 5, "code");
_Static_assert(SMBGW_ROLLED_BACK == 6, "code");
_Static_assert(SMBGW_NEEDS_ATTENTION == 7, "code");
_Static_assert(SMBGW_NULL_ARGUMENT == 64, "code");
_Static_assert(SMBGW_NOT_UTF8 == 65, "code");
_Static_assert(SMBGW_TOO_LARGE == 66, "code");
_Static_assert(SMBGW_INTERNAL == 67, "code");

_Static_assert(SMBGW_NONE == UINT64_MAX, "constant");
_Static_assert(SMBGW_LONGEST_TEXT == 1048576, "constant");
_Static_assert(SMBGW_LONGEST_NAME == 256, "constant");
_Static_assert(SMBGW_LONGEST_SECRET == 4096, "constant");
_Static_assert(SMBGW_MOST_SECRETS == 1024, "constant");

/* It may become longer. */
_Static_assert(sizeof(struct smbgw_quota_usage) >= 56, "size");
_Static_assert(offsetof(struct smbgw_quota_usage, size) == 0, "offset");
_Static_assert(offsetof(struct smbgw_quota_usage, used) == 8, "offset");
_Static_assert(offsetof(struct smbgw_quota_usage, available) == 16, "offset");
_Static_assert(offsetof(struct smbgw_quota_usage, limit) == 24, "offset");
_Static_assert(offsetof(struct smbgw_quota_usage, inodes) == 32, "offset");
_Static_assert(offsetof(struct smbgw_quota_usage, inode_limit) == 40, "offset");
_Static_assert(offsetof(struct smbgw_quota_usage, total) == 48, "offset");

/* The functions with their types. */
const char *(*const version)(void) = smbgw_version;
uint32_t (*const abi_version)(void) = smbgw_abi_version;
const char *(*const error_name)(int) = smbgw_error_name;
const char *(*const error_message)(int) = smbgw_error_message;
int (*const call)(const char *, const char *, uint64_t, char **) = smbgw_call;
int (*const call_with_secrets)(const char *, const char *, const struct smbgw_secrets *, uint64_t,
                               char **) = smbgw_call_with_secrets;
void (*const string_free)(char *) = smbgw_string_free;
int (*const secrets_new)(struct smbgw_secrets **) = smbgw_secrets_new;
int (*const secrets_add)(struct smbgw_secrets *, const char *, const uint8_t *,
                         size_t) = smbgw_secrets_add;
int (*const secrets_add_fd)(struct smbgw_secrets *, const char *, int) = smbgw_secrets_add_fd;
void (*const secrets_free)(struct smbgw_secrets *) = smbgw_secrets_free;
int (*const quota_usage)(const char *, uint64_t, struct smbgw_quota_usage *) = smbgw_quota_usage;

int main(void)
{
    return 0;
}
