/* What a disk has been told, as a journal: preloaded into a process, it writes down every change that the process
 * makes to files under a folder, and every sync, in order. `replay.py` makes of it what a power loss would leave.
 *
 * SHIM_ROOT: the folder, absolute. SHIM_JOURNAL: path of the journal; the process's id is appended.
 * A record: op, time (CLOCK_MONOTONIC, ns), inode, offset, two lengths, two byte strings. A sync is written down
 * after it succeeded and before its caller goes on, so that whatever was acknowledged comes after it.
 * Memory maps aren't seen: SQLite's -shm needn't survive, and nothing else is written through one.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct header {
    uint64_t time_ns, inode, offset;
    uint32_t first, second;
    uint32_t op;
    uint32_t padding;
};

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static char root[PATH_MAX];
static size_t root_length;
static int journal = -1;
static pid_t owner;

static void begin(void)
{
    const char *folder = getenv("SHIM_ROOT"), *path = getenv("SHIM_JOURNAL");
    char name[PATH_MAX];
    if (!folder || !path)
        return;
    snprintf(root, sizeof root, "%s", folder);
    root_length = strlen(root);
    snprintf(name, sizeof name, "%s.%d", path, (int)getpid());
    owner = getpid();
    journal = (int)syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

__attribute__((constructor)) static void loaded(void) { begin(); }

static int ours(const char *path)
{
    return journal >= 0 && strncmp(path, root, root_length) == 0 && (path[root_length] == '/' || !path[root_length]);
}

static void put(const void *bytes, size_t length)
{
    const char *from = bytes;
    while (length) {
        ssize_t done = syscall(SYS_write, journal, from, length);
        if (done <= 0) {
            if (done < 0 && errno == EINTR)
                continue;
            abort();
        }
        from += done;
        length -= (size_t)done;
    }
}

static void note(char op, uint64_t inode, uint64_t offset, const void *a, size_t a_length, const void *b, size_t b_length)
{
    int kept = errno;
    struct timespec now;
    pthread_mutex_lock(&turn);
    if (owner != getpid()) { /* a forked child: a journal of its own */
        begin();
    }
    clock_gettime(CLOCK_MONOTONIC, &now);
    struct header head = {(uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec, inode, offset,
                          (uint32_t)a_length, (uint32_t)b_length, (uint32_t)op, 0};
    put(&head, sizeof head);
    put(a, a_length);
    put(b, b_length);
    pthread_mutex_unlock(&turn);
    errno = kept;
}

/* The path of a descriptor, if it is under the root; its inode. */
static int known(int fd, char *path, uint64_t *inode)
{
    char link[64];
    struct stat facts;
    int kept = errno, found = 0;
    if (journal < 0 || fd < 0)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length > 0) {
        path[length] = 0;
        found = ours(path) && syscall(SYS_fstat, fd, &facts) == 0;
        if (found)
            *inode = facts.st_ino;
    }
    errno = kept;
    return found;
}

/* An absolute path from a directory's descriptor and a name. */
static int absolute(int dirfd, const char *name, char *path)
{
    if (name[0] == '/')
        return snprintf(path, PATH_MAX, "%s", name) < PATH_MAX;
    char link[64], base[PATH_MAX];
    snprintf(link, sizeof link, dirfd == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", dirfd);
    ssize_t length = readlink(link, base, sizeof base - 1);
    if (length <= 0)
        return 0;
    base[length] = 0;
    return snprintf(path, PATH_MAX, "%s/%s", base, name) < PATH_MAX;
}

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) \
        real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

/* ── opening ──────────────────────────────────────────────────────────────────────────────────── */

static int opened(int dirfd, const char *name, int flags, mode_t mode)
{
    char path[PATH_MAX];
    struct stat facts;
    int kept = errno;
    int watch = journal >= 0 && absolute(dirfd, name, path) && ours(path);
    int there = watch && syscall(SYS_newfstatat, dirfd, name, &facts, 0) == 0;
    errno = kept;
    int fd = (int)syscall(SYS_openat, dirfd, name, flags, mode);
    if (fd >= 0 && watch && !(flags & O_DIRECTORY)) {
        uint64_t inode;
        if (known(fd, path, &inode)) {
            if (!there && (flags & O_CREAT))
                note('C', inode, 0, path, strlen(path), 0, 0);
            else if (there && (flags & O_TRUNC) && (flags & O_ACCMODE) != O_RDONLY)
                note('T', inode, 0, 0, 0, 0, 0);
        }
    }
    return fd;
}

#define MODE_OF(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { \
        va_list more; \
        va_start(more, flags); \
        mode = va_arg(more, mode_t); \
        va_end(more); \
    }

int open(const char *name, int flags, ...) { MODE_OF(flags) return opened(AT_FDCWD, name, flags, mode); }
int open64(const char *name, int flags, ...) { MODE_OF(flags) return opened(AT_FDCWD, name, flags | O_LARGEFILE, mode); }
int openat(int at, const char *name, int flags, ...) { MODE_OF(flags) return opened(at, name, flags, mode); }
int openat64(int at, const char *name, int flags, ...) { MODE_OF(flags) return opened(at, name, flags | O_LARGEFILE, mode); }
int creat(const char *name, mode_t mode) { return opened(AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *name, mode_t mode) { return opened(AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC, mode); }

/* ── writing ──────────────────────────────────────────────────────────────────────────────────── */

static uint64_t place_before(int fd, ssize_t done)
{
    off_t now = (off_t)syscall(SYS_lseek, fd, 0, SEEK_CUR);
    return now < done ? 0 : (uint64_t)(now - done);
}

ssize_t write(int fd, const void *bytes, size_t length)
{
    char path[PATH_MAX];
    uint64_t inode;
    REAL(write);
    ssize_t done = real(fd, bytes, length);
    if (done > 0 && known(fd, path, &inode))
        note('W', inode, place_before(fd, done), bytes, (size_t)done, 0, 0);
    return done;
}

static ssize_t noted_at(int fd, const void *bytes, ssize_t done, off_t offset)
{
    char path[PATH_MAX];
    uint64_t inode;
    if (done > 0 && known(fd, path, &inode))
        note('W', inode, (uint64_t)offset, bytes, (size_t)done, 0, 0);
    return done;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
    REAL(pwrite);
    return noted_at(fd, bytes, real(fd, bytes, length, offset), offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset)
{
    REAL(pwrite64);
    return noted_at(fd, bytes, real(fd, bytes, length, offset), offset);
}

static void parts(int fd, const struct iovec *vector, int count, ssize_t done, uint64_t offset)
{
    char path[PATH_MAX];
    uint64_t inode;
    if (done <= 0 || !known(fd, path, &inode))
        return;
    for (int i = 0; i < count && done > 0; i++) {
        size_t length = vector[i].iov_len < (size_t)done ? vector[i].iov_len : (size_t)done;
        note('W', inode, offset, vector[i].iov_base, length, 0, 0);
        offset += length;
        done -= (ssize_t)length;
    }
}

ssize_t writev(int fd, const struct iovec *vector, int count)
{
    REAL(writev);
    ssize_t done = real(fd, vector, count);
    if (done > 0)
        parts(fd, vector, count, done, place_before(fd, done));
    return done;
}

ssize_t pwritev(int fd, const struct iovec *vector, int count, off_t offset)
{
    REAL(pwritev);
    ssize_t done = real(fd, vector, count, offset);
    parts(fd, vector, count, done, (uint64_t)offset);
    return done;
}

/* What the kernel copied by itself is read back. */
static void copied(int fd, uint64_t offset, ssize_t done)
{
    char path[PATH_MAX], link[64], buffer[65536];
    uint64_t inode;
    if (done <= 0 || !known(fd, path, &inode))
        return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int again = (int)syscall(SYS_openat, AT_FDCWD, link, O_RDONLY | O_CLOEXEC, 0);
    while (again >= 0 && done > 0) {
        size_t wanted = (size_t)done < sizeof buffer ? (size_t)done : sizeof buffer;
        ssize_t got = syscall(SYS_pread64, again, buffer, wanted, offset);
        if (got <= 0)
            break;
        note('W', inode, offset, buffer, (size_t)got, 0, 0);
        offset += (uint64_t)got;
        done -= got;
    }
    if (again >= 0)
        syscall(SYS_close, again);
}

ssize_t sendfile(int out, int in, off_t *offset, size_t count)
{
    REAL(sendfile);
    ssize_t done = real(out, in, offset, count);
    if (done > 0)
        copied(out, place_before(out, done), done);
    return done;
}

ssize_t sendfile64(int out, int in, off64_t *offset, size_t count) { return sendfile(out, in, (off_t *)offset, count); }

ssize_t copy_file_range(int in, off64_t *in_at, int out, off64_t *out_at, size_t length, unsigned flags)
{
    REAL(copy_file_range);
    ssize_t done = real(in, in_at, out, out_at, length, flags);
    if (done > 0)
        copied(out, out_at ? (uint64_t)(*out_at - done) : place_before(out, done), done);
    return done;
}

static int cut(int fd, off_t length, int outcome)
{
    char path[PATH_MAX];
    uint64_t inode;
    if (outcome == 0 && known(fd, path, &inode))
        note('T', inode, (uint64_t)length, 0, 0, 0, 0);
    return outcome;
}

int ftruncate(int fd, off_t length)
{
    REAL(ftruncate);
    return cut(fd, length, real(fd, length));
}

int ftruncate64(int fd, off64_t length)
{
    REAL(ftruncate64);
    return cut(fd, length, real(fd, length));
}

static int grown(int fd, off_t offset, off_t length, int outcome)
{
    struct stat facts;
    if (outcome == 0 && syscall(SYS_fstat, fd, &facts) == 0 && facts.st_size <= offset + length)
        return cut(fd, facts.st_size, 0);
    return outcome;
}

int posix_fallocate(int fd, off_t offset, off_t length)
{
    REAL(posix_fallocate);
    return grown(fd, offset, length, real(fd, offset, length));
}

int posix_fallocate64(int fd, off64_t offset, off64_t length) { return posix_fallocate(fd, offset, length); }

/* ── names ────────────────────────────────────────────────────────────────────────────────────── */

static int moved(int from_at, const char *from, int to_at, const char *to, int outcome)
{
    char one[PATH_MAX], other[PATH_MAX];
    if (outcome == 0 && journal >= 0 && absolute(from_at, from, one) && absolute(to_at, to, other) &&
        (ours(one) || ours(other)))
        note('R', 0, 0, one, strlen(one), other, strlen(other));
    return outcome;
}

int rename(const char *from, const char *to)
{
    REAL(rename);
    return moved(AT_FDCWD, from, AT_FDCWD, to, real(from, to));
}

int renameat(int from_at, const char *from, int to_at, const char *to)
{
    REAL(renameat);
    return moved(from_at, from, to_at, to, real(from_at, from, to_at, to));
}

int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags)
{
    REAL(renameat2);
    return moved(from_at, from, to_at, to, real(from_at, from, to_at, to, flags));
}

static int named(char op, int at, const char *name, int outcome)
{
    char path[PATH_MAX];
    if (outcome == 0 && journal >= 0 && absolute(at, name, path) && ours(path))
        note(op, 0, 0, path, strlen(path), 0, 0);
    return outcome;
}

int unlink(const char *name)
{
    REAL(unlink);
    return named('U', AT_FDCWD, name, real(name));
}

int unlinkat(int at, const char *name, int flags)
{
    REAL(unlinkat);
    return named('U', at, name, real(at, name, flags));
}

int remove(const char *name)
{
    REAL(remove);
    return named('U', AT_FDCWD, name, real(name));
}

int rmdir(const char *name)
{
    REAL(rmdir);
    return named('U', AT_FDCWD, name, real(name));
}

int mkdir(const char *name, mode_t mode)
{
    REAL(mkdir);
    return named('M', AT_FDCWD, name, real(name, mode));
}

int mkdirat(int at, const char *name, mode_t mode)
{
    REAL(mkdirat);
    return named('M', at, name, real(at, name, mode));
}

/* ── syncing ──────────────────────────────────────────────────────────────────────────────────── */

/* Files of the cache are written by C's own streams, which can't be seen: their bytes are read at the sync. */
static void whole(int fd, uint64_t inode)
{
    struct stat facts;
    if (syscall(SYS_fstat, fd, &facts) != 0)
        return;
    note('T', inode, (uint64_t)facts.st_size, 0, 0, 0, 0);
    copied(fd, 0, facts.st_size);
}

static int synced(int fd, int outcome)
{
    char path[PATH_MAX];
    struct stat facts;
    uint64_t inode;
    if (outcome == 0 && known(fd, path, &inode) && syscall(SYS_fstat, fd, &facts) == 0) {
        if (S_ISDIR(facts.st_mode)) {
            note('G', inode, 0, path, strlen(path), 0, 0);
        } else {
            if (strncmp(path + root_length, "/cache/", 7) == 0)
                whole(fd, inode);
            note('F', inode, 0, 0, 0, 0, 0);
        }
    }
    return outcome;
}

int fsync(int fd)
{
    REAL(fsync);
    return synced(fd, real(fd));
}

int fdatasync(int fd)
{
    REAL(fdatasync);
    return synced(fd, real(fd));
}
