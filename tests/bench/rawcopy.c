/* SPDX-License-Identifier: MIT */
/*
 * rawcopy - the yardstick of the speed table: a file over one plain TCP connection,
 * in blocks of 256 KiB, read, sent, received, written, and nothing more.
 *
 *   rawcopy receive [--hash[=sha256]] PORT FILE     prints the port if PORT is 0
 *   rawcopy send [--hash[=sha256]] FILE HOST:PORT
 *
 * --hash: XXH3-128, or SHA-256, of all octets at this end. Each end prints seconds from its
 * first octet (the sender: from connect) to its last, and octets a second. The
 * sender waits until the receiver has written all and closed.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#define BLOCK (256u * 1024u)

static uint8_t block[BLOCK];
static XXH3_state_t *hash; /* NULL: not asked for */
static EVP_MD_CTX *sha256; /* NULL: not asked for */

static void die(const char *what)
{
    (void)fprintf(stderr, "rawcopy: %s: %s\n", what, strerror(errno));
    exit(74);
}

static double seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void write_all(int fd, const uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, p, n);
        if (done < 0)
            die("write");
        p += done;
        n -= (size_t)done;
    }
}

/* Returns the octets copied; *begin is set when the first ones are there. */
static uint64_t copy(int from, int to, double *begin)
{
    uint64_t sum = 0;
    ssize_t n;
    while ((n = read(from, block, sizeof block)) > 0) {
        if (sum == 0 && *begin < 0)
            *begin = seconds();
        if (hash != NULL)
            (void)XXH3_128bits_update(hash, block, (size_t)n);
        if (sha256 != NULL)
            (void)EVP_DigestUpdate(sha256, block, (size_t)n);
        write_all(to, block, (size_t)n);
        sum += (uint64_t)n;
    }
    if (n < 0)
        die("read");
    return sum;
}

static void report(const char *who, uint64_t octets, double took)
{
    (void)printf("%s %" PRIu64 " octets %.6f s %.0f octets/s", who, octets, took,
                 took > 0 ? (double)octets / took : 0.0);
    if (hash != NULL) {
        XXH128_hash_t h = XXH3_128bits_digest(hash);
        (void)printf(" xxh128 %016" PRIx64 "%016" PRIx64, h.high64, h.low64);
    }
    if (sha256 != NULL) {
        uint8_t digest[EVP_MAX_MD_SIZE];
        unsigned n = 0;
        (void)EVP_DigestFinal_ex(sha256, digest, &n);
        (void)printf(" sha256 ");
        for (unsigned i = 0; i < n; i++)
            (void)printf("%02x", digest[i]);
    }
    (void)printf("\n");
}

static int dial(char *address)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *a = NULL;
    char *colon = strrchr(address, ':');
    if (colon == NULL) {
        (void)fprintf(stderr, "rawcopy: %s: HOST:PORT is expected\n", address);
        exit(64);
    }
    *colon = '\0';
    if (getaddrinfo(address, colon + 1, &hints, &a) != 0) {
        (void)fprintf(stderr, "rawcopy: %s: not found\n", address);
        exit(69);
    }
    int fd = socket(a->ai_family, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, a->ai_addr, a->ai_addrlen) != 0)
        die("connect");
    freeaddrinfo(a);
    return fd;
}

static int answer(const char *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int one = 1;
    a.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        bind(listener, (struct sockaddr *)&a, n) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&a, &n) != 0)
        die(port);
    (void)printf("listening 127.0.0.1:%u\n", ntohs(a.sin_port));
    (void)fflush(stdout);
    int fd = accept(listener, NULL, NULL);
    if (fd < 0)
        die("accept");
    (void)close(listener);
    return fd;
}

static void send_file(const char *path, char *address)
{
    int file = open(path, O_RDONLY);
    if (file < 0)
        die(path);
    double begin = seconds();
    int fd = dial(address);
    uint64_t octets = copy(file, fd, &begin);
    if (shutdown(fd, SHUT_WR) != 0 || read(fd, block, 1) != 0)
        die("the receiver's end");
    report("sent", octets, seconds() - begin);
}

static void receive_file(const char *port, const char *path)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file < 0)
        die(path);
    int fd = answer(port);
    double begin = -1;
    uint64_t octets = copy(fd, file, &begin);
    if (close(file) != 0)
        die(path);
    double took = begin < 0 ? 0 : seconds() - begin;
    (void)close(fd);
    report("received", octets, took);
}

int main(int argc, char **argv)
{
    int at = 2;
    if (argc > 2 && strcmp(argv[2], "--hash") == 0) {
        at = 3;
        hash = XXH3_createState();
        if (hash == NULL || XXH3_128bits_reset(hash) != XXH_OK)
            return 70;
    } else if (argc > 2 && strcmp(argv[2], "--hash=sha256") == 0) {
        at = 3;
        sha256 = EVP_MD_CTX_new();
        if (sha256 == NULL || EVP_DigestInit_ex(sha256, EVP_sha256(), NULL) != 1)
            return 70;
    }
    if (argc != at + 2) {
        (void)fputs("rawcopy receive [--hash[=sha256]] PORT FILE | send ... FILE HOST:PORT\n",
                    stderr);
        return 64;
    }
    if (strcmp(argv[1], "send") == 0)
        send_file(argv[at], argv[at + 1]);
    else
        receive_file(argv[at], argv[at + 1]);
    return 0;
}
