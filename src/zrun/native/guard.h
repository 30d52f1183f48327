/*
 * A guard: the process between the keeper (keeper.h) and a program whose processes end with it. A
 * probe's command has one: what the command leaves behind is no part of the service, must not count
 * as it, and must not pile up.
 *
 *   keeper ── guard ── command ── ...
 *                └──── what the command left: adopted by the guard, killed with the command
 *
 * The keeper forks it with another exit signal than SIGCHLD: so waitpid(-1) of the keeper sees the
 * service's processes only. SIGTERM to the guard kills all that it has; a signal with a value is passed
 * on to the process group of the program (guard_pass).
 */
#ifndef SAMOZA_ZRUN_NATIVE_GUARD_H
#define SAMOZA_ZRUN_NATIVE_GUARD_H

#include <signal.h>
#include <sys/types.h>

#define GUARD_EXIT_SIGNAL SIGUSR1

/* As fork(). */
pid_t guard_fork(void);
/* In the child: `program` forks and execs it and returns its number, or -1. Then the guard has no
 * descriptors any more. Ends as the program did, once nothing that it left lives. */
__attribute__((noreturn)) void guard_run(pid_t (*program)(void *user), void *user);
/* Sends the signal to the process group of the guard's program. */
void guard_pass(pid_t guard, int number);
/* As waitpid() with WNOHANG, or without it, of a guard. */
pid_t guard_wait(pid_t pid, int *ret_status, int flags);

#endif
