#include "hot.h"

/*
 * A lock-free, insert-only hash set. An entry goes from 0 to its final value once, by compare-and-swap (release) after
 * the chain's words were written; whoever loads it (acquire) sees them. A thread that loses the race has written an
 * orphan into the arena: a few bytes, gone with the session.
 *
 * The table is private; the arena is in the region, so its words are compared but never believed.
 */
#define PROBES 64u

static inline u64 mix(u64 h)
{
    /* the finalizer of MurmurHash3 (public domain) */
    h ^= h >> 33;
    h *= UINT64_C(0xFF51AFD7ED558CCD);
    h ^= h >> 33;
    h *= UINT64_C(0xC4CEB9FE1A85EC53);
    return h ^ h >> 33;
}

static inline u64 hash_chain(const u64 *returns, u32 depth)
{
    u64 h = depth;
    for (u32 i = 0; i < depth; i++)
        h = (h ^ returns[i]) * UINT64_C(0x9E3779B97F4A7C15) + (h >> 29);
    return mix(h);
}

static inline int same_chain(const ChainStore *store, u32 id, u64 hash, const u64 *returns, u32 depth)
{
    u64 offset = (u64)id * REGION_CHAIN_UNIT;
    /* The chain's own depth is the region's word: the bound is ours. */
    if (offset + sizeof(RegionChain) + depth * sizeof(u64) > __atomic_load_n(&store->arena_bytes, __ATOMIC_ACQUIRE))
        return 0;
    const RegionChain *chain = (const RegionChain *)(store->arena + offset);
    if (chain->hash != hash || chain->depth != depth)
        return 0;
    const u64 *words = (const u64 *)(chain + 1);
    for (u32 i = 0; i < depth; i++)
        if (words[i] != returns[i])
            return 0;
    return 1;
}

static u32 append(ChainStore *store, u64 hash, const u64 *returns, u32 depth)
{
    u64 size = (sizeof(RegionChain) + depth * sizeof(u64) + REGION_CHAIN_UNIT - 1) & ~(u64)(REGION_CHAIN_UNIT - 1);
    /* The agent stores it with release once there is memory: beyond, a store could raise SIGBUS. */
    u64 arena_bytes = __atomic_load_n(&store->arena_bytes, __ATOMIC_ACQUIRE);
    /* Once full, stay full: adding on and on must not wrap. */
    if (__atomic_load_n(&store->arena_used, __ATOMIC_RELAXED) + size > arena_bytes)
        return 0;
    u64 offset = __atomic_fetch_add(&store->arena_used, size, __ATOMIC_RELAXED);
    if (offset + size > arena_bytes)
        return 0;
    RegionChain *chain = (RegionChain *)(store->arena + offset);
    chain->hash = hash;
    chain->depth = depth;
    chain->reserved0 = 0;
    u64 *words = (u64 *)(chain + 1);
    for (u32 i = 0; i < depth; i++)
        words[i] = returns[i];
    return (u32)(offset / REGION_CHAIN_UNIT);
}

u32 chain_intern(ChainStore *store, const u64 *returns, u32 depth)
{
    u64 hash = hash_chain(returns, depth);
    u64 tag = hash & UINT64_C(0xFFFFFFFF00000000);
    u64 at = hash & store->table_mask;
    u32 ours = 0;
    for (u32 probe = 0; probe < PROBES; probe++, at = (at + 1) & store->table_mask) {
        u64 entry = __atomic_load_n(&store->table[at], __ATOMIC_ACQUIRE);
        if (entry == 0) {
            if (ours == 0) {
                ours = append(store, hash, returns, depth);
                if (ours == 0)
                    return 0;
            }
            if (__atomic_compare_exchange_n(&store->table[at], &entry, tag | ours, 0, __ATOMIC_RELEASE, __ATOMIC_ACQUIRE))
                return ours;
        }
        if ((entry & UINT64_C(0xFFFFFFFF00000000)) == tag) {
            u32 id = (u32)entry;
            if (same_chain(store, id, hash, returns, depth))
                return id;
        }
    }
    /* No free entry within reach. Not 0 when one was snatched away after the chain had been written: it can be used. */
    return ours;
}
