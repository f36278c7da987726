/* SPDX-License-Identifier: MIT */
/*
 * faults - what the environment asks of a build with -Dfaults=true.
 *
 * Invariants
 *   I1  the counters are atomic: steps are counted on worker threads too.
 *   I2  install() runs before any library has allocated: libcrypto takes no others later.
 */
#include "os/linux/faults.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include "base/alloc_faulty.h"

static atomic_ulong steps;
static unsigned long crash_at;
static sqlite3_mem_methods sqlite_was;

static unsigned long number(const char *name)
{
    const char *text = getenv(name);
    return text == NULL ? 0 : strtoul(text, NULL, 10);
}

void cvn_fault_step(const char *what)
{
    (void)what;
    if (atomic_fetch_add(&steps, 1) + 1 != crash_at)
        return;
    (void)kill(getpid(), SIGKILL);
    for (;;)
        (void)pause();
}

static void write_count(const char *name, unsigned long n)
{
    const char *path = getenv(name);
    FILE *f = path == NULL ? NULL : fopen(path, "we");
    if (f == NULL)
        return;
    (void)fprintf(f, "%lu\n", n);
    (void)fclose(f);
}

static void at_exit(void)
{
    write_count("CONVENE_COUNT_STEPS", atomic_load(&steps));
    write_count("CONVENE_COUNT_ALLOCS", cvn_alloc_counted());
}

/* -------- the allocators of the libraries -------- */

static void *plain_malloc(size_t n)
{
    return cvn_alloc_may() ? malloc(n) : NULL;
}

static void *plain_calloc(size_t n, size_t size)
{
    return cvn_alloc_may() ? calloc(n, size) : NULL;
}

static void *plain_realloc(void *p, size_t n)
{
    return cvn_alloc_may() ? realloc(p, n) : NULL;
}

static void *crypto_malloc(size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    return plain_malloc(n);
}

static void *crypto_realloc(void *p, size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    return plain_realloc(p, n);
}

static void crypto_free(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    free(p);
}

static void *sqlite_malloc(int n)
{
    return cvn_alloc_may() ? sqlite_was.xMalloc(n) : NULL;
}

static void *sqlite_realloc(void *p, int n)
{
    return cvn_alloc_may() ? sqlite_was.xRealloc(p, n) : NULL;
}

static void replace_allocators(void)
{
    /* Not its realloc: libuv aborts when its table of descriptors cannot grow, by its own choice. */
    (void)uv_replace_allocator(plain_malloc, realloc, plain_calloc, free);
    json_set_alloc_funcs(plain_malloc, free);
    (void)CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free);
    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &sqlite_was) == SQLITE_OK) {
        sqlite3_mem_methods m = sqlite_was;
        m.xMalloc = sqlite_malloc;
        m.xRealloc = sqlite_realloc;
        (void)sqlite3_config(SQLITE_CONFIG_MALLOC, &m);
    }
}

void cvn_fault_install(void)
{
    crash_at = number("CONVENE_CRASH_AT");
    replace_allocators();
    cvn_alloc_fail_at(number("CONVENE_FAIL_ALLOC"));
    (void)atexit(at_exit);
}
