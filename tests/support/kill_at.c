/* Ends a process and all that it started with SIGKILL at one certain operation on a file, for tests.

   Loaded into every program by LD_PRELOAD. It counts what changes files below KILL_BELOW: files opened to be
   made or cut, written, renamed, linked, removed, folders made and removed. Just before number KILL_AT the
   whole process group is ended; a write stops half-way. Each step adds a byte to the file KILL_COUNT, whose
   size is the number, and its path to the file KILL_TRACE if there is to be one. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void remember_group(void) {
    char number[32];
    snprintf(number, sizeof number, "%d", (int)getpgrp());
    setenv("KILL_GROUP", number, 0);
}

/* Is this the step at which to end? */
static int due(const char *path) {
    const char *at = getenv("KILL_AT"), *count = getenv("KILL_COUNT"), *prefix = getenv("KILL_BELOW");
    char line[2 * PATH_MAX + 2] = "", *start = line;
    if (!at || !count || !prefix || !path)
        return 0;
    if (path[0] != '/' && getcwd(line, PATH_MAX)) {
        start = line + strlen(line);
        *start++ = '/';
    }
    snprintf(start, PATH_MAX, "%s\n", path);
    if (strncmp(line, prefix, strlen(prefix)) != 0)
        return 0;
    int file = (int)syscall(SYS_openat, AT_FDCWD, count, O_WRONLY | O_APPEND | O_CREAT, 0600);
    syscall(SYS_write, file, ".", 1);
    long number = syscall(SYS_lseek, file, 0, SEEK_CUR);
    syscall(SYS_close, file);
    if (getenv("KILL_TRACE")) {
        file = (int)syscall(SYS_openat, AT_FDCWD, getenv("KILL_TRACE"), O_WRONLY | O_APPEND | O_CREAT, 0600);
        syscall(SYS_write, file, line, strlen(line));
        syscall(SYS_close, file);
    }
    return number == atol(at);
}

static void end(void) {
    kill(-atoi(getenv("KILL_GROUP")), SIGKILL);
    for (;;)
        pause();
}

static void step(const char *path) {
    if (due(path))
        end();
}

#define OPENING(name, ...)                                                                                   \
    mode_t mode = 0;                                                                                         \
    if (flags & (O_CREAT | O_TMPFILE)) {                                                                     \
        va_list rest;                                                                                        \
        va_start(rest, flags);                                                                               \
        mode = va_arg(rest, mode_t);                                                                         \
        va_end(rest);                                                                                        \
    }                                                                                                        \
    if (flags & (O_CREAT | O_TRUNC))                                                                         \
        step(path);                                                                                          \
    return REAL(name)(__VA_ARGS__, flags, mode);

int open(const char *path, int flags, ...) { OPENING(open, path) }
int open64(const char *path, int flags, ...) { OPENING(open64, path) }
int openat(int folder, const char *path, int flags, ...) { OPENING(openat, folder, path) }
int openat64(int folder, const char *path, int flags, ...) { OPENING(openat64, folder, path) }

FILE *fopen64(const char *path, const char *how) {
    if (how[0] != 'r')
        step(path);
    return REAL(fopen64)(path, how);
}

int rename(const char *old, const char *new) { step(new); return REAL(rename)(old, new); }
int link(const char *old, const char *new) { step(new); return REAL(link)(old, new); }
int symlink(const char *old, const char *new) { step(new); return REAL(symlink)(old, new); }
int unlink(const char *path) { step(path); return REAL(unlink)(path); }
int unlinkat(int folder, const char *path, int flags) { step(path); return REAL(unlinkat)(folder, path, flags); }
int mkdir(const char *path, mode_t mode) { step(path); return REAL(mkdir)(path, mode); }
int rmdir(const char *path) { step(path); return REAL(rmdir)(path); }

ssize_t write(int file, const void *data, size_t size) {
    char name[64], path[PATH_MAX];
    snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    long length = file > 2 ? readlink(name, path, sizeof path - 1) : -1;
    if (length > 0) {
        path[length] = 0;
        if (path[0] == '/' && due(path)) {
            syscall(SYS_write, file, data, size / 2);
            end();
        }
    }
    return REAL(write)(file, data, size);
}
