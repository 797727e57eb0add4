/* Two programs in one, for execve.test.ts. `execve-probe show` (also when called by any other name): who am I, one line from
 * /proc/self/status. `execve-probe perform FOLDER`: reads tab-separated lines, becomes the process a line describes, executes FOLDER's
 * files, and answers one line each. As root only; static, so that nothing but the kernel decides what happens. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static void die(const char *what) {
  printf("broken\t%s: %s\n", what, strerror(errno));
  fflush(stdout);
  _exit(99);
}

static int show(void) {
  static const char *wanted[] = {"Uid:", "Gid:", "CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:", "NoNewPrivs:"};
  char line[4096];
  char out[4096] = "status";
  FILE *file = fopen("/proc/self/status", "r");
  if (file == NULL) die("/proc/self/status");
  while (fgets(line, sizeof line, file) != NULL)
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
      if (strncmp(line, wanted[i], strlen(wanted[i])) == 0) {
        line[strcspn(line, "\n")] = 0;
        char *value = line + strlen(wanted[i]) + 1;
        for (char *c = value; *c; c++)
          if (*c == '\t') *c = ' ';
        strcat(strcat(out, "\t"), value);
      }
  puts(out);
  return fflush(stdout) == 0 ? 0 : 1;
}

static void set_capabilities(uint64_t permitted, uint64_t effective, uint64_t inheritable) {
  struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  for (int i = 0; i < 2; i++) {
    data[i].permitted = (uint32_t)(permitted >> (32 * i));
    data[i].effective = (uint32_t)(effective >> (32 * i));
    data[i].inheritable = (uint32_t)(inheritable >> (32 * i));
  }
  if (syscall(SYS_capset, &head, data) != 0) die("capset");
}

static uint64_t own_permitted(void) {
  struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  if (syscall(SYS_capget, &head, data) != 0) die("capget");
  return data[0].permitted | (uint64_t)data[1].permitted << 32;
}

static uint64_t hex(const char *text) { return strtoull(text, NULL, 16); }

/* ruid euid rgid egid groups permitted inheritable ambient dropped no_new_privs securebits */
static void become(char **word) {
  uint64_t all = own_permitted();
  uint64_t permitted = hex(word[5]), inheritable = hex(word[6]), ambient = hex(word[7]), dropped = hex(word[8]);
  gid_t groups[64];
  size_t count = 0;
  for (char *at = strtok(word[4], ","); at != NULL; at = strtok(NULL, ",")) groups[count++] = (gid_t)strtoul(at, NULL, 10);
  set_capabilities(all, all, inheritable);
  for (int i = 0; i < 64; i++)
    if (dropped >> i & 1)
      if (prctl(PR_CAPBSET_DROP, i, 0, 0, 0) != 0) die("PR_CAPBSET_DROP");
  if (setgroups(count, groups) != 0) die("setgroups");
  if (prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS | SECBIT_NO_SETUID_FIXUP | strtoul(word[10], NULL, 10), 0, 0, 0) != 0)
    die("securebits");
  if (setresgid((gid_t)atoi(word[2]), (gid_t)atoi(word[3]), (gid_t)atoi(word[3])) != 0) die("setresgid");
  if (setresuid((uid_t)atoi(word[0]), (uid_t)atoi(word[1]), (uid_t)atoi(word[1])) != 0) die("setresuid");
  set_capabilities(permitted, permitted, inheritable);
  for (int i = 0; i < 64; i++)
    if (ambient >> i & 1)
      if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) != 0) die("PR_CAP_AMBIENT_RAISE");
  if (atoi(word[9]) && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) die("no_new_privs");
}

/* path uid gid mode attribute: chown clears set-id bits and capabilities, so it comes first */
static void prepare(char **word) {
  unsigned char bytes[256];
  size_t length = strlen(word[4]) / 2;
  if (chown(word[0], (uid_t)atoi(word[1]), (gid_t)atoi(word[2])) != 0) die("chown");
  if (chmod(word[0], (mode_t)strtoul(word[3], NULL, 8)) != 0) die("chmod");
  if (removexattr(word[0], "security.capability") != 0 && errno != ENODATA) die("removexattr");
  if (strcmp(word[4], "-") == 0) return;
  for (size_t i = 0; i < length; i++) {
    unsigned value;
    sscanf(word[4] + 2 * i, "%2x", &value);
    bytes[i] = (unsigned char)value;
  }
  if (setxattr(word[0], "security.capability", bytes, length, 0) != 0) die("setxattr");
}

static int perform(const char *folder) {
  char plain[256], nosuid[256];
  snprintf(plain, sizeof plain, "%s/plain", folder);
  snprintf(nosuid, sizeof nosuid, "%s/nosuid", folder);
  if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) die("unshare");
  if (mount(plain, nosuid, NULL, MS_BIND, NULL) != 0) die("bind");
  if (mount("none", nosuid, NULL, MS_BIND | MS_REMOUNT | MS_NOSUID, NULL) != 0) die("nosuid");
  static char line[8192];
  while (fgets(line, sizeof line, stdin) != NULL) {
    char *word[32] = {0};
    int count = 0;
    line[strcspn(line, "\n")] = 0;
    for (char *at = line, *next; at != NULL && count < 32; at = next) {
      next = strchr(at, '\t');
      if (next != NULL) *next++ = 0;
      word[count++] = at;
    }
    if (strcmp(word[0], "file") == 0) {
      prepare(word + 1);
      continue;
    }
    /* run direct|shell PATH then who */
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
      become(word + 3);
      char *none[] = {NULL};
      dup2(1, 2);
      if (strcmp(word[1], "shell") == 0) {
        char *argv[] = {"sh", "-c", "exec \"$0\"", word[2], NULL};
        execve("/bin/sh", argv, none);
      } else {
        char *argv[] = {word[2], NULL};
        execve(word[2], argv, none);
      }
      printf("errno\t%d\n", errno);
      fflush(stdout);
      _exit(0);
    }
    int status;
    if (waitpid(pid, &status, 0) != pid) die("waitpid");
    puts("end");
  }
  return fflush(stdout) == 0 ? 0 : 1;
}

int main(int argc, char **argv) {
  return argc == 3 && strcmp(argv[1], "perform") == 0 ? perform(argv[2]) : show();
}
