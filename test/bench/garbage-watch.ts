/** For a process that was started with this file: SIGUSR2 begins to count its garbage, and the next one tells it to a file. */
import { renameSync, writeFileSync } from 'node:fs'
import { GCProfiler } from 'node:v8'
import { isMainThread } from 'node:worker_threads'

export type Garbage = {
  readonly collections: number
  readonly fullCollections: number
  /** What the collections of young objects freed, and what they moved to the old ones. */
  readonly freedBytes: number
  readonly keptBytes: number
  readonly pauseUs: number
}

type Collection = ReturnType<GCProfiler['stop']>['statistics'][number]

function usedIn(heap: Collection['beforeGC'], space: string): number {
  return heap.heapSpaceStatistics.find(({ spaceName }) => spaceName === space)?.spaceUsedSize ?? 0
}

function grown({ beforeGC, afterGC }: Collection, space: string): number {
  return usedIn(afterGC, space) - usedIn(beforeGC, space)
}

function garbageOf(all: readonly Collection[]): Garbage {
  const young = all.filter(({ gcType }) => gcType === 'Scavenge')
  const sum = (of: (each: Collection) => number) => young.reduce((total, each) => total + of(each), 0)
  return {
    collections: young.length,
    fullCollections: all.filter(({ gcType }) => gcType === 'MarkSweepCompact').length,
    freedBytes: sum((each) => -grown(each, 'new_space')),
    keptBytes: sum((each) => grown(each, 'old_space')),
    pauseUs: sum(({ cost }) => cost),
  }
}

const file = process.env['GARBAGE_FILE']
if (isMainThread && file) {
  let profiler: GCProfiler | undefined
  process.on('SIGUSR2', () => {
    if (profiler) {
      writeFileSync(`${file}.part`, JSON.stringify(garbageOf(profiler.stop().statistics)))
      renameSync(`${file}.part`, file)
    } else {
      profiler = new GCProfiler()
      profiler.start()
    }
  })
}
