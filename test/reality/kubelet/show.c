/* Prints, as one JSON object on one line, what a process can find out about itself and about the paths it is given (see README.md).
   Static, so that it runs in an image that has nothing else. PATH/ followed by two stars looks at everything below PATH too. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;
static int first_path = 1;

static void text(const char *value) {
  putchar('"');
  for (const unsigned char *c = (const unsigned char *)value; *c; c++) {
    if (*c == '"' || *c == '\\') printf("\\%c", *c);
    else if (*c < 0x20) printf("\\u%04x", *c);
    else putchar(*c);
  }
  putchar('"');
}

static const char *outcome(int result) { return result < 0 ? strerrorname_np(errno) : "ok"; }

static const char *opened(const char *path, int flags) {
  int fd = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
  const char *said = outcome(fd);
  if (fd >= 0) close(fd);
  return said;
}

static const char *type_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR: return "directory";
    case S_IFLNK: return "symlink";
    case S_IFCHR: return "character-device";
    case S_IFBLK: return "block-device";
    case S_IFIFO: return "fifo";
    case S_IFSOCK: return "socket";
    default: return "file";
  }
}

static void look(const char *path, int deep) {
  struct stat s;
  char other[8192];
  printf(first_path ? "" : ",");
  first_path = 0;
  text(path);
  if (lstat(path, &s)) {
    printf(":{\"error\":\"%s\"}", strerrorname_np(errno));
    return;
  }
  printf(":{\"type\":\"%s\",\"mode\":\"%04o\",\"uid\":%u,\"gid\":%u", type_of(s.st_mode), s.st_mode & 07777, s.st_uid, s.st_gid);
  if (S_ISLNK(s.st_mode)) {
    ssize_t n = readlink(path, other, sizeof other - 1);
    if (n >= 0) {
      other[n] = 0;
      printf(",\"target\":");
      text(other);
    }
    printf("}");
    return;
  }
  if (S_ISSOCK(s.st_mode)) {
    printf("}");
    return;
  }
  printf(",\"read\":\"%s\"", opened(path, O_RDONLY));
  if (!S_ISDIR(s.st_mode)) {
    printf(",\"write\":\"%s\"", opened(path, O_WRONLY));
    if (S_ISREG(s.st_mode)) printf(",\"exec\":\"%s\"", outcome(access(path, X_OK)));
    printf("}");
    return;
  }
  snprintf(other, sizeof other, "%s/.show", strcmp(path, "/") ? path : "");
  const char *created = opened(other, O_WRONLY | O_CREAT | O_EXCL);
  if (!strcmp(created, "ok")) unlink(other);
  printf(",\"create\":\"%s\"", created);
  snprintf(other, sizeof other, "%s/.", path);
  struct stat ignored;
  printf(",\"search\":\"%s\"}", outcome(lstat(other, &ignored)));
  if (!deep) return;
  struct dirent **names;
  int count = scandir(path, &names, NULL, alphasort);
  for (int i = 0; i < count; i++) {
    if (!strcmp(names[i]->d_name, ".") || !strcmp(names[i]->d_name, "..")) continue;
    char *below;
    if (asprintf(&below, "%s/%s", strcmp(path, "/") ? path : "", names[i]->d_name) < 0) exit(3);
    look(below, 1);
    free(below);
  }
}

/** The value of one field of /proc/self/status. */
static void status_field(const char *name, char *value, size_t size) {
  char line[4096];
  FILE *file = fopen("/proc/self/status", "r");
  snprintf(value, size, "?");
  while (file && fgets(line, sizeof line, file)) {
    size_t length = strlen(name);
    if (strncmp(line, name, length) || line[length] != ':') continue;
    line[strcspn(line, "\n")] = 0;
    snprintf(value, size, "%s", line + length + 1 + strspn(line + length + 1, "\t "));
  }
  if (file) fclose(file);
}

static void whole_file(const char *key, const char *path) {
  char buffer[512] = "";
  FILE *file = fopen(path, "r");
  size_t n = file ? fread(buffer, 1, sizeof buffer - 1, file) : 0;
  if (file) fclose(file);
  while (n > 0 && (buffer[n - 1] == '\n' || buffer[n - 1] == ' ')) n--;
  buffer[n] = 0;
  for (char *c = buffer; *c; c++) if (*c == '\t') *c = ' ';
  text(key);
  putchar(':');
  text(file ? buffer : "(cannot be opened)");
}

static void ended(int signal) {
  (void)signal;
  _exit(0);
}

int main(int argc, char **argv) {
  static char buffer[1 << 16];
  char value[4096], cwd[4096];
  uid_t ru, eu, su;
  gid_t rg, eg, sg, groups[1024];
  setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
  getresuid(&ru, &eu, &su);
  getresgid(&rg, &eg, &sg);
  printf("{\"uid\":[%u,%u,%u,%u],\"gid\":[%u,%u,%u,%u],\"groups\":[", ru, eu, su, (uid_t)setfsuid(-1), rg, eg, sg, (gid_t)setfsgid(-1));
  int count = getgroups(1024, groups);
  for (int i = 0; i < count; i++) printf("%s%u", i ? "," : "", groups[i]);
  printf("],\"capabilities\":{");
  const char *sets[] = {"inheritable", "CapInh", "permitted", "CapPrm", "effective", "CapEff", "bounding", "CapBnd", "ambient", "CapAmb"};
  for (int i = 0; i < 10; i += 2) {
    status_field(sets[i + 1], value, sizeof value);
    printf("%s\"%s\":\"%s\"", i ? "," : "", sets[i], value);
  }
  status_field("NoNewPrivs", value, sizeof value);
  printf("},\"noNewPrivileges\":%s,\"argv\":[", value[0] == '1' ? "true" : "false");
  for (int i = 0; i < argc; i++) {
    if (i) putchar(',');
    text(argv[i]);
  }
  printf("],\"env\":[");
  for (char **e = environ; *e; e++) {
    if (e != environ) putchar(',');
    text(*e);
  }
  mode_t mask = umask(0);
  umask(mask);
  printf("],\"cwd\":");
  text(getcwd(cwd, sizeof cwd) ? cwd : strerrorname_np(errno));
  printf(",\"umask\":\"%04o\",\"seccomp\":", mask);
  status_field("Seccomp", value, sizeof value);
  text(value);
  printf(",\"kernel\":{");
  whole_file("net.ipv4.ip_unprivileged_port_start", "/proc/sys/net/ipv4/ip_unprivileged_port_start");
  putchar(',');
  whole_file("net.ipv4.ping_group_range", "/proc/sys/net/ipv4/ping_group_range");
  putchar(',');
  whole_file("uid_map", "/proc/self/uid_map");
  printf("},\"paths\":{");
  for (int i = 1; i < argc; i++) {
    size_t length = strlen(argv[i]);
    int deep = length > 3 && !strcmp(argv[i] + length - 3, "/**");
    char path[4096];
    snprintf(path, sizeof path, "%.*s", (int)(length - (deep ? 3 : 0)), argv[i]);
    look(path, deep);
  }
  printf("}}\n");
  fflush(stdout);
  if (getenv("SHOW_SLEEP")) {
    signal(SIGTERM, ended);
    signal(SIGINT, ended);
    for (;;) pause();
  }
  return 0;
}
