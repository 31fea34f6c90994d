#!/usr/bin/env node
// The check comes first and by itself: an old Node could not even read the rest.
await import('../check-node.mjs')
await import('./main.ts')
