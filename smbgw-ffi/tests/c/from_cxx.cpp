// The header in C++.
#include <smbgw.h>

#include <cstring>

int main()
{
    smbgw_secrets *secrets = nullptr;
    char *reply = nullptr;
    if (smbgw_secrets_new(&secrets) != SMBGW_OK)
        return 1;
    const int code = smbgw_call_with_secrets("library.methods", "{}", secrets, 0, &reply);
    smbgw_secrets_free(secrets);
    if (code != SMBGW_OK || std::strstr(reply, "share.create") == nullptr)
        return 1;
    smbgw_string_free(reply);
    // The function has the name of the structure.
    struct smbgw_quota_usage usage = {};
    usage.size = sizeof usage;
    if (smbgw_quota_usage(nullptr, 0, &usage) != SMBGW_NULL_ARGUMENT)
        return 1;
    return smbgw_abi_version() == SMBGW_ABI_VERSION ? 0 : 1;
}
