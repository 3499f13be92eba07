/*
 * What the wrappers look at for whoever has nothing to do with us.
 *
 * A system call that does as much as open pushes all of it out of the cache: what lies together
 * comes back together.
 */
#ifndef OC_QUICK_H
#define OC_QUICK_H

#define OC_QUICK __attribute__((section("oc_quick")))

#endif
