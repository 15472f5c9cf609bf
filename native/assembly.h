/* The assembly in the runtime's own libraries; for the agent's thread. */
#ifndef DPP_ASSEMBLY_H
#define DPP_ASSEMBLY_H

#include "cfi.h"
#include "rules.h"

/* Looks at that of a module that is leaf_only, before it is in force. */
void assembly_inspect(CfiModule *module);

/* Publishes the rules that it needs: for the calls in it, and for what its tables tell wrong. */
void assembly_publish(void);

/* The rule at code that pops registers and returns; false for other code. */
u32 assembly_epilogue(const u8 *code, u32 size, StepRule *rule);

/*
 * Whether a function returns to the first word that it pushed. So does the one that takes the place of a return address:
 * it is entered by a return, and makes room for the address that it then goes on to. Its tables tell of a call.
 */
u32 assembly_returns_into_own(const u8 *code, u32 size);

#endif
