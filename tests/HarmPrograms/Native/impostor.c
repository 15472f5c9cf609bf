/*
 * impostor FILE...: maps the files, says "ready" and waits. It has no libraries of its own, so the files' names and
 * contents make it what it is taken for. MARK, if defined, is a text that its executable holds.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef MARK
__attribute__((used)) static const char mark[] = MARK;
#endif

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        int file = open(argv[i], O_RDONLY | O_CLOEXEC);
        if (file < 0 || mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 0) == MAP_FAILED) {
            perror(argv[i]);
            return 1;
        }
    }
    puts("ready");
    fflush(stdout);
    char byte;
    return read(0, &byte, 1) < 0;
}
