/* What holds a pod's namespaces open: waits until told to end. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void ended(int signal) {
  (void)signal;
  _exit(0);
}
static void reap(int signal) {
  (void)signal;
  while (waitpid(-1, NULL, WNOHANG) > 0) {}
}

int main(void) {
  signal(SIGTERM, ended);
  signal(SIGINT, ended);
  signal(SIGCHLD, reap);
  for (;;) pause();
}
