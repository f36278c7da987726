/* SPDX-License-Identifier: MIT */
/*
 * What the functions of libconvene return.
 *
 *      0           done
 *    > 0           a condition the function lists; the caller must handle it
 *   -1 .. -99      the caller's mistake, or no memory; nothing has changed
 *   <= -100        the object is over: send what it still has, then free it
 */
#ifndef CONVENE_ERR_H
#define CONVENE_ERR_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__) && defined(CVN_BUILD_SHARED)
#define CVN_API __attribute__((visibility("default")))
#else
#define CVN_API
#endif

#if defined(__GNUC__)
#define CVN_MUST_USE __attribute__((warn_unused_result))
#else
#define CVN_MUST_USE
#endif

/* X(name, value, text) */
#define CVN_ERR_MAP(X)                                                                             \
    X(CVN_OK, 0, "done")                                                                           \
    X(CVN_MORE, 1, "more octets are needed")                                                       \
    X(CVN_NONE, 2, "there is nothing")                                                             \
    X(CVN_FULL, 3, "no room now; take out what is there first")                                    \
    X(CVN_EVENT, 4, "an event is at hand")                                                         \
    X(CVN_EINVAL, -1, "a value is outside what the function takes")                                \
    X(CVN_ESTATE, -2, "not allowed in this state")                                                 \
    X(CVN_ETOKEN, -3, "a token that is needed is with the peer")                                   \
    X(CVN_EUNIT, -4, "the functional unit was not agreed")                                         \
    X(CVN_ESERIAL, -5, "the serial number is outside what may be named now")                       \
    X(CVN_ETOOBIG, -6, "larger than its stated maximum")                                           \
    X(CVN_ENOMEM, -7, "no memory")                                                                 \
    X(CVN_EIO, -8, "an operation of the system failed")                                            \
    X(CVN_ENOTFOUND, -9, "not found")                                                              \
    X(CVN_ECORRUPT, -10, "stored data does not match its checksum")                                \
    X(CVN_EBUSY, -11, "in use by another")                                                         \
    X(CVN_EEXIST, -12, "exists already")                                                           \
    X(CVN_EPERM, -13, "not permitted")                                                             \
    X(CVN_EPROTO, -100, "the peer broke the protocol")                                             \
    X(CVN_ECLOSED, -101, "closed")

enum cvn_err {
#define CVN_ERR_ENUM(name, value, text) name = (value),
    CVN_ERR_MAP(CVN_ERR_ENUM)
#undef CVN_ERR_ENUM
};

/* The name ("CVN_EPROTO") and the text of a code; "?" for an unknown one. Static storage. */
CVN_API const char *cvn_err_name(int code);
CVN_API const char *cvn_err_text(int code);

#ifdef __cplusplus
}
#endif
#endif
