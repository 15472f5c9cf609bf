/* Finds functions in the vDSO, the library that the kernel maps into every process. Never in the handler. */
#ifndef DPP_VDSO_H
#define DPP_VDSO_H

#include "region.h"

/* A function that the vDSO image at `image` (an ELF header, mapped as it lies in its file) exports; 0: none of this name. */
void *vdso_symbol(const u8 *image, const char *name);

/* Readies clock_vdso. False: the kernel maps no vDSO, or one without __vdso_clock_gettime. */
int vdso_find(void);

#endif
