/*
 * smbgw: SMB shares whose size the kernel limits.
 *
 * Link with -lsmbgw (pkg-config smbgw). The manual is docs/abi.md; in short:
 *
 *   - Texts are UTF-8 and end with a NUL. What goes in stays the caller's. What comes out has to be
 *     freed with the function that its description names.
 *   - Functions that return int return a code of enum smbgw_code, and write outputs only where its
 *     description says so.
 *   - Any thread may call at any time, also in a process that was forked. Nothing is left running
 *     or open after a call, and nothing of the process is changed. Not for signal handlers.
 *   - Amounts are bytes, times are milliseconds.
 *
 * SPDX-License-Identifier: AGPL-3.0-or-later
 */


#ifndef SMBGW_H
#define SMBGW_H

/* Made from the source by tests/abi_header.rs: not for editing. */

#include <stddef.h>
#include <stdint.h>

/**
 * The version of the interface that this header describes; it grows by one with each addition.
 */
#define SMBGW_ABI_VERSION 1

/**
 * The longest text that a function takes, in bytes without the NUL. Longer ones are refused.
 */
#define SMBGW_LONGEST_TEXT 1048576

/**
 * The longest name of a method or a secret, in bytes without the NUL.
 */
#define SMBGW_LONGEST_NAME 256

/**
 * Stands for a limit that there is not, and for a number that the file system does not count.
 */
#define SMBGW_NONE UINT64_MAX

/**
 * The longest secret, in bytes.
 */
#define SMBGW_LONGEST_SECRET 4096

/**
 * How many secrets one set holds at most.
 */
#define SMBGW_MOST_SECRETS 1024

/**
 * What functions return. The numbers and names stay the same over versions; new ones may come.
 *
 * From 1 to 63 the operation was asked for and did not succeed; where the function has a reply, it
 * says why. From 64 on the call itself was not possible, and nothing was written.
 */
enum smbgw_code {
    /**
     * Done.
     */
    SMBGW_OK = 0,
    /**
     * It could not be tried, or failed, for a reason that has no number of its own.
     */
    SMBGW_FAILED = 1,
    /**
     * The request is wrong; nothing was touched.
     */
    SMBGW_INVALID = 2,
    /**
     * What the request names is not there.
     */
    SMBGW_NOT_FOUND = 3,
    /**
     * The request collides with what is there or under way; nothing was touched.
     */
    SMBGW_CONFLICT = 4,
    /**
     * The machine is not ready for this; nothing was touched.
     */
    SMBGW_UNSUPPORTED = 5,
    /**
     * It failed, and the machine is as it was before.
     */
    SMBGW_ROLLED_BACK = 6,
    /**
     * It failed, and something is left to clean up.
     */
    SMBGW_NEEDS_ATTENTION = 7,
    /**
     * An argument is NULL that must not be.
     */
    SMBGW_NULL_ARGUMENT = 64,
    /**
     * A text is not UTF-8.
     */
    SMBGW_NOT_UTF8 = 65,
    /**
     * An argument is larger than it may be.
     */
    SMBGW_TOO_LARGE = 66,
    /**
     * The library has an error of its own, or no memory for the reply. What was begun is finished or
     * undone by `share.recover`, or by the next method that changes the share.
     */
    SMBGW_INTERNAL = 67,
};

/**
 * Secrets by name. They are wiped when they are replaced or freed.
 */
struct smbgw_secrets;

/**
 * Usage and limit of a directory. All amounts are bytes.
 *
 * Later versions have more fields at the end; `size` says for which ones the caller has room.
 */
struct smbgw_quota_usage {
    /**
     * Before: `sizeof(struct smbgw_quota_usage)`. After: how many bytes of the structure are filled
     * in, which are fewer where the library is older than the header.
     */
    uint64_t size;
    /**
     * What counts against the limit; without a limit, what is used of the file system.
     */
    uint64_t used;
    /**
     * What can still be written: the rest of the limit, or of the file system where that is less.
     */
    uint64_t available;
    /**
     * The limit, or `SMBGW_NONE`.
     */
    uint64_t limit;
    /**
     * Files and directories that count against the limit, or `SMBGW_NONE`.
     */
    uint64_t inodes;
    /**
     * The limit on them, or `SMBGW_NONE`.
     */
    uint64_t inode_limit;
    /**
     * What users of the directory see as its size: the limit, or the size of the file system where
     * that is smaller or there is no limit.
     */
    uint64_t total;
};

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The version of the library, such as `0.1.0`. The text is static: it is not freed.
 */
const char *smbgw_version(void);

/**
 * The version of the interface that the library has: what SMBGW_ABI_VERSION was at its build.
 *
 * A program that needs what came with a later version than this tells its user to install a newer
 * library.
 */
uint32_t smbgw_abi_version(void);

/**
 * The name of what a function returned, such as `not-found`; `unknown` for other numbers. The text
 * is static: it is not freed.
 */
const char *smbgw_error_name(int code);

/**
 * What it means that a function returned `code`, as a sentence. The text is static: it is not freed.
 */
const char *smbgw_error_message(int code);

/**
 * Calls `method` with the JSON object `request_json` (`"{}"` where it needs nothing). It has at most
 * `timeout_ms` milliseconds; 0 stands for a minute, more than a day for a day.
 *
 * Where it returns less than 64, a JSON document is at `*reply_json`, which the caller frees with
 * smbgw_string_free: after 0 the result, else what went wrong. From 64
 * on, nothing is written.
 *
 * Required of the caller:
 * `method` and `request_json` are NULL or end with a NUL; `reply_json` is NULL or can be written to.
 */
int smbgw_call(const char *method,
               const char *request_json,
               uint64_t timeout_ms,
               char **reply_json);

/**
 * Calls `method` as smbgw_call does, with passwords for it. `secrets` may be NULL, and stays the
 * caller's.
 *
 * Required of the caller:
 * As for smbgw_call; `secrets` is NULL or from smbgw_secrets_new, and no other thread adds to
 * it or frees it meanwhile.
 */
int smbgw_call_with_secrets(const char *method,
                            const char *request_json,
                            const struct smbgw_secrets *secrets,
                            uint64_t timeout_ms,
                            char **reply_json);

/**
 * Frees a text that `smbgw_call` or `smbgw_call_with_secrets` wrote. NULL is fine.
 *
 * Required of the caller:
 * `text` is NULL, or from one of these functions and not freed yet.
 */
void smbgw_string_free(char *text);

/**
 * Writes usage and limit of the directory `path`, which begins with `/`, to `*usage`, where `size` is
 * set. It takes microseconds on ext4, XFS and btrfs, and one run of the `zfs` command on ZFS;
 * `timeout_ms` is as for smbgw_call.
 *
 * The limit is that of the project the directory belongs to (ext4, XFS: only root may ask), or of the
 * dataset or subvolume it is in. A limit that is not enforced is none. Nothing is written out before:
 * on ZFS and btrfs, the numbers may be some seconds old. Writes only where it returns 0.
 *
 * Required of the caller:
 * `path` is NULL or ends with a NUL; `usage` is NULL, or can be read and written as far as its `size`
 * says.
 */
int smbgw_quota_usage(const char *path,
                      uint64_t timeout_ms,
                      struct smbgw_quota_usage *usage);

/**
 * Writes a new, empty set of secrets to `*secrets`, which the caller frees with
 * smbgw_secrets_free.
 *
 * Required of the caller:
 * `secrets` is NULL or can be written to.
 */
int smbgw_secrets_new(struct smbgw_secrets **secrets);

/**
 * Adds the `length` bytes at `bytes` as the secret called `name`, in the place of one that has this
 * name. The bytes are copied; the caller wipes its own.
 *
 * A secret may have any bytes; which ones a password can have, the method says that gets it. Returns
 * `SMBGW_INVALID` for an empty name.
 *
 * Required of the caller:
 * `secrets` is NULL or from smbgw_secrets_new, and no other thread uses it meanwhile; `name` is
 * NULL or ends with a NUL; `bytes` is NULL or has `length` bytes.
 */
int smbgw_secrets_add(struct smbgw_secrets *secrets,
                      const char *name,
                      const uint8_t *bytes,
                      size_t length);

/**
 * Adds what can be read from the descriptor `fd` up to its end as the secret called `name`; one line
 * break at its end is left out. The descriptor stays open and the caller's.
 *
 * Waits for the end for at most a minute. Returns `SMBGW_INVALID` for an empty name or a number that
 * is no descriptor open for reading, and `SMBGW_FAILED` where reading fails or does not end in time.
 *
 * Required of the caller:
 * `secrets` is NULL or from smbgw_secrets_new, and no other thread uses it meanwhile; `name` is
 * NULL or ends with a NUL; no other thread closes `fd` meanwhile.
 */
int smbgw_secrets_add_fd(struct smbgw_secrets *secrets,
                         const char *name,
                         int fd);

/**
 * Wipes and frees secrets. NULL is fine.
 *
 * Required of the caller:
 * `secrets` is NULL, or from smbgw_secrets_new and not freed yet.
 */
void smbgw_secrets_free(struct smbgw_secrets *secrets);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SMBGW_H */
