/* SPDX-License-Identifier: MIT */
/* qos - DSCP (RFC 2474), SO_PRIORITY and TCP_NODELAY of a socket. */
#include "transport/tcp/qos.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define DSCP_SHIFT 2 /* the low two bits of the octet are those of congestion notification */

static bool in(char c, char low, char high)
{
    return c >= low && c <= high;
}

/* cs0 to cs7, af11 to af43 */
static int family(const char *text)
{
    size_t n = strlen(text);
    if (n == 3 && strncasecmp(text, "cs", 2) == 0 && in(text[2], '0', '7'))
        return (text[2] - '0') * 8;
    if (n == 4 && strncasecmp(text, "af", 2) == 0 && in(text[2], '1', '4') && in(text[3], '1', '3'))
        return (text[2] - '0') * 8 + (text[3] - '0') * 2;
    return -1;
}

int cvn_dscp_of(const char *text)
{
    static const struct {
        const char *name;
        int dscp;
    } names[] = {{"be", 0}, {"le", 1}, {"va", 44}, {"ef", 46}};
    char *end;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcasecmp(text, names[i].name) == 0)
            return names[i].dscp;
    }
    if (!in(text[0], '0', '9'))
        return family(text);
    long v = strtol(text, &end, 10);
    return *end == '\0' && v <= 63 ? (int)v : -1;
}

static int domain_of(int fd)
{
    int domain = AF_UNSPEC;
    socklen_t len = sizeof domain;
    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 ? domain : AF_UNSPEC;
}

/* The old octet of the header of both versions of IP. */
static int set_dscp(int fd, int domain, int dscp)
{
    int tos = dscp << DSCP_SHIFT;
    if (domain == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof tos) != 0)
        return errno;
    /* of an IPv6 socket too: it may carry IPv4 */
    if (setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof tos) != 0 && domain == AF_INET)
        return errno;
    return 0;
}

static int read_back(int fd, int level, int name)
{
    int v = -1;
    socklen_t len = sizeof v;
    return getsockopt(fd, level, name, &v, &len) == 0 ? v : -1;
}

int cvn_tcp_qos_apply(int fd, const struct cvn_tcp_qos *want, struct cvn_tcp_qos *got)
{
    int domain = domain_of(fd);
    int failed = 0;
    int nodelay = !want->bulk;
    if (want->dscp >= 0)
        failed = set_dscp(fd, domain, want->dscp);
    /* behind the marking, which sets a priority of its own */
    if (want->priority >= 0 &&
        setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &want->priority, sizeof want->priority) != 0 &&
        failed == 0)
        failed = errno;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, sizeof nodelay) != 0 && failed == 0)
        failed = errno;
    int tos = domain == AF_INET6 ? read_back(fd, IPPROTO_IPV6, IPV6_TCLASS)
                                 : read_back(fd, IPPROTO_IP, IP_TOS);
    got->dscp = tos < 0 ? -1 : tos >> DSCP_SHIFT;
    got->priority = read_back(fd, SOL_SOCKET, SO_PRIORITY);
    got->bulk = read_back(fd, IPPROTO_TCP, TCP_NODELAY) == 0;
    return failed;
}
