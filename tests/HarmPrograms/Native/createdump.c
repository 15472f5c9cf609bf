/*
 * Attaches to all threads of its parent and lets go of them, as the runtime's createdump does and as naively: whatever a
 * thread stops for is taken for the SIGSTOP that attaching sends. 400 times over, and exits with how often that has left
 * the parent stopped; it is continued each time. With 255 when it may not attach.
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 400
#define MOST_THREADS 512
#define MOST_REPORTED 200

static int attach_all(pid_t process, pid_t *threads)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", process);
    DIR *tasks = opendir(path);
    if (!tasks)
        exit(254);
    int count = 0;
    for (struct dirent *task; (task = readdir(tasks)) && count < MOST_THREADS;) {
        pid_t thread = atoi(task->d_name);
        int status;
        if (thread == 0)
            continue;
        if (ptrace(PTRACE_ATTACH, thread, 0, 0) != 0) {
            if (thread == process)
                exit(255);
            continue; /* it is about to end */
        }
        waitpid(thread, &status, __WALL);
        threads[count++] = thread;
    }
    closedir(tasks);
    return count;
}

static int is_stopped(pid_t process)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%d/stat", process);
    FILE *stat = fopen(path, "r");
    size_t length = stat ? fread(text, 1, sizeof text - 1, stat) : 0;
    if (stat)
        fclose(stat);
    text[length] = 0;
    const char *name_end = strrchr(text, ')');
    return name_end && name_end[1] && name_end[2] == 'T';
}

int main(void)
{
    static pid_t threads[MOST_THREADS];
    pid_t process = getppid();
    int left = 0;
    usleep(20000); /* it is loaded by then; the real one takes longer */
    for (int round = 0; round < ROUNDS; round++) {
        int count = attach_all(process, threads);
        for (int i = 0; i < count; i++)
            ptrace(PTRACE_DETACH, threads[i], 0, 0);
        usleep(2000 + (unsigned)rand() % 4000); /* out of step with every timer */
        if (is_stopped(process)) {
            left++;
            kill(process, SIGCONT);
        }
    }
    return left < MOST_REPORTED ? left : MOST_REPORTED;
}
