#define _POSIX_C_SOURCE 200809L

#include "password.h"

#include <stdint.h>
#include <string.h>

#include "check.h"

/* Letters and digits, each made from its place alone. */
static unsigned char letter(size_t place)
{
    size_t number = (place * place * 7 + place * 3 + 5) % 36;
    return (unsigned char)(number < 26 ? 'a' + number : '0' + (number - 26));
}

void write_password(unsigned char *place)
{
    size_t index;
    for (index = 0; index < PASSWORD_LENGTH; index++)
        place[index] = letter(index);
}

void wipe(unsigned char *place, size_t length)
{
    volatile unsigned char *byte = place;
    while (length--)
        *byte++ = 0;
}

size_t copies_of_password(void)
{
    char line[4400];
    size_t copies = 0, bytes = 0;
    FILE *maps = fopen("/proc/self/maps", "re");
    CHECK(maps != NULL);
    while (fgets(line, sizeof line, maps)) {
        unsigned long start, end;
        char rights[5];
        const volatile unsigned char *byte, *last;
        CHECK(sscanf(line, "%lx-%lx %4s", &start, &end, rights) == 3);
        if (strncmp(rights, "rw", 2) != 0)
            continue;
        last = (const volatile unsigned char *)(uintptr_t)end - PASSWORD_LENGTH;
        for (byte = (const volatile unsigned char *)(uintptr_t)start; byte <= last; byte++) {
            size_t index = 0;
            while (index < PASSWORD_LENGTH && byte[index] == letter(index))
                index++;
            copies += index == PASSWORD_LENGTH;
        }
        bytes += end - start;
    }
    fclose(maps);
    CHECK(bytes > 100000);
    return copies;
}
