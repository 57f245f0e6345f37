/*
 * Calls every function in every way that it can be called without a machine of its own, and frees
 * all it got: it runs under valgrind too.
 *
 *     client DIRECTORY      an empty directory, which stands for the root of an image
 */
#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L

#include <smbgw.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

/* Stands for an output that was not written. */
static char untouched[] = "untouched";

static const char *root;

/* Calls and compares the code; gives the reply, or NULL where none was written. */
static char *call(const char *method, const char *request, int expected)
{
    char *reply = untouched;
    int code = smbgw_call(method, request, 0, &reply);
    if (code != expected) {
        fprintf(stderr, "%s %.80s: %s, not %s: %s\n", method, request, smbgw_error_name(code),
                smbgw_error_name(expected), code < 64 ? reply : "");
        exit(1);
    }
    CHECK((reply == untouched) == (code >= 64));
    return reply == untouched ? NULL : reply;
}

/* Calls for an error document, and compares its code. */
static void refused(const char *method, const char *request, int expected, const char *dotted)
{
    char error[80], code[80];
    char *reply = call(method, request, expected);
    CHECK(reply != NULL);
    snprintf(error, sizeof error, "\"error\":\"%s\"", smbgw_error_name(expected));
    snprintf(code, sizeof code, "\"code\":\"%s\"", dotted);
    if (!strstr(reply, error) || !strstr(reply, code) || !strstr(reply, "\"message\":")) {
        fprintf(stderr, "%s %.80s: no %s in %s\n", method, request, code, reply);
        exit(1);
    }
    smbgw_string_free(reply);
}

static void versions(void)
{
    CHECK(smbgw_abi_version() == SMBGW_ABI_VERSION);
    CHECK(strcmp(smbgw_version(), EXPECTED_VERSION) == 0);
    CHECK(smbgw_version() == smbgw_version());
}

static void codes(void)
{
    static const int all[] = {SMBGW_OK,          SMBGW_FAILED,         SMBGW_INVALID,
                              SMBGW_NOT_FOUND,   SMBGW_CONFLICT,       SMBGW_UNSUPPORTED,
                              SMBGW_ROLLED_BACK, SMBGW_NEEDS_ATTENTION, SMBGW_NULL_ARGUMENT,
                              SMBGW_NOT_UTF8,    SMBGW_TOO_LARGE,      SMBGW_INTERNAL};
    static const int none[] = {-1, 8, 63, 68, 255, -2147483647 - 1, 2147483647};
    size_t one, other;
    for (one = 0; one < sizeof all / sizeof *all; one++) {
        CHECK(strcmp(smbgw_error_name(all[one]), "unknown") != 0);
        CHECK(strlen(smbgw_error_message(all[one])) > 0);
        for (other = 0; other < one; other++) {
            CHECK(strcmp(smbgw_error_name(all[one]), smbgw_error_name(all[other])) != 0);
            CHECK(strcmp(smbgw_error_message(all[one]), smbgw_error_message(all[other])) != 0);
        }
    }
    for (one = 0; one < sizeof none / sizeof *none; one++) {
        CHECK(strcmp(smbgw_error_name(none[one]), "unknown") == 0);
        CHECK(strlen(smbgw_error_message(none[one])) > 0);
    }
}

static char *filled(char byte, size_t length)
{
    char *text = malloc(length + 1);
    CHECK(text != NULL);
    memset(text, byte, length);
    text[length] = '\0';
    return text;
}

static void calls_that_cannot_be(void)
{
    char *large;
    char *reply = untouched;

    CHECK(smbgw_call("library.methods", "{}", 0, NULL) == SMBGW_NULL_ARGUMENT);
    CHECK(smbgw_call(NULL, NULL, 0, NULL) == SMBGW_NULL_ARGUMENT);
    CHECK(call(NULL, "{}", SMBGW_NULL_ARGUMENT) == NULL);
    CHECK(call("library.methods", NULL, SMBGW_NULL_ARGUMENT) == NULL);
    CHECK(call("\xff\xfe", "{}", SMBGW_NOT_UTF8) == NULL);
    CHECK(call("share.status", "{\"name\":\"\xc3\x28\"}", SMBGW_NOT_UTF8) == NULL);

    large = filled('m', SMBGW_LONGEST_NAME + 1);
    CHECK(call(large, "{}", SMBGW_TOO_LARGE) == NULL);
    large[SMBGW_LONGEST_NAME] = '\0';
    refused(large, "{}", SMBGW_INVALID, "call.unknown-method");
    free(large);

    large = filled(' ', SMBGW_LONGEST_TEXT + 1);
    CHECK(call("library.methods", large, SMBGW_TOO_LARGE) == NULL);
    large[0] = '{';
    large[SMBGW_LONGEST_TEXT - 1] = '}';
    large[SMBGW_LONGEST_TEXT] = '\0';
    smbgw_string_free(call("library.methods", large, SMBGW_OK));
    free(large);

    CHECK(smbgw_call_with_secrets(NULL, "{}", NULL, 0, &reply) == SMBGW_NULL_ARGUMENT);
    CHECK(smbgw_call_with_secrets("library.methods", "{}", NULL, 0, NULL) == SMBGW_NULL_ARGUMENT);
    CHECK(reply == untouched);
}

static void requests_that_are_none(void)
{
    static const char *const wrong[] = {
        "", " ", "{", "}", "[]", "null", "7", "\"text\"", "{} {}", "{]", "nonsense", "\x01",
        "{\"name\":1}", "{\"nmae\":\"media\"}", "{\"name\":\"a\",\"name\":\"b\"}",
        "{\"name\":\"\\ud800\"}", "{\"name\":1e999}",
    };
    char *deep;
    size_t index;
    for (index = 0; index < sizeof wrong / sizeof *wrong; index++)
        refused("share.status", wrong[index], SMBGW_INVALID, "call.not-a-request");

    deep = filled('[', 500000);
    refused("share.status", deep, SMBGW_INVALID, "call.not-a-request");
    refused("share.create", deep, SMBGW_INVALID, "call.not-a-request");
    free(deep);

    deep = malloc(600020);
    CHECK(deep != NULL);
    strcpy(deep, "{\"path\":");
    for (index = 0; index < 100000; index++)
        memcpy(deep + 8 + 5 * index, "{\"a\":", 6);
    refused("share.create", deep, SMBGW_INVALID, "call.not-a-request");
    free(deep);
}

/* Valgrind does not know every system call; the library opens files with this one. */
static int opens_files(void)
{
    return syscall(SYS_openat2, -1, NULL, NULL, 0) != -1 || errno != ENOSYS;
}

static void methods(void)
{
    char request[600];
    char *reply;

    reply = call("library.methods", "{}", SMBGW_OK);
    CHECK(strstr(reply, "\"share.create\"") != NULL);
    smbgw_string_free(reply);

    snprintf(request, sizeof request, "{\"root\":\"%s\"}", root);
    if (opens_files()) {
        reply = call("share.list", request, SMBGW_OK);
        CHECK(reply[0] == '[' || reply[0] == '{');
        smbgw_string_free(reply);
        snprintf(request, sizeof request, "{\"root\":\"%s\",\"name\":\"media\"}", root);
        refused("share.status", request, SMBGW_NOT_FOUND, "share.not-found");
        refused("share.delete", request, SMBGW_NOT_FOUND, "share.not-found");
    } else {
        refused("share.list", request, SMBGW_FAILED, "host.file");
    }
    snprintf(request, sizeof request, "{\"root\":\"%s\",\"name\":\"a/b\"}", root);
    refused("share.status", request, SMBGW_INVALID, "share.refused");

    refused("", "{}", SMBGW_INVALID, "call.unknown-method");
    refused("share.Create", "{}", SMBGW_INVALID, "call.unknown-method");
    refused("share.create ", "{}", SMBGW_INVALID, "call.unknown-method");
    refused("m\xc3\xa9thode", "{}", SMBGW_INVALID, "call.unknown-method");

    /* A caller may write into what it got. */
    reply = call("library.methods", "{}", SMBGW_OK);
    reply[0] = '\0';
    smbgw_string_free(reply);
    smbgw_string_free(NULL);

    /* Any time will do. */
    reply = untouched;
    CHECK(smbgw_call("library.methods", "{}", 1, &reply) == SMBGW_OK);
    smbgw_string_free(reply);
    CHECK(smbgw_call("library.methods", "{}", UINT64_MAX, &reply) == SMBGW_OK);
    smbgw_string_free(reply);
}

static void usages(void)
{
    struct smbgw_quota_usage usage, before;
    struct {
        struct smbgw_quota_usage known;
        uint64_t later[4];
    } longer;
    char *large = filled('/', SMBGW_LONGEST_TEXT + 1);

    memset(&usage, 0xaa, sizeof usage);
    usage.size = sizeof usage;
    before = usage;
    CHECK(smbgw_quota_usage(NULL, 0, NULL) == SMBGW_NULL_ARGUMENT);
    CHECK(smbgw_quota_usage(root, 0, NULL) == SMBGW_NULL_ARGUMENT);
    CHECK(smbgw_quota_usage(NULL, 0, &usage) == SMBGW_NULL_ARGUMENT);
    CHECK(smbgw_quota_usage("/\xff", 0, &usage) == SMBGW_NOT_UTF8);
    CHECK(smbgw_quota_usage(large, 0, &usage) == SMBGW_TOO_LARGE);
    CHECK(smbgw_quota_usage("", 0, &usage) == SMBGW_INVALID);
    CHECK(smbgw_quota_usage("relative", 0, &usage) == SMBGW_INVALID);
    CHECK(smbgw_quota_usage("/nowhere/at/all", 0, &usage) == SMBGW_NOT_FOUND);
    CHECK(smbgw_quota_usage("/dev/null", 0, &usage) == SMBGW_INVALID);
    CHECK(memcmp(&usage, &before, sizeof usage) == 0);
    free(large);

    usage.size = 0;
    CHECK(smbgw_quota_usage(root, 0, &usage) == SMBGW_INVALID);
    usage.size = sizeof usage - 8;
    CHECK(smbgw_quota_usage(root, 0, &usage) == SMBGW_INVALID);
    CHECK(usage.used == before.used);

    usage.size = sizeof usage;
    CHECK(smbgw_quota_usage(root, 0, &usage) == SMBGW_OK);
    CHECK(usage.size == sizeof usage);
    CHECK(usage.used != before.used && usage.available != before.available);
    CHECK(usage.total > 0 && usage.used <= usage.total && usage.available <= usage.total);

    /* Of a later version, with room that this one does not know. */
    memset(&longer, 0xaa, sizeof longer);
    longer.known.size = sizeof longer;
    CHECK(smbgw_quota_usage(root, 0, &longer.known) == SMBGW_OK);
    CHECK(longer.known.size == sizeof longer.known);
    CHECK(longer.known.total == usage.total);
    CHECK(longer.later[0] == 0xaaaaaaaaaaaaaaaaU && longer.later[3] == 0xaaaaaaaaaaaaaaaaU);
}

/* Adds what `content` has, by a descriptor. */
static int add_by_fd(struct smbgw_secrets *secrets, const char *name, const char *content,
                     size_t length)
{
    char path[600];
    int fd, code;
    snprintf(path, sizeof path, "%s/secret", root);
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0);
    CHECK(write(fd, content, length) == (ssize_t)length);
    CHECK(lseek(fd, 0, SEEK_SET) == 0);
    code = smbgw_secrets_add_fd(secrets, name, fd);
    CHECK(fcntl(fd, F_GETFD) >= 0);
    CHECK(close(fd) == 0);
    CHECK(unlink(path) == 0);
    return code;
}

static void secrets(void)
{
    struct smbgw_secrets *set = NULL;
    const uint8_t bytes[] = {0, 0xff, 'x', 0};
    uint8_t *longest = calloc(1, SMBGW_LONGEST_SECRET + 1);
    char *long_name = filled('n', SMBGW_LONGEST_NAME + 1);
    char *content = filled('s', SMBGW_LONGEST_SECRET + 10);
    char *reply = untouched;
    char name[20];
    int number, fd;
    int ends[2];
    CHECK(longest != NULL);

    CHECK(smbgw_secrets_new(NULL) == SMBGW_NULL_ARGUMENT);
    CHECK(smbgw_secrets_new(&set) == SMBGW_OK);
    CHECK(set != NULL);

    CHECK(smbgw_secrets_add(NULL, "alice", bytes, sizeof bytes) == SMBGW_NULL_ARGUMENT);
    CHECK(smbgw_secrets_add(set, NULL, bytes, sizeof bytes) == SMBGW_NULL_ARGUMENT);
    CHECK(smbgw_secrets_add(set, "alice", NULL, 0) == SMBGW_NULL_ARGUMENT);
    CHECK(smbgw_secrets_add(set, "alice", NULL, 4) == SMBGW_NULL_ARGUMENT);
    CHECK(smbgw_secrets_add(set, "\xff", bytes, sizeof bytes) == SMBGW_NOT_UTF8);
    CHECK(smbgw_secrets_add(set, "", bytes, sizeof bytes) == SMBGW_INVALID);
    CHECK(smbgw_secrets_add(set, long_name, bytes, sizeof bytes) == SMBGW_TOO_LARGE);
    CHECK(smbgw_secrets_add(set, "alice", longest, SMBGW_LONGEST_SECRET + 1) == SMBGW_TOO_LARGE);
    CHECK(smbgw_secrets_add(set, "alice", longest, SIZE_MAX) == SMBGW_TOO_LARGE);
    CHECK(smbgw_secrets_add(set, "alice", longest, SMBGW_LONGEST_SECRET) == SMBGW_OK);
    CHECK(smbgw_secrets_add(set, "alice", bytes, sizeof bytes) == SMBGW_OK);
    CHECK(smbgw_secrets_add(set, "bob", bytes, 0) == SMBGW_OK);

    CHECK(smbgw_secrets_add_fd(NULL, "alice", 0) == SMBGW_NULL_ARGUMENT);
    CHECK(smbgw_secrets_add_fd(set, NULL, 0) == SMBGW_NULL_ARGUMENT);
    CHECK(smbgw_secrets_add_fd(set, "alice", -1) == SMBGW_INVALID);
    CHECK(smbgw_secrets_add_fd(set, "alice", 999) == SMBGW_INVALID);
    CHECK(add_by_fd(set, "", "x", 1) == SMBGW_INVALID);
    CHECK(add_by_fd(set, "\xff", "x", 1) == SMBGW_NOT_UTF8);
    CHECK(add_by_fd(set, long_name, "x", 1) == SMBGW_TOO_LARGE);
    CHECK(add_by_fd(set, "alice", "", 0) == SMBGW_OK);
    CHECK(add_by_fd(set, "alice", "one\ntwo\n", 8) == SMBGW_OK);
    content[SMBGW_LONGEST_SECRET] = '\n';
    CHECK(add_by_fd(set, "alice", content, SMBGW_LONGEST_SECRET) == SMBGW_OK);
    CHECK(add_by_fd(set, "alice", content, SMBGW_LONGEST_SECRET + 1) == SMBGW_OK);
    CHECK(add_by_fd(set, "alice", content, SMBGW_LONGEST_SECRET + 2) == SMBGW_TOO_LARGE);
    content[SMBGW_LONGEST_SECRET] = 's';
    CHECK(add_by_fd(set, "alice", content, SMBGW_LONGEST_SECRET + 1) == SMBGW_TOO_LARGE);
    CHECK(add_by_fd(set, "alice", content, SMBGW_LONGEST_SECRET + 10) == SMBGW_TOO_LARGE);

    /* A descriptor that cannot be read. */
    CHECK(pipe(ends) == 0);
    CHECK(smbgw_secrets_add_fd(set, "alice", ends[1]) == SMBGW_INVALID);
    fd = open("/", O_RDONLY | O_DIRECTORY);
    CHECK(smbgw_secrets_add_fd(set, "alice", fd) == SMBGW_FAILED);
    CHECK(close(fd) == 0);
    /* One that does not block, and has ended. */
    CHECK(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
    CHECK(write(ends[1], "pw\n", 3) == 3);
    CHECK(close(ends[1]) == 0);
    CHECK(smbgw_secrets_add_fd(set, "carol", ends[0]) == SMBGW_OK);
    CHECK(close(ends[0]) == 0);

    for (number = 0; number < SMBGW_MOST_SECRETS - 3; number++) {
        snprintf(name, sizeof name, "user%d", number);
        CHECK(smbgw_secrets_add(set, name, bytes, sizeof bytes) == SMBGW_OK);
    }
    CHECK(smbgw_secrets_add(set, "one-more", bytes, sizeof bytes) == SMBGW_TOO_LARGE);
    CHECK(smbgw_secrets_add(set, "alice", bytes, sizeof bytes) == SMBGW_OK);

    CHECK(smbgw_call_with_secrets("library.methods", "{}", set, 0, &reply) == SMBGW_OK);
    smbgw_string_free(reply);
    reply = untouched;
    CHECK(smbgw_call_with_secrets("no.such", "{}", set, 0, &reply) == SMBGW_INVALID);
    smbgw_string_free(reply);
    smbgw_secrets_free(set);
    smbgw_secrets_free(NULL);
    free(longest);
    free(long_name);
    free(content);
}

int main(int count, char **arguments)
{
    CHECK(count == 2);
    root = arguments[1];
    versions();
    codes();
    calls_that_cannot_be();
    requests_that_are_none();
    methods();
    usages();
    secrets();
    puts("all as expected");
    return 0;
}
