/*
 * The rows of signal.c, for names.h.
 */
OC_REQUIRED(sigaction)
