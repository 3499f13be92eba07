/*
 * The token: how the kernel counts the users of an image.
 *
 * A user holds flock(LOCK_SH) through an open file description that a one-page
 * PROT_NONE mapping keeps alive after its descriptor was closed.  A forked child
 * inherits mapping and lock; munmap, exec and death give both back, SIGKILL
 * included.  Whoever gets LOCK_EX through a fresh open knows that there is no user.
 */
#ifndef OC_TOKEN_H
#define OC_TOKEN_H

/* Take a token through FD, a description of its own that the caller closes right
 * afterwards.  An address, or a negated errno (oc_sys_failed): -EWOULDBLOCK when
 * somebody is about to remove the image. */
void *oc_token_take(int fd);

void oc_token_drop(void *token);

/* Lock out all users, through a description that is no token's: 0, or -EWOULDBLOCK
 * when there are some. Ends with oc_token_release (a fork may have copied FD). */
int oc_token_exclude(int fd);
void oc_token_release(int fd);

#endif
