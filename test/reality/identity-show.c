/* Prints what a process can find out about itself and about the places of paths.h. Linked statically, so that it runs in an empty image. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

extern char **environ;
static const char *paths[] = {
#include "paths.h"
    NULL};

static void cat(const char *path) {
  char buffer[4096];
  ssize_t n;
  int fd = open(path, O_RDONLY);
  if (fd < 0) {
    printf("%s\n", strerror(errno));
    return;
  }
  while ((n = read(fd, buffer, sizeof buffer)) > 0) fwrite(buffer, 1, n, stdout);
  close(fd);
}

/* A file is opened for writing; in a directory one is made and taken away again; a device is only asked about. */
static const char *may(const char *path, const struct stat *s) {
  char inside[4096];
  struct timespec now;
  int fd;
  if (S_ISLNK(s->st_mode)) return "symlink";
  if (S_ISDIR(s->st_mode)) {
    if (!strncmp(path, "/proc", 5) || !strncmp(path, "/sys", 4) || !strcmp(path, "/dev/pts")) return "directory";
    /* Containers of a pod share /dev/shm. */
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(inside, sizeof inside, "%s/.made-by-show-%ld-%ld", path, (long)now.tv_sec, now.tv_nsec);
    fd = open(inside, O_CREAT | O_EXCL | O_WRONLY, 0600);
    if (fd >= 0) unlink(inside);
  } else {
    fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY);
  }
  if (fd < 0) return strerror(errno);
  close(fd);
  return "writable";
}

int main(int argc, char **argv) {
  char cwd[4096];
  struct stat s;
  int i;
  cat("/proc/self/status");
  printf("Cwd:\t%s\nUmask0:\t%04o\nPortStart:\t", getcwd(cwd, sizeof cwd), umask(0));
  cat("/proc/sys/net/ipv4/ip_unprivileged_port_start");
  printf("PingRange:\t");
  cat("/proc/sys/net/ipv4/ping_group_range");
  for (i = 0; i < argc; i++) printf("Argv:\t%s\n", argv[i]);
  for (char **e = environ; *e; e++) printf("Env:\t%s\n", *e);
  for (i = 1; i <= 2; i++) {
    fstat(i, &s);
    printf("Stream:\t%d\t%s %o %d:%d\n", i, S_ISFIFO(s.st_mode) ? "fifo" : "other", s.st_mode & 07777, s.st_uid, s.st_gid);
  }
  for (i = 0; paths[i]; i++) {
    printf("At:\t%s\t", paths[i]);
    if (lstat(paths[i], &s)) {
      printf("%s\n", errno == ENOENT ? "missing" : strerror(errno));
      continue;
    }
    printf("%o %d:%d\t%s\n", s.st_mode & 07777, s.st_uid, s.st_gid, may(paths[i], &s));
  }
  return 0;
}
