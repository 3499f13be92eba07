/*
 * The rows of signal.c, for names.h.
 */
OC_REQUIRED(sigaction)
OC_REQUIRED(signal)
OC_REQUIRED(__sysv_signal)
OC_REQUIRED(siginterrupt)
OC_REQUIRED(sigset)
OC_REQUIRED(sighold)
OC_REQUIRED(sigrelse)
OC_REQUIRED(sigignore)
OC_REQUIRED(sigprocmask)
OC_OPTIONAL(pthread_sigmask) /* before glibc 2.32 not in every program */
OC_REQUIRED(sigblock)
OC_REQUIRED(sigsetmask)
OC_REQUIRED(siggetmask)
OC_REQUIRED(sigsuspend)
OC_REQUIRED(ppoll)
OC_REQUIRED(__ppoll_chk)
OC_REQUIRED(pselect)
OC_REQUIRED(epoll_pwait)
OC_OPTIONAL(epoll_pwait2)
OC_REQUIRED(sigwait)
OC_REQUIRED(sigwaitinfo)
OC_REQUIRED(sigtimedwait)
OC_REQUIRED(signalfd)
OC_REQUIRED(sigaltstack)

/* Before glibc 2.34 in a library of its own, that not every program has. */
OC_LATE(pthread_create)
OC_LATE(pthread_cancel)
OC_LATE(thrd_create)
