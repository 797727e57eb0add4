/*
 * Performs operations for real, with a chosen identity, through system calls, and reports each errno. performer.ts compiles and drives it.
 * Reads tab-separated lines (main loop: `line`), prints tab-separated lines. Without arguments the lines are carried out one after the other;
 * as `perform scenarios FOLDER PROGRAM` every block of lines up to `end` is carried out by a process of its own, in a root directory of its
 * own, with network, host name and mounts of this program, so that thousands of scenarios cost one start.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <linux/capability.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define MAX_FIELDS 64
#define MAX_TARGETS 16
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

static char *program;
static size_t program_size;
static const char *folder;
static pid_t targets[MAX_TARGETS];
static int target_count;
static int own_uts = -1;
static int user_namespace = -1;

static void die(const char *what, const char *which) {
  fprintf(stderr, "%s %s: %s\n", what, which, strerror(errno));
  fflush(stderr);
  _exit(3);
}

static int number(const char *text) { return (int)strtoll(text, NULL, 10); }
static int is(const char *a, const char *b) { return strcmp(a, b) == 0; }
static int result(long got) { return got < 0 ? errno : 0; }

static int split(char *line, char **fields) {
  int count = 0;
  fields[count++] = line;
  for (char *at = line; *at; at++)
    if (*at == '\t') {
      *at = 0;
      if (count < MAX_FIELDS - 1) fields[count++] = at + 1;
    }
  for (int i = count; i < MAX_FIELDS; i++) fields[i] = "";
  return count;
}

static size_t unhex(const char *hex, unsigned char *bytes, size_t most) {
  size_t size = 0;
  for (; hex[0] && hex[1] && size < most; hex += 2) {
    char pair[3] = {hex[0], hex[1], 0};
    bytes[size++] = (unsigned char)strtoul(pair, NULL, 16);
  }
  return size;
}

static int open_flags(const char *letters) {
  int flags = O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  for (; *letters; letters++) switch (*letters) {
      case 'w': flags |= O_WRONLY; break;
      case 'b': flags |= O_RDWR; break;
      case 'c': flags |= O_CREAT; break;
      case 'x': flags |= O_EXCL; break;
      case 't': flags |= O_TRUNC; break;
      case 'a': flags |= O_APPEND; break;
      case 'd': flags |= O_DIRECTORY; break;
      case 'n': flags |= O_NOFOLLOW; break;
      case 'p': flags |= O_PATH; break;
      case 'T': flags |= O_TMPFILE; break;
    }
  return flags;
}

static int on_socket(int family, int type, int protocol, int (*work)(int, char **), char **arguments) {
  int s = socket(family, type | SOCK_CLOEXEC, protocol);
  if (s < 0) return errno;
  int answer = work(s, arguments);
  close(s);
  return answer;
}

static struct sockaddr_un unix_address(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) die("too long for a socket", path);
  strcpy(address.sun_path, path);
  return address;
}

static int bind_unix(int s, char **a) {
  struct sockaddr_un address = unix_address(a[0]);
  return result(bind(s, (struct sockaddr *)&address, sizeof address));
}
static int connect_unix(int s, char **a) {
  struct sockaddr_un address = unix_address(a[0]);
  return result(connect(s, (struct sockaddr *)&address, sizeof address));
}
static int bind_inet(int s, char **a) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(number(a[1]))};
  if (*a[2]) inet_pton(AF_INET, a[2], &address.sin_addr);
  return result(bind(s, (struct sockaddr *)&address, sizeof address));
}
static int bind_inet6(int s, char **a) {
  struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(number(a[1]))};
  inet_pton(AF_INET6, a[2], &address.sin6_addr);
  return result(bind(s, (struct sockaddr *)&address, sizeof address));
}
static int nothing(int s, char **a) { return (void)s, (void)a, 0; }
static int option(int s, char **a) {
  int one = 1, big = 4096;
  const char *name = a[0];
  if (is(name, "SO_MARK")) return result(setsockopt(s, SOL_SOCKET, SO_MARK, &one, sizeof one));
  if (is(name, "SO_RCVBUFFORCE")) return result(setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof big));
  if (is(name, "SO_SNDBUFFORCE")) return result(setsockopt(s, SOL_SOCKET, SO_SNDBUFFORCE, &big, sizeof big));
  if (is(name, "SO_DEBUG")) return result(setsockopt(s, SOL_SOCKET, SO_DEBUG, &one, sizeof one));
  if (is(name, "IP_TRANSPARENT")) return result(setsockopt(s, IPPROTO_IP, 19, &one, sizeof one));
  if (is(name, "IPV6_TRANSPARENT")) return result(setsockopt(s, IPPROTO_IPV6, 75, &one, sizeof one));
  return result(setsockopt(s, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one));
}

/* A minimal list that says what the mode says already, or the list the file has: setting it changes nothing but is asked for all the same. */
static int same_acl(const char *path) {
  unsigned char value[4096];
  ssize_t size = getxattr(path, "system.posix_acl_access", value, sizeof value);
  if (size < 0) {
    struct stat s;
    memset(&s, 0, sizeof s);
    stat(path, &s);
    uint16_t tags[3] = {1, 4, 32};
    uint32_t version = 2, none = 0xffffffff;
    memcpy(value, &version, 4);
    for (int i = 0; i < 3; i++) {
      uint16_t perm = (s.st_mode >> (6 - 3 * i)) & 7;
      memcpy(value + 4 + 8 * i, &tags[i], 2);
      memcpy(value + 6 + 8 * i, &perm, 2);
      memcpy(value + 8 + 8 * i, &none, 4);
    }
    size = 28;
  }
  return result(setxattr(path, "system.posix_acl_access", value, size, 0));
}

static int one_setxattr(char **a) {
  if (is(a[1], "system.posix_acl_access") && is(a[2], "same")) return same_acl(a[0]);
  unsigned char value[4096];
  size_t size = unhex(a[2], value, sizeof value);
  return result(setxattr(a[0], a[1], value, size, 0));
}

/* Calls that change the process are made by a child that shares nothing but memory. */
static int changes_process(char **a, int count) {
  const char *op = a[0];
  volatile int answer = 0;
  uint32_t ids[MAX_FIELDS];
  for (int i = 1; i < count; i++) ids[i - 1] = (uint32_t)strtoll(a[i], NULL, 10);
  const int n = count == 2 && *a[1] == 0 ? 0 : count - 1;
  fflush(stdout);
  pid_t pid = vfork();
  if (pid < 0) die("vfork", op);
  if (pid == 0) {
    char *none[] = {NULL};
    if (is(op, "exec")) {
      char *argv[] = {a[1], NULL};
      execve(a[1], argv, none);
      answer = errno;
    } else if (is(op, "status")) {
      char *argv[] = {a[1], "/proc/self/status", NULL};
      execve(a[1], argv, none);
      answer = errno;
    } else if (is(op, "chroot")) answer = result(chroot(a[1]));
    else if (is(op, "setuid")) answer = result(syscall(SYS_setuid, ids[0]));
    else if (is(op, "seteuid")) answer = result(seteuid(ids[0]));
    else if (is(op, "setreuid")) answer = result(syscall(SYS_setreuid, ids[0], ids[1]));
    else if (is(op, "setresuid")) answer = result(syscall(SYS_setresuid, ids[0], ids[1], ids[2]));
    else if (is(op, "setgid")) answer = result(syscall(SYS_setgid, ids[0]));
    else if (is(op, "setegid")) answer = result(setegid(ids[0]));
    else if (is(op, "setregid")) answer = result(syscall(SYS_setregid, ids[0], ids[1]));
    else if (is(op, "setresgid")) answer = result(syscall(SYS_setresgid, ids[0], ids[1], ids[2]));
    /* These two cannot fail, only do nothing; with -1 that is what they are asked for. */
    else if (is(op, "setfsuid")) {
      setfsuid(ids[0]);
      answer = ids[0] == (uint32_t)-1 || (uint32_t)setfsuid(-1) == ids[0] ? 0 : EPERM;
    } else if (is(op, "setfsgid")) {
      setfsgid(ids[0]);
      answer = ids[0] == (uint32_t)-1 || (uint32_t)setfsgid(-1) == ids[0] ? 0 : EPERM;
    } else if (is(op, "setgroups")) answer = result(syscall(SYS_setgroups, n, ids));
    else if (is(op, "mount")) {
      unshare(CLONE_NEWNS);
      answer = result(mount(a[1], a[1], NULL, MS_BIND, NULL));
    } else if (is(op, "priority")) answer = result(setpriority(PRIO_PROCESS, 0, number(a[1])));
    else if (is(op, "unshare")) answer = result(unshare(number(a[1])));
    else if (is(op, "setns")) answer = result(setns(own_uts, CLONE_NEWUTS));
    else if (is(op, "bounding-drop")) answer = result(prctl(PR_CAPBSET_DROP, 0, 0, 0, 0));
    else if (is(op, "rlimit")) {
      struct rlimit limit = {5, 5}, changed = {5, number(a[1]) ? 6 : 5};
      setrlimit(RLIMIT_CORE, &limit);
      answer = result(setrlimit(RLIMIT_CORE, &changed));
    } else answer = ENOSYS;
    _exit(0);
  }
  int status;
  waitpid(pid, &status, 0);
  return answer;
}

static int perform(char **a, int count) {
  const char *op = a[0];
  if (is(op, "open")) {
    int fd = openat(AT_FDCWD, a[1], open_flags(a[2]), number(a[3]));
    if (fd < 0) return errno;
    close(fd);
    return 0;
  }
  struct stat s;
  char buffer[4096];
  int flag3 = number(a[3]) ? AT_SYMLINK_NOFOLLOW : 0;
  if (is(op, "stat")) return result(fstatat(AT_FDCWD, a[1], &s, number(a[2]) ? AT_SYMLINK_NOFOLLOW : 0));
  if (is(op, "access")) return result(syscall(SYS_faccessat, AT_FDCWD, a[1], number(a[2])));
  if (is(op, "chdir")) {
    int answer = result(chdir(a[1]));
    if (answer == 0 && chdir("/") < 0 && errno != EACCES) die("chdir", "/");
    return answer;
  }
  if (is(op, "readlink")) return result(readlink(a[1], buffer, sizeof buffer));
  if (is(op, "mkdir")) return result(mkdir(a[1], number(a[2])));
  if (is(op, "rmdir")) return result(rmdir(a[1]));
  if (is(op, "unlink")) return result(unlink(a[1]));
  if (is(op, "rename")) return result(rename(a[1], a[2]));
  if (is(op, "link")) return result(link(a[1], a[2]));
  if (is(op, "symlink")) return result(symlink(a[2], a[1]));
  if (is(op, "mknod")) return result(syscall(SYS_mknodat, AT_FDCWD, a[1], number(a[2]), number(a[3])));
  if (is(op, "chmod")) {
    if (flag3) return result(syscall(SYS_fchmodat2, AT_FDCWD, a[1], number(a[2]), flag3));
    return result(chmod(a[1], number(a[2])));
  }
  if (is(op, "chown")) return result(fchownat(AT_FDCWD, a[1], number(a[2]), number(a[3]), number(a[4]) ? AT_SYMLINK_NOFOLLOW : 0));
  if (is(op, "truncate")) return result(truncate(a[1], 0));
  if (is(op, "utimes")) {
    struct timespec times[2] = {{1, 0}, {1, 0}};
    return result(utimensat(AT_FDCWD, a[1], number(a[2]) ? NULL : times, flag3));
  }
  if (is(op, "setxattr")) return one_setxattr(a + 1);
  if (is(op, "setcap")) {
    unsigned char value[64];
    size_t size = unhex(a[2], value, sizeof value);
    return result(setxattr(a[1], "security.capability", value, size, 0));
  }
  if (is(op, "bind-unix")) return on_socket(AF_UNIX, SOCK_STREAM, 0, bind_unix, a + 1);
  if (is(op, "connect-unix")) return on_socket(AF_UNIX, SOCK_STREAM, 0, connect_unix, a + 1);
  if (is(op, "bind")) {
    int type = is(a[1], "udp") ? SOCK_DGRAM : SOCK_STREAM;
    return strchr(a[3], ':') ? on_socket(AF_INET6, type, 0, bind_inet6, a + 1) : on_socket(AF_INET, type, 0, bind_inet, a + 1);
  }
  if (is(op, "socket")) {
    int six = is(a[2], "inet6");
    int family = six ? AF_INET6 : AF_INET, icmp = six ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
    if (is(a[1], "raw")) return on_socket(family, SOCK_RAW, icmp, nothing, a);
    if (is(a[1], "ping")) return on_socket(family, SOCK_DGRAM, icmp, nothing, a);
    return is(a[1], "packet") ? on_socket(AF_PACKET, SOCK_RAW, 0, nothing, a) : on_socket(AF_NETLINK, SOCK_RAW, 0, nothing, a);
  }
  if (is(op, "setsockopt")) return on_socket(strncmp(a[1], "IPV6", 4) ? AF_INET : AF_INET6, SOCK_STREAM, 0, option, a + 1);
  if (is(op, "sethostname")) return result(sethostname("x", 1));
  if (is(op, "kill")) {
    int index = number(a[1]);
    if (index < 0 || index >= target_count) die("no such target", a[1]);
    return result(kill(targets[index], number(a[2])));
  }
  int answer = changes_process(a, count);
  if (answer == ENOSYS) die("unknown operation", op);
  return answer;
}

static void set_capabilities(uint64_t effective, uint64_t permitted, uint64_t inheritable) {
  struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {
      {effective, permitted, inheritable}, {effective >> 32, permitted >> 32, inheritable >> 32}};
  if (syscall(SYS_capset, &head, data) < 0) die("capset", "");
}

/*
 * as UID GID GROUPS EFFECTIVE UMASK [INHERITABLE AMBIENT DROPPED NO_NEW_PRIVS [PERMITTED REAL_UID SAVED_UID REAL_GID SAVED_GID]]
 * Sets in hexadecimal, ambient and dropped as numbers with commas; umask octal.
 */
static void become(char **a, int count) {
  uid_t uid = number(a[1]);
  gid_t gid = number(a[2]);
  gid_t groups[64];
  int n = 0;
  for (char *at = strtok(a[3], ","); at && n < 64; at = strtok(NULL, ",")) groups[n++] = strtoll(at, NULL, 10);
  uint64_t effective = strtoull(a[4], NULL, 16), inheritable = strtoull(a[6], NULL, 16);
  uint64_t permitted = count > 10 ? strtoull(a[10], NULL, 16) : effective;
  uid_t real = count > 11 ? (uid_t)number(a[11]) : uid, saved = count > 12 ? (uid_t)number(a[12]) : uid;
  gid_t real_gid = count > 13 ? (gid_t)number(a[13]) : gid, saved_gid = count > 14 ? (gid_t)number(a[14]) : gid;
  struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct all[2];
  if (syscall(SYS_capget, &head, all) < 0) die("capget", "");
  uint64_t have = all[0].permitted | (uint64_t)all[1].permitted << 32;
  if (inheritable) set_capabilities(have, have, inheritable);
  for (char *at = strtok(a[8], ","); at; at = strtok(NULL, ","))
    if (prctl(PR_CAPBSET_DROP, number(at), 0, 0, 0) < 0) die("drop", at);
  prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
  if (syscall(SYS_setgroups, n, groups) < 0) die("setgroups", "");
  if (syscall(SYS_setresgid, real_gid, gid, saved_gid) < 0) die("setresgid", "");
  if (syscall(SYS_setresuid, real, uid, saved) < 0) die("setresuid", "");
  set_capabilities(effective, permitted, inheritable);
  for (char *at = strtok(a[7], ","); at; at = strtok(NULL, ","))
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number(at), 0, 0) < 0) die("ambient", at);
  if (number(a[9]) && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) die("no_new_privs", "");
  umask(strtoul(a[5], NULL, 8));
}

/* userns UIDS GIDS: the namespace that `as` enters; each map as lines of uid_map, separated by semicolons. */
static void make_user_namespace(char **a) {
  int ready[2];
  if (pipe2(ready, O_CLOEXEC) < 0) die("pipe", "");
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    if (unshare(CLONE_NEWUSER) < 0 || write(ready[1], "", 1) != 1) _exit(3);
    for (;;) pause();
  }
  char byte, path[64];
  close(ready[1]);
  if (pid < 0 || read(ready[0], &byte, 1) != 1) die("user namespace", "");
  close(ready[0]);
  for (int i = 1; i <= 2; i++) {
    for (char *at = a[i]; *at; at++)
      if (*at == ';') *at = '\n';
    snprintf(path, sizeof path, "/proc/%d/%s", pid, i == 1 ? "uid_map" : "gid_map");
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, a[i], strlen(a[i])) < 0) die("map", path);
    close(fd);
  }
  snprintf(path, sizeof path, "/proc/%d/ns/user", pid);
  user_namespace = open(path, O_RDONLY | O_CLOEXEC);
  if (user_namespace < 0) die("user namespace", path);
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
}

static void print_attribute(const char *path, const char *name) {
  unsigned char value[4096];
  ssize_t size = lgetxattr(path, name, value, sizeof value);
  putchar('\t');
  for (ssize_t i = 0; i < size; i++) printf("%02x", value[i]);
}

static void dump(const char *path) {
  struct stat s;
  if (lstat(path, &s) < 0) return;
  char target[4096] = "";
  if (S_ISLNK(s.st_mode)) {
    ssize_t size = readlink(path, target, sizeof target - 1);
    target[size < 0 ? 0 : size] = 0;
  }
  printf("entry\t%s\t%u\t%u\t%u\t%s", path, s.st_mode, s.st_uid, s.st_gid, target);
  print_attribute(path, "system.posix_acl_access");
  print_attribute(path, "system.posix_acl_default");
  print_attribute(path, "security.capability");
  putchar('\n');
  if (!S_ISDIR(s.st_mode)) return;
  DIR *directory = opendir(path);
  if (!directory) return;
  for (struct dirent *one; (one = readdir(directory));) {
    if (is(one->d_name, ".") || is(one->d_name, "..")) continue;
    char *child;
    if (asprintf(&child, "%s/%s", is(path, "/") ? "" : path, one->d_name) < 0) die("memory", path);
    dump(child);
    free(child);
  }
  closedir(directory);
}

static void write_file(const char *path, const void *bytes, size_t size) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0 || write(fd, bytes, size) != (ssize_t)size) die("write", path);
  close(fd);
}

static char *read_file(const char *path, size_t *size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  struct stat s;
  if (fd < 0 || fstat(fd, &s) < 0) die("read", path);
  char *bytes = malloc(s.st_size + 1);
  *size = 0;
  for (ssize_t got; (got = read(fd, bytes + *size, s.st_size - *size)) > 0;) *size += got;
  close(fd);
  return bytes;
}

/* node PATH TYPE MODE UID GID EXTRA ACL CAPABILITIES: one entry of a tree, everything said explicitly. */
static void make_node(char **a) {
  const char *path = a[1], *extra = a[6];
  mode_t mode = number(a[3]);
  unsigned char value[4096];
  switch (*a[2]) {
    case 'h':
      if (link(extra, path) < 0) die("link", path);
      return;
    case 'l':
      if (symlink(extra, path) < 0 || lchown(path, number(a[4]), number(a[5])) < 0) die("symlink", path);
      return;
    case 'd':
      if (!is(path, "/") && mkdir(path, 0755) < 0) die("mkdir", path);
      break;
    case 'f': write_file(path, "", 0); break;
    case 'p': write_file(path, program, program_size); break;
    case 's': {
      char line[4200];
      write_file(path, line, snprintf(line, sizeof line, "#!%s\n", extra));
      break;
    }
    case 'F': if (mknod(path, S_IFIFO | 0600, 0) < 0) die("mknod", path); break;
    case 'S': if (mknod(path, S_IFSOCK | 0600, 0) < 0) die("mknod", path); break;
    case 'c': if (mknod(path, S_IFCHR | 0600, 0x103) < 0) die("mknod", path); break;
    default: die("unknown type", a[2]);
  }
  if (chown(path, number(a[4]), number(a[5])) < 0) die("chown", path);
  if (chmod(path, mode) < 0) die("chmod", path);
  size_t size = unhex(a[7], value, sizeof value);
  if (size && setxattr(path, "system.posix_acl_access", value, size, 0) < 0) die("acl", path);
  size = unhex(a[8], value, sizeof value);
  if (size && setxattr(path, "security.capability", value, size, 0) < 0) die("capabilities", path);
}

/* target REAL SAVED OTHER_SESSION: somebody to send signals to. */
static void make_target(char **a) {
  int ready[2];
  if (target_count == MAX_TARGETS || pipe2(ready, O_CLOEXEC) < 0) die("target", "");
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    uid_t real = number(a[1]), saved = number(a[2]);
    signal(SIGTERM, SIG_IGN);
    if (number(a[3])) setsid();
    if (syscall(SYS_setresuid, real, real, saved) < 0) _exit(3);
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (write(ready[1], "", 1) != 1) _exit(3);
    for (;;) pause();
  }
  char byte;
  if (pid < 0 || read(ready[0], &byte, 1) != 1) die("target", a[1]);
  close(ready[0]);
  close(ready[1]);
  targets[target_count++] = pid;
}

/* A directory that has never been another scenario's: attributes outlast the files in it. */
static void make_root(const char *kind) {
  if (is(kind, "memory")) {
    if (mount("tmpfs", folder, "tmpfs", 0, "mode=755") < 0) die("root", folder);
  } else {
    char fresh[4096];
    snprintf(fresh, sizeof fresh, "%s/root", folder);
    if (mkdir(fresh, 0755) < 0 || mount(fresh, folder, NULL, MS_BIND, NULL) < 0) die("root", fresh);
  }
  if (chroot(folder) < 0 || chdir("/") < 0) die("chroot", folder);
}

static void write_sysctl(const char *name, const char *value) {
  char path[256];
  snprintf(path, sizeof path, "/proc/sys/%s", name);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, value, strlen(value)) < 0) die("sysctl", path);
  close(fd);
}

/* Carries out lines[at] and those that belong to it; returns the next one's number. */
static int carry_out(char **lines, int count, int at) {
  char *fields[MAX_FIELDS];
  int n = split(lines[at++], fields);
  const char *what = fields[0];
  if (is(what, "as")) {
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
      if (user_namespace >= 0 && setns(user_namespace, CLONE_NEWUSER) < 0) die("enter", "user namespace");
      become(fields, n);
      for (; at < count && strncmp(lines[at], "do\t", 3) == 0; at++) {
        n = split(lines[at] + 3, fields);
        printf("did\t%d\n", perform(fields, n));
      }
      fflush(stdout);
      _exit(0);
    }
    int status;
    if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0) die("child", lines[at - 1]);
    while (at < count && strncmp(lines[at], "do\t", 3) == 0) at++;
  } else if (is(what, "node")) make_node(fields);
  else if (is(what, "default-acl")) {
    unsigned char value[4096];
    size_t size = unhex(fields[2], value, sizeof value);
    if (setxattr(fields[1], "system.posix_acl_default", value, size, 0) < 0) die("default acl", fields[1]);
  } else if (is(what, "root")) make_root(fields[1]);
  else if (is(what, "userns")) make_user_namespace(fields);
  else if (is(what, "sysctl")) write_sysctl(fields[1], fields[2]);
  else if (is(what, "target")) make_target(fields);
  else if (is(what, "tmpfs")) {
    if (mount("tmpfs", fields[1], "tmpfs", 0, fields[2]) < 0) die("tmpfs", fields[1]);
  } else if (is(what, "bind")) {
    if (mount(fields[1], fields[1], NULL, MS_BIND | MS_REC, NULL) < 0) die("bind", fields[1]);
  } else if (is(what, "remount")) {
    if (mount(NULL, fields[1], NULL, MS_REMOUNT | MS_BIND | number(fields[2]), NULL) < 0) die("remount", fields[1]);
  } else if (is(what, "mount")) { /* a bind mount of a directory on itself */
    if (mount(fields[1], fields[1], NULL, MS_BIND, NULL) < 0) die("mount", fields[1]);
    if (mount(NULL, fields[1], NULL, MS_REMOUNT | MS_BIND | number(fields[2]), NULL) < 0) die("remount", fields[1]);
  } else if (is(what, "unshare")) {
    if (unshare(number(fields[1])) < 0) die("unshare", fields[1]);
    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
  } else if (is(what, "copy")) {
    size_t size;
    char *bytes = read_file(fields[1], &size);
    write_file(fields[2], bytes, size);
    free(bytes);
  } else if (is(what, "write")) write_file(fields[1], fields[2], strlen(fields[2]));
  else if (is(what, "build")) perform(fields + 1, n - 1);
  else if (is(what, "dump")) dump(fields[1]);
  else die("unknown line", what);
  return at;
}

static void carry_out_all(char **lines, int count) {
  for (int at = 0; at < count;) at = carry_out(lines, count, at);
}

static int remove_one(const char *path, const struct stat *s, int kind, struct FTW *place) {
  (void)s, (void)kind;
  return place->level == 0 ? 0 : remove(path);
}

static void one_scenario(char **lines, int count) {
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    own_uts = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);
    carry_out_all(lines, count);
    for (int i = 0; i < target_count; i++) kill(targets[i], SIGKILL);
    fflush(stdout);
    _exit(0);
  }
  int status;
  if (pid < 0 || waitpid(pid, &status, 0) < 0) die("scenario", "");
  while (umount2(folder, MNT_DETACH) == 0);
  nftw(folder, remove_one, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
  printf("end\t%d\n", status);
}

static void own_namespaces(void) {
  if (unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWIPC) < 0) die("unshare", "");
  if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) die("private", "/");
  struct ifreq request = {.ifr_flags = IFF_UP};
  strcpy(request.ifr_name, "lo");
  int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (ioctl(s, SIOCSIFFLAGS, &request) < 0) die("lo", "up");
  close(s);
}

int main(int argc, char **argv) {
  umask(0);
  int scenarios = argc == 4 && is(argv[1], "scenarios");
  if (scenarios) {
    folder = argv[2];
    program = read_file(argv[3], &program_size);
    own_namespaces();
  }
  char **lines = NULL, *line = NULL;
  int count = 0, room = 0;
  size_t size = 0;
  for (ssize_t got; (got = getline(&line, &size, stdin)) >= 0;) {
    if (got > 0 && line[got - 1] == '\n') line[got - 1] = 0;
    if (*line == 0) continue;
    if (scenarios && is(line, "end")) {
      one_scenario(lines, count);
      while (count > 0) free(lines[--count]);
      continue;
    }
    if (count == room) lines = realloc(lines, (room = room * 2 + 64) * sizeof *lines);
    lines[count++] = strdup(line);
  }
  carry_out_all(lines, count);
  fflush(stdout);
  return 0;
}
