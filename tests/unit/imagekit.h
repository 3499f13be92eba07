/*
 * What the tests of images share: a home of their own, an identity, and other
 * processes that use an image.
 */
#ifndef OC_TEST_IMAGEKIT_H
#define OC_TEST_IMAGEKIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "image/image.h"

extern char home[200];
extern struct oc_identity id;

struct peer {
    pid_t pid;
    int to, from;
};

/* A new home below PARENT, in force. */
void fresh_home(const char *parent);
/* Lending from 4 KiB on, to MEMORY: ROOM bytes of plain memory, mapped here when it is NULL. */
char *ready_to_lend(char *memory, size_t room);
/* What kind of memory it is, which takes several looks where looking is costly. */
void learn_memory(char *memory, size_t room);
/* A descriptor on the home; and the end of both. */
int open_home(void);
void end_home(int dir);
/* An identity that no other file has, of SIZE bytes. */
void fresh_id(uint64_t size);
/* The image of (id, shift), or NULL. */
struct oc_image *open_image(unsigned shift, int *fd);
void drop(struct oc_image *image);
void hold(struct oc_image *image);
/* Images in the home. */
int images(void);
/* The path of the (last) one. */
void image_path(char path[600]);
/* A child that uses the image until it is told to end, or killed. */
struct peer start_peer(unsigned shift);
void end_peer(struct peer *peer, bool kill_it);

#endif
