/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/qnetd_place.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int qnetd_place_parse(const char *place, char ret_host[ADDRESS_BYTES], uint16_t *ret_port)
{
        const char *end = place[0] == '[' ? strchr(place, ']') : strchr(place, ':');
        size_t skip = place[0] == '[' ? 1 : 0;
        *ret_port = 0;
        if (place[0] == '[' && end == NULL)
                return -EINVAL;
        if (end == NULL || (skip == 0 && strchr(end + 1, ':') != NULL))
                end = place + strlen(place); /* more than one colon and no brackets: an address of IPv6 */
        size_t bytes = (size_t)(end - place) - skip;
        if (bytes == 0 || bytes >= ADDRESS_BYTES || strcspn(place, " \t\n/") != strlen(place))
                return -EINVAL;
        memcpy(ret_host, place + skip, bytes);
        ret_host[bytes] = '\0';
        end += skip;
        if (*end == '\0')
                return 0;
        char *rest = NULL;
        unsigned long number = *end == ':' ? strtoul(end + 1, &rest, 10) : 0;
        if (number == 0 || number > UINT16_MAX || *rest != '\0')
                return -EINVAL;
        *ret_port = (uint16_t)number;
        return 0;
}
