/* SPDX-License-Identifier: MIT */
/*
 * sim - the world of one seed: time, chance, links, stores, a folder, and two
 * processes that drive the session layer's own objects. docs/SIMULATOR.md.
 *
 * Invariants
 *   W1  nothing of a world depends on anything but its seed and its options.
 *   W2  processes die between steps only, never inside a call to an object.
 *   W3  an object is called with the world's time, and never by an event of a process that
 *       is gone: events carry the life of the process they belong to.
 */
#ifndef CVN_SIM_H
#define CVN_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "session/receive.h"
#include "session/send.h"

#define SIM_MS     1000000ull
#define SIM_S      1000000000ull
#define SIM_LANES  3u
#define SIM_ITEMS  6u
#define SIM_SIZE   (200u << 10)
#define SIM_BOUND  (900 * SIM_S) /* after the last fault everything must be over within this */
#define SIM_DIGEST 16u

struct sim;
struct sim_link;
struct sim_lane;
struct sim_rlink;

/* -------- what happened: summed over all seeds -------- */

enum sim_fault {
    SIM_CUT_BOTH,
    SIM_HALF_OPEN,
    SIM_SILENCE,
    SIM_STALL,
    SIM_REFUSE,
    SIM_KILL_SENDER,
    SIM_KILL_RECEIVER,
    SIM_POWER_SENDER,
    SIM_POWER_RECEIVER,
    SIM_STORE_DELAY,
    SIM_STORE_ERROR_SENDER,
    SIM_STORE_ERROR_RECEIVER,
    SIM_NO_SPACE,
    SIM_SYNC_ERROR,
    SIM_FLIP,
    SIM_CHANGE,
    SIM_LOST_PARTIAL,
    SIM_ABORT_SENDER,
    SIM_ABORT_RECEIVER,
    SIM_SPLIT,
    SIM_COALESCE,
    SIM_FAULTS,
};

enum sim_spdu {
    SIM_CN,
    SIM_AC,
    SIM_RF,
    SIM_FN,
    SIM_DN,
    SIM_AS,
    SIM_AR,
    SIM_AE,
    SIM_AEA,
    SIM_MIP,
    SIM_MIA,
    SIM_DT,
    SIM_ED,
    SIM_AI,
    SIM_AIA,
    SIM_AD,
    SIM_ADA,
    SIM_AB,
    SIM_SPDUS,
};

enum sim_answer {
    SIM_ACCEPT,
    SIM_REFUSE_SELECTOR,
    SIM_REFUSE_EPOCH,
    SIM_UNFIT_RESUME,
    SIM_EXISTS,
    SIM_HASH,
    SIM_SPACE,
    SIM_IO,
    SIM_COMMITTED_AGAIN,
    SIM_PART_ENDED,
    SIM_ANSWERS,
};

struct sim_counts {
    uint64_t faults[SIM_FAULTS];
    uint64_t states[2][CVN_X225_STATES]; /* of the initiator, of the responder */
    uint64_t spdus[SIM_SPDUS];
    uint64_t answers[SIM_ANSWERS];
    uint64_t steps, links, commits, octets, twice, resumes, idle_checks, durable_checks;
    uint64_t processes; /* begun, both sides */
};

extern struct sim_counts sim_counts;
/* Prints them; returns how many that must not be zero are. */
unsigned sim_counts_print(void);
void sim_count_primitive(unsigned side, const struct cvn_x225_prim *p, bool sent);
void sim_count_state(unsigned side, enum cvn_x225_state s);
const char *sim_fault_name(enum sim_fault f);

/* -------- memory of a process: gone with it -------- */

struct sim_block;
struct sim_arena {
    struct cvn_alloc alloc;
    struct sim_block *first;
    uint64_t blocks;
};
void sim_arena_init(struct sim_arena *a);
void sim_arena_drop(struct sim_arena *a);

/* -------- time and chance -------- */

typedef void sim_run(struct sim *w, void *arg, uint64_t tag);

struct sim_event {
    cvn_time at;
    uint64_t order;
    sim_run *run;
    void *arg;
    uint64_t tag;
};

void sim_at(struct sim *w, cvn_time delay, sim_run *run, void *arg, uint64_t tag);
uint64_t sim_random(struct sim *w);
uint64_t sim_below(struct sim *w, uint64_t n);     /* 0 .. n - 1 */
uint64_t sim_log_below(struct sim *w, uint64_t n); /* small ones as often as large ones */
bool sim_chance(struct sim *w, unsigned per_mille);
void sim_fill(struct sim *w, uint8_t *p, size_t n);
/* What happened goes into the hash and, with --verbose, onto the screen. */
void sim_say(struct sim *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sim_mix(struct sim *w, uint64_t a, uint64_t b);
/* The first thing that is wrong ends the seed. */
void sim_fail(struct sim *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* -------- store.c -------- */

struct sim_entry;
struct sim_put;

struct sim_store {
    struct sim *w;
    const char *name;
    struct cvn_store store;
    struct sim_entry *entries; /* durable, in the order of keys */
    size_t n, cap;
    struct sim_put *first; /* not durable, in order */
    struct sim_put **last;
    cvn_time free_at;
    uint64_t life;
    bool fail_next;
    bool broken; /* after an error, until the process ends */
    enum sim_fault fail_count;
};
void sim_store_init(struct sim_store *s, struct sim *w, const char *name, enum sim_fault fail);
void sim_store_fini(struct sim_store *s);
/* The process is gone: of what was on its way, the first few may have got through. */
void sim_store_kill(struct sim_store *s);
bool sim_store_idle(const struct sim_store *s);

/* -------- depot.c -------- */

enum sim_where { SIM_NOWHERE, SIM_PARTIAL, SIM_FINAL };

struct sim_file {
    struct sim_file *next;
    uint8_t id[CVN_ID];
    char name[64];        /* when it is final */
    enum sim_where where; /* as programs see it */
    enum sim_where kept;  /* as it would be after a power loss */
    uint8_t *octets;      /* SIM_SIZE of each */
    uint8_t *kept_octets;
    size_t len, kept_len;
    size_t clean;  /* both are the same before this */
    bool stranger; /* stood there before */
};

struct sim_job;

struct sim_depot {
    struct sim *w;
    struct sim_file *files;
    struct sim_job *jobs;
    struct sim_job *gone; /* of processes that are */
    uint64_t life;
    unsigned conflict; /* 0 fail, 1 replace, 2 rename */
    cvn_time no_space_until;
    bool sync_error_next;
    bool flip_next;
};
void sim_depot_init(struct sim_depot *d, struct sim *w);
void sim_depot_fini(struct sim_depot *d);
void sim_depot_kill(struct sim_depot *d, bool power);
/* Somebody removes the partial files. */
void sim_depot_strip(struct sim_depot *d);
struct sim_file *sim_depot_put(struct sim_depot *d, const char *name, const uint8_t *p, size_t n);
struct sim_file *sim_depot_final(struct sim_depot *d, const char *name, bool kept);
struct sim_file *sim_depot_partial(struct sim_depot *d, const uint8_t id[CVN_ID]);
void sim_digest(const uint8_t *p, size_t n, uint8_t out[SIM_DIGEST]);
extern const struct cvn_depot_ops sim_depot_ops;

/* -------- link.c -------- */

enum { SIM_SENDER = 0, SIM_RECEIVER = 1 };

/* How an end of a link goes. */
enum sim_end { SIM_FIN, SIM_RST, SIM_VANISH };

struct sim_user {
    size_t (*out)(void *ctx, struct cvn_iov *iov, size_t n);
    void (*sent)(void *ctx, size_t octets);
    void (*feed)(void *ctx, const uint8_t *in, size_t len, size_t *used);
    void (*alive)(void *ctx);
    void (*down)(void *ctx, const char *why);
};

struct sim_pipe {
    uint8_t *octets;
    size_t len, cap;
    unsigned writes; /* that are in it */
    bool scheduled;
    bool fin;         /* the writer has closed */
    bool lost;        /* what is written goes nowhere */
    cvn_time stalled; /* nothing arrives before this */
    uint64_t passed;
};

struct sim_side {
    const struct sim_user *user; /* NULL: it has closed or was told that it is down */
    void *ctx;
    struct sim_pipe pipe; /* what this side has written */
    uint8_t *chunk;       /* read, not yet all taken */
    size_t chunk_len, chunk_used;
    bool paused;
    bool blocked;
    bool telling; /* a down is on its way */
    cvn_time alive_at;
};

struct sim_link {
    struct sim *w;
    struct sim_link *next;
    unsigned number;
    struct sim_side side[2];
    uint64_t cut_at; /* octets of direction cut_side after which fate strikes */
    unsigned cut_side;
    enum sim_fault fate; /* SIM_FAULTS: none */
    cvn_time latency;
    struct sim_lane *lane; /* whose it was, and in which life of the process */
    struct sim_rlink *rlink;
};
struct sim_link *sim_link_new(struct sim *w);
void sim_link_attach(struct sim_link *l, unsigned side, const struct sim_user *u, void *ctx);
void sim_link_write(struct sim_link *l, unsigned side);
void sim_link_flush_later(struct sim_link *l, unsigned side);
void sim_link_resume_later(struct sim_link *l, unsigned side);
void sim_link_close(struct sim_link *l, unsigned side, enum sim_end how);
void sim_link_strike(struct sim_link *l, enum sim_fault how);
bool sim_link_quiet(const struct sim_link *l); /* nothing on its way, both ends there */
void sim_links_free(struct sim *w);

/* -------- the sending process -------- */

/* Octets that a transfer stands for. */
struct sim_version {
    struct sim_version *next;
    uint8_t transfer[CVN_ID];
    uint8_t *octets;
    size_t size;
    unsigned item;
    uint64_t furthest, twice;
    uint64_t confirmed; /* told to the sender, since it last began anew */
    uint64_t resumed;   /* where the sender said it went on */
    unsigned losses;    /* after each of these a window may go twice */
    unsigned commits;   /* told by the receiver */
    bool finished;
    bool flipped;   /* a bit of what was written was */
    bool stripped;  /* its partial file was removed, or an abort discarded it */
    bool uncounted; /* so more of it than windows may go twice, more than once */
    bool voided;    /* given up: confirmations on their way mean nothing */
};

struct sim_item {
    struct cvn_item item;
    struct sim *w;
    unsigned index;
    char name[16];
    bool pipe;
    bool exists;         /* another file of that name stands there */
    uint64_t generation; /* the octets' seed: a change makes another */
    uint8_t *octets;
    size_t size;
    size_t arrived; /* of a pipe */
    bool closed;    /* the pipe's writer has ended */
    uint64_t forgotten;
    bool done, discard_first, known, changed;
    struct sim_lane *lane;
    enum cvn_outcome last;
};

struct sim_digesting {
    struct sim_digesting *next;
    struct sim_item *it;
    struct cvn_wait *wait;
    bool live;
};

struct sim_lane {
    struct sim *w;
    unsigned index;
    struct cvn_sender *sender;
    struct sim_link *link;
    bool dialing;
    uint64_t dial_tag;
    uint64_t timer_tag;
    cvn_time timer_at;
    bool started, over;
    uint32_t epoch_seen;
    uint8_t session[CVN_ID];
    struct cvn_wait remembered;
    struct sim_item *at;
};

struct sim_known {
    uint8_t id[CVN_ID];
    uint32_t epoch;
};

struct sim_sending {
    bool running, ending, finished;
    uint64_t life;
    struct sim_arena arena;
    struct sim_lane lanes[SIM_LANES];
    unsigned nlanes, nover;
    struct sim_known known[SIM_LANES];
    unsigned nknown;
    unsigned busy;
    bool todo; /* not all was committed when the process began */
    struct cvn_wait cleanup;
    bool released_all;
};
void sim_sender_start(struct sim *w);
void sim_sender_kill(struct sim *w, bool power);
void sim_sender_settle(struct sim *w);
void sim_sender_abort(struct sim *w);
void sim_lane_after(struct sim_lane *l);
void sim_lanes_wake(struct sim *w, struct sim_item *it);

/* -------- items.c: what is sent -------- */

void sim_items_init(struct sim *w);
void sim_items_fini(struct sim *w);
void sim_item_open(struct sim_item *it);
struct sim_version *sim_version_new(struct sim *w, struct sim_item *it);
struct sim_version *sim_version_of(struct sim *w, const uint8_t transfer[CVN_ID]);
void sim_item_change(struct sim_item *it);
int sim_item_read(struct sim_lane *l, struct sim_item *it, uint64_t offset, size_t max,
                  struct cvn_ref **owner, struct cvn_octets *block);
int sim_item_digest(struct sim_lane *l, struct sim_item *it, struct cvn_wait *w);
struct sim_item *sim_item_of(struct cvn_item *it);

/* -------- the receiving process -------- */

struct sim_rlink {
    struct sim_rlink *next;  /* of those that are open */
    struct sim_rlink *older; /* of all */
    struct sim *w;
    struct sim_link *link;
    struct cvn_receiver *receiver;
    uint64_t timer_tag;
    cvn_time timer_at;
    bool over;
};

struct sim_receiving {
    bool running, ending, failed, finished;
    uint64_t life;
    struct sim_arena arena;
    struct cvn_inbox *box;
    struct sim_rlink *links;
    struct cvn_wait forget;
    bool ended;
    cvn_time ended_at;
    cvn_time refuse_until;
};
void sim_receiver_start(struct sim *w);
void sim_receiver_kill(struct sim *w, bool power);
void sim_receiver_settle(struct sim *w);
void sim_receiver_abort(struct sim *w);
/* A stream is offered; false: refused. */
bool sim_receiver_accept(struct sim *w, struct sim_link *l);

/* -------- ledger.c -------- */

void sim_ledger_confirmed(struct sim *w, struct sim_item *it, uint64_t offset);
void sim_ledger_committed(struct sim *w, const struct cvn_transfer *t);
void sim_ledger_after_kill(struct sim *w);
void sim_ledger_anew(struct sim *w, const struct cvn_transfer *t);
void sim_ledger_idle(struct sim *w);
void sim_ledger_end(struct sim *w);
void sim_ledger_resumed(struct sim *w, const struct cvn_transfer *t, uint64_t offset);
void sim_ledger_read(struct sim *w, struct sim_item *it, uint64_t offset, size_t n);
/* Something after which the lane's item may go twice for a window. */
void sim_ledger_loss(struct sim *w, const struct sim_lane *l);
/* What was confirmed of it (NULL: of all) is given up. */
void sim_ledger_void(struct sim *w, const struct sim_item *it);

/* -------- the world -------- */

enum sim_plant { SIM_PLANT_NONE, SIM_PLANT_CONFIRM_EARLY, SIM_PLANT_RESUME_LATE };

struct sim_opts {
    bool verbose;
    enum sim_plant plant;
};

struct sim {
    struct sim_opts o;
    uint64_t seed;
    uint64_t chance[4];
    cvn_time now;
    uint64_t steps;
    uint64_t hash;
    struct sim_event *heap;
    size_t nheap, cap;
    uint64_t order;
    bool failed;
    char why[400];

    /* drawn from the seed */
    unsigned jobs, nitems;
    uint32_t window, spacing, points_max;
    uint64_t rate;
    cvn_time latency, store_delay, job_delay;
    size_t pipe_cap;
    unsigned faults_left;
    uint64_t fault_step;
    cvn_time last_fault;
    bool wrong_selector;

    struct sim_store send_store;
    struct sim_store receive_store;
    struct sim_depot depot;
    struct sim_item items[SIM_ITEMS];
    struct sim_version *versions;
    struct sim_digesting *digesting;
    struct sim_link *links;
    struct sim_rlink *rlinks;
    unsigned nlinks;
    struct sim_sending sending;
    struct sim_receiving receiving;
    bool aborted;  /* by a user, at either side */
    bool given_up; /* a release was */
};

struct sim_result {
    bool failed;
    uint64_t hash;
    uint64_t steps;
    cvn_time at;
    char why[400];
};
void sim_seed(uint64_t seed, const struct sim_opts *o, struct sim_result *r);
void sim_fault_now(struct sim *w, enum sim_fault f);
void sim_faults_plan(struct sim *w);
void sim_faults_step(struct sim *w);
bool sim_fault_take(struct sim *w, unsigned per_mille, enum sim_fault f);

#endif
